//! What there is to do: a table, with a line for each primitive or way to use one.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use gort::chan;
use gort::sync::{Mutex, PoisonError, WaitGroup};

use crate::{channels, locks, sockets};

/// Something to be done again and again. It takes milliseconds, checks its own result, and leaves
/// nothing running.
pub(crate) struct Job {
    pub(crate) name: &'static str,
    /// How many goroutines do it at the same time.
    pub(crate) at_once: usize,
    /// Takes a seed, returns how many operations that was.
    pub(crate) run: fn(u64) -> u64,
}

/// All of them.
pub(crate) const JOBS: &[Job] = &[
    Job { name: "rendezvous channel", at_once: 2, run: channels::rendezvous },
    Job { name: "buffered channel", at_once: 2, run: channels::buffered },
    Job { name: "unbounded channel", at_once: 2, run: channels::unbounded },
    Job { name: "channel with deadlines", at_once: 2, run: channels::deadlines },
    Job { name: "channel with plain threads", at_once: 1, run: channels::plain_threads },
    Job { name: "channel that disconnects", at_once: 2, run: channels::disconnects },
    Job { name: "mutex", at_once: 2, run: mutex },
    Job { name: "reader-writer lock", at_once: 2, run: locks::rwlock },
    Job { name: "condition variable", at_once: 2, run: locks::condvar },
    Job { name: "barrier", at_once: 2, run: locks::barrier },
    Job { name: "semaphore", at_once: 2, run: locks::semaphore },
    Job { name: "once", at_once: 2, run: locks::once },
    Job { name: "mpsc channel", at_once: 2, run: locks::mpsc },
    Job { name: "wait group", at_once: 2, run: wait_group },
    Job { name: "spawn and join", at_once: 2, run: spawn_join },
    Job { name: "stacks of all sizes", at_once: 1, run: stacks },
    Job { name: "scope", at_once: 2, run: scope },
    Job { name: "panic", at_once: 2, run: panics },
    Job { name: "blocking call", at_once: 2, run: blocking },
    Job { name: "hog", at_once: 2, run: hog },
    Job { name: "held thread", at_once: 3, run: held },
    Job { name: "locked thread", at_once: 1, run: locked },
    Job { name: "select", at_once: 2, run: channels::selects },
    Job { name: "timer", at_once: 2, run: timers },
    Job { name: "cancelled timer", at_once: 2, run: cancelled },
    Job { name: "yield", at_once: 1, run: yields },
    Job { name: "connection", at_once: 2, run: sockets::echo },
    Job { name: "connection that is reset", at_once: 1, run: sockets::reset },
    Job { name: "connection with a timeout", at_once: 1, run: sockets::timeout },
];

/// Numbers that a seed decides.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Dice {
        Dice(seed | 1)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

fn mutex(seed: u64) -> u64 {
    const EACH: u64 = 200;
    let total = Mutex::new(0);
    let goroutines = 2 + seed % 6;
    gort::scope(|s| {
        for _ in 0..goroutines {
            s.spawn(|| {
                for n in 0..EACH {
                    // Whoever panics on this thread meanwhile poisons it: std counts by thread.
                    let mut guard = total.lock().unwrap_or_else(PoisonError::into_inner);
                    let before = *guard;
                    if n % 32 == 0 {
                        gort::yield_now();
                    }
                    *guard = before + 1;
                }
            });
        }
    });
    let total = total.into_inner().unwrap_or_else(PoisonError::into_inner);
    assert_eq!(total, goroutines * EACH);
    total
}

fn wait_group(seed: u64) -> u64 {
    let n = 10 + seed % 50;
    let (group, count) = (Arc::new(WaitGroup::new()), Arc::new(AtomicU64::new(0)));
    for i in 0..n {
        let (group, count) = (Arc::clone(&group), Arc::clone(&count));
        group.add(1);
        gort::go(move || {
            if i % 3 == 0 {
                gort::yield_now();
            }
            count.fetch_add(1, Ordering::Relaxed);
            group.done();
        });
    }
    group.wait();
    assert_eq!(count.load(Ordering::Relaxed), n);
    n
}

fn spawn_join(seed: u64) -> u64 {
    fn tree(depth: u64) -> u64 {
        if depth == 0 {
            return 1;
        }
        let left = gort::spawn(move || tree(depth - 1));
        let right = gort::spawn(move || tree(depth - 1));
        left.join().unwrap() + right.join().unwrap() + 1
    }
    let depth = 4 + seed % 4;
    let nodes = tree(depth);
    assert_eq!(nodes, (2 << depth) - 1);
    nodes
}

fn stacks(seed: u64) -> u64 {
    let mut dice = Dice::new(seed);
    let handles: Vec<_> = (0..12)
        .map(|_| {
            let kib = 16 << dice.below(7);
            let builder = gort::thread::Builder::new().stack_size(kib << 10);
            builder.spawn(move || std::hint::black_box([1_u8; 4096]).len()).unwrap()
        })
        .collect();
    handles.into_iter().map(|handle| u64::from(handle.join().unwrap() == 4096)).sum()
}

