//! Jobs of the locks beyond the mutex: whoever waits goes on, and nobody is where they must not be.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use gort::sync::{Barrier, Condvar, Mutex, OnceLock, PoisonError, RwLock, Semaphore, mpsc};

use crate::jobs::Dice;

/// Whoever panics on a thread meanwhile poisons what is locked there: std counts by thread.
fn inner<T>(result: Result<T, PoisonError<T>>) -> T {
    result.unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn rwlock(seed: u64) -> u64 {
    const EACH: u64 = 60;
    let pair = RwLock::new((0, 0));
    let goroutines = 3 + seed % 4;
    gort::scope(|s| {
        for i in 0..goroutines {
            let pair = &pair;
            s.spawn(move || {
                for n in 0..EACH {
                    if (n + i) % 3 == 0 {
                        let mut pair = inner(pair.write());
                        pair.0 += 1;
                        if n % 8 == 0 {
                            gort::yield_now();
                        }
                        pair.1 += 1;
                    } else {
                        let pair = inner(pair.read());
                        let seen = *pair;
                        if n % 16 == 0 {
                            gort::yield_now();
                        }
                        assert_eq!((seen.0, seen), (seen.1, *pair));
                    }
                }
            });
        }
    });
    assert_eq!(inner(pair.into_inner()), (goroutines * EACH / 3, goroutines * EACH / 3));
    goroutines * EACH
}

pub(crate) fn condvar(seed: u64) -> u64 {
    const EACH: u64 = 40;
    let (place, filled, emptied) = (Mutex::new(None), Condvar::new(), Condvar::new());
    let (pairs, sum) = (1 + seed % 3, AtomicU64::new(0));
    gort::scope(|s| {
        for _ in 0..pairs {
            s.spawn(|| {
                for n in 0..EACH {
                    // Not `wait_while`, which comes back early when it finds poison.
                    let mut content = inner(place.lock());
                    while content.is_some() {
                        content = inner(emptied.wait(content));
                    }
                    *content = Some(n);
                    drop(content);
                    filled.notify_one();
                }
            });
            s.spawn(|| {
                let mut dice = Dice::new(seed);
                for _ in 0..EACH {
                    let mut content = inner(place.lock());
                    while content.is_none() {
                        let time = Duration::from_micros(10 + dice.below(1000));
                        content = inner(filled.wait_timeout(content, time)).0;
                    }
                    sum.fetch_add(content.take().unwrap_or(0), Ordering::Relaxed);
                    drop(content);
                    emptied.notify_one();
                }
            });
        }
    });
    assert_eq!(sum.into_inner(), pairs * EACH * (EACH - 1) / 2);
    pairs * EACH
}

pub(crate) fn barrier(seed: u64) -> u64 {
    const ROUNDS: u64 = 20;
    let tasks = 2 + seed % 4;
    let (barrier, come) = (Barrier::new(2 + (seed % 4) as usize), AtomicU64::new(0));
    let led = AtomicU64::new(0);
    gort::scope(|s| {
        for _ in 0..tasks {
            s.spawn(|| {
                for round in 1..=ROUNDS {
                    come.fetch_add(1, Ordering::SeqCst);
                    led.fetch_add(u64::from(barrier.wait().is_leader()), Ordering::Relaxed);
                    let come = come.load(Ordering::SeqCst);
                    assert!((round * tasks..(round + 1) * tasks).contains(&come));
                }
            });
        }
    });
    assert_eq!(led.into_inner(), ROUNDS);
    tasks * ROUNDS
}

pub(crate) fn semaphore(seed: u64) -> u64 {
    let (permits, got) = (1 + seed % 3, AtomicU64::new(0));
    let (semaphore, inside) = (Semaphore::new(permits as usize), AtomicU64::new(0));
    gort::scope(|s| {
        for i in 0..6 {
            let (semaphore, inside, got) = (&semaphore, &inside, &got);
            s.spawn(move || {
                for n in 0..20 {
                    let time = Duration::from_micros(n * 7);
                    let permit = match i % 2 {
                        0 => Some(semaphore.acquire()),
                        _ => semaphore.acquire_timeout(time),
                    };
                    if let Some(_permit) = permit {
                        got.fetch_add(1, Ordering::Relaxed);
                        assert!(inside.fetch_add(1, Ordering::SeqCst) < permits);
                        gort::yield_now();
                        inside.fetch_sub(1, Ordering::SeqCst);
                    }
                }
            });
        }
    });
    assert_eq!(semaphore.available() as u64, permits);
    got.into_inner()
}

pub(crate) fn once(seed: u64) -> u64 {
    let (place, runs) = (OnceLock::new(), AtomicU64::new(0));
    let goroutines = 2 + seed % 6;
    gort::scope(|s| {
        for i in 0..goroutines {
            let (place, runs) = (&place, &runs);
            s.spawn(move || {
                let value = if i == 0 {
                    place.wait()
                } else {
                    place.get_or_init(|| {
                        runs.fetch_add(1, Ordering::Relaxed);
                        gort::yield_now();
                        Box::new(seed)
                    })
                };
                assert_eq!(**value, seed);
            });
        }
    });
    assert_eq!(runs.into_inner(), 1);
    goroutines
}

pub(crate) fn mpsc(seed: u64) -> u64 {
    const EACH: u64 = 100;
    let senders = 1 + seed % 4;
    let (tx, rx) = mpsc::channel();
    let (sync_tx, sync_rx) = mpsc::sync_channel((seed % 3) as usize);
    for _ in 0..senders {
        let (tx, sync_tx) = (tx.clone(), sync_tx.clone());
        gort::go(move || {
            for n in 0..EACH {
                tx.send(n).expect("received");
                sync_tx.send(n).expect("received");
            }
        });
    }
    drop((tx, sync_tx));
    let sums = (sync_rx.iter().sum::<u64>(), rx.iter().sum::<u64>());
    let sum = senders * EACH * (EACH - 1) / 2;
    assert_eq!(sums, (sum, sum));
    2 * senders * EACH
}
