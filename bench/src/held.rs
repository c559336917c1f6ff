//! Workers that are held up, and those that have nothing to do.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use gort::chan;

use crate::figures::{Figures, Given};

/// How long the waker stays busy after each wake-up, and rests before it.
const BUSY: Duration = Duration::from_micros(500);
const REST: Duration = Duration::from_millis(1);

/// Holds the worker so long.
fn spin(duration: Duration) {
    let start = Instant::now();
    while start.elapsed() < duration {
        std::hint::spin_loop();
    }
}

/// How long it takes until a goroutine runs that was woken by one that goes on computing.
pub(crate) fn wakeup(given: Given) -> Figures {
    let (tx, rx) = chan::bounded::<Instant>(1);
    let started = Arc::new(AtomicBool::new(false));
    let woken = gort::spawn({
        let started = Arc::clone(&started);
        move || {
            // Release: pairs with the Acquire below.
            started.store(true, Ordering::Release);
            rx.iter().map(|sent: Instant| sent.elapsed()).collect::<Vec<_>>()
        }
    });
    // While this worker is held, another one has to start it. With one processor nobody does.
    let since = Instant::now();
    // Acquire: pairs with the Release above.
    while !started.load(Ordering::Acquire) && since.elapsed() < Duration::from_millis(100) {
        std::hint::spin_loop();
    }
    for _ in 0..given.n {
        gort::sleep(REST);
        tx.send(Instant::now()).expect("open");
        spin(BUSY);
    }
    drop(tx);
    let mut took = woken.join().expect("it receives and returns");
    assert_eq!(took.len() as u64, given.n);
    took.sort_unstable();
    let micros = |percent: usize| took[took.len() * percent / 100].as_nanos() as f64 / 1e3;
    Figures::new(micros(50), "us").with("p90_us", micros(90)).with("p99_us", micros(99))
}

/// The longest time that a goroutine which sleeps for milliseconds is kept from running by as many
/// others as there are processors, which compute for `n` milliseconds.
pub(crate) fn hog(given: Given) -> Figures {
    let long = Duration::from_millis(given.n);
    let done = Arc::new(AtomicU64::new(0));
    for _ in 0..given.procs {
        let done = Arc::clone(&done);
        gort::go(move || {
            spin(long);
            // Release: pairs with the Acquire below.
            done.fetch_add(1, Ordering::Release);
        });
    }
    let (mut last, mut gap, mut ticks) = (Instant::now(), Duration::ZERO, 0);
    // Acquire: pairs with the Release above.
    while done.load(Ordering::Acquire) < given.procs as u64 {
        gort::sleep(Duration::from_millis(1));
        let now = Instant::now();
        gap = gap.max(now - last);
        last = now;
        ticks += 1;
    }
    assert!(ticks > 0);
    Figures::new(gap.as_secs_f64() * 1e3, "ms").with("ticks", f64::from(ticks))
}

/// Eight goroutines that sleep for `n` milliseconds by a call of the system, of which nobody is told.
pub(crate) fn blocking_call(given: Given) -> Figures {
    let long = Duration::from_millis(given.n);
    let start = Instant::now();
    let callers: Vec<_> = (0..8).map(|_| gort::spawn(move || std::thread::sleep(long))).collect();
    callers.into_iter().for_each(|caller| caller.join().expect("it sleeps and returns"));
    assert!(start.elapsed() >= long);
    Figures::millis(start)
}

/// `n` goroutines that wait in a channel and `n` that sleep for an hour. Prints a line when they do,
/// and never returns: whoever started this process counts its system calls.
pub(crate) fn idle(given: Given) -> Figures {
    let (tx, rx) = chan::bounded::<()>(0);
    for _ in 0..given.n {
        let rx = rx.clone();
        gort::go(move || assert!(rx.recv().is_err()));
        gort::go(|| gort::sleep(Duration::from_secs(3600)));
    }
    gort::sleep(Duration::from_millis(100));
    println!("{{\"ready\":true}}");
    gort::sleep(Duration::from_secs(3600));
    drop(tx);
    Figures::new(0.0, "calls")
}