fn scope(seed: u64) -> u64 {
    let list: Vec<u64> = (0..64).map(|n| n ^ seed).collect();
    let sum = AtomicU64::new(0);
    gort::scope(|s| {
        for part in list.chunks(8) {
            s.spawn(|| {
                gort::yield_now();
                let part = part.iter().fold(0, |sum: u64, n| sum.wrapping_add(*n));
                sum.fetch_add(part, Ordering::Relaxed);
            });
        }
    });
    let expected = list.iter().fold(0, |sum: u64, n| sum.wrapping_add(*n));
    assert_eq!(sum.into_inner(), expected);
    list.len() as u64
}

/// Waits while it unwinds.
struct Sends(chan::Sender<u64>);

impl Drop for Sends {
    fn drop(&mut self) {
        gort::yield_now();
        self.0.send(1).expect("the one who joins receives");
        gort::sleep(Duration::from_micros(20));
    }
}

fn panics(seed: u64) -> u64 {
    let n = 4 + seed % 8;
    let (tx, rx) = chan::bounded(0);
    let handles: Vec<_> = (0..n)
        .map(|i| {
            let sends = Sends(tx.clone());
            gort::spawn(move || {
                let _sends = sends;
                gort::yield_now();
                assert!(i % 2 == 0, "expected {i}");
                i
            })
        })
        .collect();
    drop(tx);
    assert_eq!(rx.iter().sum::<u64>(), n);
    for (i, handle) in handles.into_iter().enumerate() {
        assert_eq!(handle.join().ok(), (i % 2 == 0).then_some(i as u64));
    }
    let aside = catch_unwind(AssertUnwindSafe(|| {
        gort::blocking(|| panic!("expected, of a blocking call"))
    }));
    assert!(aside.is_err());
    n + 1
}

fn blocking(seed: u64) -> u64 {
    let calls = 1 + seed % 6;
    let count = AtomicU64::new(0);
    gort::scope(|s| {
        for i in 0..calls {
            let count = &count;
            s.spawn(move || {
                gort::blocking(|| {
                    std::thread::sleep(Duration::from_micros(200 * i));
                    count.fetch_add(1, Ordering::Relaxed);
                });
            });
        }
    });
    assert_eq!(count.into_inner(), calls);
    calls
}

/// Computes without ever giving way, now and then for longer than a processor is left to one.
fn hog(seed: u64) -> u64 {
    let most = if (seed >> 8).is_multiple_of(8) { 25_000 } else { 3000 };
    let end = Instant::now() + Duration::from_micros(100 + (seed >> 11) % most);
    let mut n = seed;
    while Instant::now() < end {
        n = std::hint::black_box(n.wrapping_mul(3));
    }
    gort::sleep(Duration::from_millis(4));
    1
}

/// Holds its thread in a system call that the runtime knows nothing of.
fn held(seed: u64) -> u64 {
    std::thread::sleep(Duration::from_micros(100 + seed % 3000));
    gort::sleep(Duration::from_millis(4));
    1
}

/// Waits with a thread for itself, where there is one to be had.
fn locked(seed: u64) -> u64 {
    let (tx, rx) = chan::bounded(1);
    let n = 5 + seed % 20;
    let sender = gort::spawn(move || (0..n).for_each(|i| tx.send(i).unwrap()));
    let alone = gort::lock_os_thread(|| {
        gort::sleep(Duration::from_micros(50));
        rx.iter().sum::<u64>()
    });
    let sum = alone.unwrap_or_else(|_| rx.iter().sum());
    assert_eq!(sum, n * (n - 1) / 2);
    sender.join().unwrap();
    n
}

fn timers(seed: u64) -> u64 {
    let mut dice = Dice::new(seed);
    let handles: Vec<_> = (0..20)
        .map(|_| {
            let time = Duration::from_micros(dice.below(2000));
            gort::spawn(move || {
                let start = Instant::now();
                gort::sleep(time);
                assert!(start.elapsed() >= time, "a sleep was cut short");
            })
        })
        .collect();
    let n = handles.len() as u64;
    handles.into_iter().for_each(|handle| handle.join().unwrap());
    n
}

/// Deadlines that don't come, for what is waited for comes first.
fn cancelled(seed: u64) -> u64 {
    let n = 20 + seed % 40;
    let (tx, rx) = chan::bounded(0);
    let sender = gort::spawn(move || (0..n).for_each(|i| tx.send(i).unwrap()));
    for i in 0..n {
        assert_eq!(rx.recv_timeout(Duration::from_secs(3600)), Ok(i));
    }
    sender.join().unwrap();
    n
}

fn yields(seed: u64) -> u64 {
    let n = 100 + seed % 100;
    gort::scope(|s| {
        for _ in 0..4 {
            s.spawn(|| (0..n).for_each(|_| gort::yield_now()));
        }
    });
    4 * n
}
