//! Several runtimes in one process: each has its own threads, pollers, stacks and settings, and ends
//! by itself. What is between them is what is between threads: a channel, here.
//!
//! ```text
//!   one thread:  run, small stacks, one worker    -- numbers -->
//!   another:     run, large stacks, two workers   -- sums -----> main, in no runtime at all
//! ```
//!
//! ```text
//! cargo run --release --example embed_several
//! ```

use std::io;
use std::thread;

use gort::chan::{self, Receiver, Sender};

const NUMBERS: u64 = 1000;

/// Where the numbers come from: many goroutines with little to do, on one worker.
fn source(numbers: &Sender<u64>) -> io::Result<()> {
    let runtime = gort::Builder::new().procs(1).stack_size(32 << 10);
    runtime.run(|| {
        gort::scope(|s| {
            for number in 1..=NUMBERS {
                s.spawn(move || numbers.send(number).expect("the other runtime receives"));
            }
        });
    })
}

/// Where they go: two goroutines that recurse, so they have larger stacks.
fn sink(numbers: &Receiver<u64>, sums: &Sender<u64>) -> io::Result<()> {
    /// The sum of the numbers up to this one, in a way that needs stack.
    fn triangle(n: u64) -> u64 {
        if n == 0 { 0 } else { n + std::hint::black_box(triangle(n - 1)) }
    }
    let runtime = gort::Builder::new().procs(2).stack_size(1 << 20);
    runtime.run(|| {
        gort::scope(|s| {
            for _ in 0..2 {
                s.spawn(|| {
                    let sum = numbers.iter().map(triangle).sum();
                    sums.send(sum).expect("main receives");
                });
            }
        });
    })
}

/// Both runtimes at once, each on a thread that is its first worker.
fn both() -> io::Result<u64> {
    // No room: who sends in one runtime waits until somebody receives in the other.
    let (numbers, received) = chan::bounded(0);
    let (sums, results) = chan::unbounded();
    thread::scope(|s| {
        let source = s.spawn(move || source(&numbers));
        let sink = s.spawn(move || sink(&received, &sums));
        // This thread is in no runtime, and sleeps where a goroutine would park.
        let total = results.iter().sum();
        for thread in [source, sink] {
            thread.join().expect("no panic")?;
        }
        Ok(total)
    })
}

fn main() -> io::Result<()> {
    let total = both()?;
    assert_eq!(total, expected());
    println!("{NUMBERS} numbers went from one runtime to another: {total}");
    Ok(())
}

/// The sum of the sums.
fn expected() -> u64 {
    NUMBERS * (NUMBERS + 1) * (NUMBERS + 2) / 6
}

#[test]
fn the_numbers_arrive() {
    assert_eq!(both().unwrap(), expected());
    // And again: nothing of the first two is left to be in the way.
    assert_eq!(both().unwrap(), expected());
}
