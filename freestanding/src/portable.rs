//! A program that uses only the portable part of the API: it is compiled here, without std and
//! libc, and as it stands for hosted programs (`gort/examples/portable.rs`).

use gort::chan::{Receiver, bounded};
use gort::time::Duration;

/// The first `n` primes, by a chain of goroutines that each take out the multiples of one.
pub(crate) fn primes(n: usize) -> impl Iterator<Item = u32> {
    let (tx, mut rx) = bounded(0);
    gort::go(move || {
        for number in 2.. {
            if tx.send(number).is_err() {
                return;
            }
        }
    });
    (0..n).map_while(move |_| {
        let prime = rx.recv().ok()?;
        rx = without_multiples(rx.clone(), prime);
        Some(prime)
    })
}

fn without_multiples(from: Receiver<u32>, prime: u32) -> Receiver<u32> {
    let (tx, rx) = bounded(0);
    gort::go(move || {
        for number in from.iter().filter(|number| !number.is_multiple_of(prime)) {
            if tx.send(number).is_err() {
                return;
            }
        }
    });
    rx
}

/// Sleeps for each of these milliseconds at the same time, and returns them as they come to an end.
pub(crate) fn sleepers(millis: &[u64]) -> Receiver<u64> {
    let (tx, rx) = bounded(millis.len());
    for &millis in millis {
        let tx = tx.clone();
        gort::go(move || {
            gort::sleep(Duration::from_millis(millis));
            // Who has asked may have gone.
            let _ = tx.send(millis);
        });
    }
    rx
}
