//! Sleeping and waiting with a limit.

use std::sync::Arc;
use std::sync::Mutex as StdMutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use gort::chan::{self, RecvTimeoutError, SendTimeoutError};
use tests::{Footprint, MODES, Mode, alone, compute_for, everywhere, ms, yield_until};

/// Longer than any test.
const HOUR: Duration = Duration::from_secs(3600);

/// Much later than any timer comes but on a machine that does something else altogether.
const LATE: Duration = Duration::from_secs(5);

/// Sleeps and returns how much later than asked that ended.
fn lateness(duration: Duration) -> Duration {
    let start = Instant::now();
    gort::sleep(duration);
    let elapsed = start.elapsed();
    assert!(elapsed >= duration, "slept {elapsed:?} instead of {duration:?}");
    elapsed - duration
}

const DURATIONS: [Duration; 8] = [
    Duration::ZERO,
    Duration::from_nanos(1),
    Duration::from_micros(1),
    Duration::from_micros(50),
    Duration::from_micros(999),
    Duration::from_millis(1),
    Duration::from_micros(1500),
    Duration::from_millis(10),
];

#[test]
fn no_sleep_is_short() {
    let all = || {
        for duration in DURATIONS {
            assert!(lateness(duration) < LATE);
        }
    };
    all();
    everywhere(|_| {
        let others: Vec<_> = (0..10).map(|_| gort::spawn(all)).collect();
        all();
        others.into_iter().for_each(|other| other.join().unwrap());
    });
}

#[test]
fn a_short_sleep_is_not_rounded_up_to_a_millisecond() {
    everywhere(|_| {
        // The best of many: one undisturbed moment is enough.
        let best = (0..500).map(|_| lateness(Duration::from_micros(50))).min();
        assert!(best.is_some_and(|best| best < Duration::from_micros(900)), "{best:?}");
    });
    // With a socket that is waited for, the worker sleeps in its poller.
    everywhere(|_| {
        let listener = gort::net::TcpListener::bind("127.0.0.1:0").unwrap();
        gort::go(move || drop(listener.accept()));
        let best = (0..500).map(|_| lateness(Duration::from_micros(50))).min();
        assert!(best.is_some_and(|best| best < Duration::from_micros(900)), "{best:?}");
    });
}

#[test]
fn sleepers_wake_in_the_order_of_their_deadlines() {
    for mode in [Mode::Stays(1), Mode::Migrates(1)] {
        mode.run(|| {
            // When each at the earliest and at the latest can have been asked to be woken, in the
            // order in which they woke.
            let woken = Arc::new(StdMutex::new(Vec::new()));
            let handles: Vec<_> = (0..200_u64)
                .map(|i| {
                    let woken = Arc::clone(&woken);
                    gort::spawn(move || {
                        let duration = Duration::from_micros(5000 + i * 7919 % 200 * 100);
                        let before = Instant::now();
                        let earliest = before + duration;
                        gort::sleep(duration);
                        woken.lock().unwrap().push((earliest, before));
                    })
                })
                .collect();
            handles.into_iter().for_each(|handle| handle.join().unwrap());
            let woken = woken.lock().unwrap();
            // A goroutine's deadline is between its `earliest` and that plus the time until the next
            // one began, for on one processor they begin one after the other.
            let mut begun: Vec<_> = woken.iter().map(|&(_, before)| before).collect();
            begun.sort();
            let longest = begun.windows(2).map(|two| two[1] - two[0]).max().unwrap_or_default();
            let mut latest = woken[0].0;
            for &(earliest, _) in &*woken {
                assert!(
                    earliest + longest >= latest,
                    "woke {:?} after one whose deadline was later",
                    latest - earliest
                );
                latest = latest.max(earliest);
            }
        });
    }
}

#[test]
fn ten_thousand_sleepers() {
    everywhere(|_| {
        let ended = Arc::new(AtomicUsize::new(0));
        let handles: Vec<_> = (0..10_000)
            .map(|i: u64| {
                let ended = Arc::clone(&ended);
                gort::spawn(move || {
                    let late = lateness(Duration::from_micros(i * 7919 % 50_000));
                    ended.fetch_add(1, Ordering::Relaxed);
                    late
                })
            })
            .collect();
        let worst = handles.into_iter().map(|handle| handle.join().unwrap()).max();
        assert_eq!(ended.load(Ordering::Relaxed), 10_000);
        assert!(worst.is_some_and(|worst| worst < LATE), "{worst:?}");
    });
}

/// Whoever is one too many for a heap has the wheel made, and needs no more of its stack for that.
#[test]
fn many_sleepers_on_the_smallest_stacks() {
    Mode::Stays(1).run(|| {
        let sleepers: Vec<_> = (0..2_000)
            .map(|i| {
                let sleeper = gort::thread::Builder::new().stack_size(1);
                sleeper.spawn(move || lateness(Duration::from_micros(100_000 + i))).unwrap()
            })
            .collect();
        let worst = sleepers.into_iter().map(|sleeper| sleeper.join().unwrap()).max();
        assert!(worst.is_some_and(|worst| worst < LATE), "{worst:?}");
    });
}

#[test]
fn limits_that_are_over_at_once() {
    everywhere(|_| limits_of_zero());
    limits_of_zero();
}

fn limits_of_zero() {
    let (tx, rx) = chan::bounded(0);
    assert_eq!(rx.recv_timeout(Duration::ZERO), Err(RecvTimeoutError::Timeout));
    assert_eq!(tx.send_timeout(1, Duration::ZERO), Err(SendTimeoutError::Timeout(1)));
    let (tx, rx) = chan::bounded(1);
    tx.send_timeout(1, Duration::ZERO).unwrap();
    assert_eq!(rx.recv_timeout(Duration::ZERO), Ok(1));
}

#[test]
fn a_limit_beyond_all_time_never_comes() {
    everywhere(|_| {
        let (tx, rx) = chan::bounded(0);
        let receiver = gort::spawn(move || rx.recv_timeout(Duration::MAX));
        // Abandoned in the end.
        gort::go(|| gort::sleep(Duration::MAX));
        gort::sleep(ms(2));
        tx.send_timeout(7, Duration::MAX).unwrap();
        assert_eq!(receiver.join().unwrap(), Ok(7));
    });
    let (tx, rx) = chan::bounded(0);
    let receiver = thread::spawn(move || rx.recv_timeout(Duration::MAX));
    tx.send_timeout(7, Duration::MAX).unwrap();
    assert_eq!(receiver.join().unwrap(), Ok(7));
}

#[test]
fn limits_on_plain_threads() {
    let (tx, rx) = chan::bounded::<i32>(0);
    let start = Instant::now();
    assert_eq!(rx.recv_timeout(ms(5)), Err(RecvTimeoutError::Timeout));
    assert_eq!(tx.send_timeout(1, ms(5)), Err(SendTimeoutError::Timeout(1)));
    assert!(start.elapsed() >= ms(10));
}

#[test]
fn timers_that_are_not_needed_leave_nothing() {
    alone("timers::timers_that_are_not_needed_leave_nothing", || {
        for mode in MODES {
            mode.run(|| {
                let (tx, rx) = chan::bounded(0);
                let (back, reply) = chan::bounded(0);
                gort::go(move || {
                    while let Ok(n) = rx.recv_timeout(HOUR) {
                        back.send_timeout(n, HOUR).unwrap();
                    }
                });
                let round = |n: usize| {
                    tx.send_timeout(n, HOUR).unwrap();
                    assert_eq!(reply.recv_timeout(HOUR), Ok(n));
                };
                (0..1000).for_each(round);
                let before = Footprint::now();
                // Were each timer kept, there would be 1.9 MB of entries alone.
                (0..30_000).for_each(round);
                before.comes_back(Footprint { resident_kib: 512, ..Footprint::WORKERS });
            });
        }
    });
}

#[test]
fn limits_and_messages_race() {
    everywhere(|_| {
        // Each message is received, or given back: none twice, none lost.
        let (tx, rx) = chan::bounded::<u64>(0);
        let senders: Vec<_> = (0..4)
            .map(|sender| {
                let tx = tx.clone();
                gort::spawn(move || {
                    let limit = |i| Duration::from_micros(10 + (i * 37 + sender) % 60);
                    (0..300).filter(|&i| tx.send_timeout(i, limit(i)).is_ok()).sum::<u64>()
                })
            })
            .collect();
        drop(tx);
        let receivers: Vec<_> = (0..4)
            .map(|receiver| {
                let rx = rx.clone();
                gort::spawn(move || {
                    let mut sum = 0;
                    for i in 0_u64.. {
                        let limit = Duration::from_micros(10 + (i * 53 + receiver) % 60);
                        match rx.recv_timeout(limit) {
                            Ok(n) => sum += n,
                            Err(RecvTimeoutError::Timeout) => {}
                            Err(RecvTimeoutError::Disconnected) => break,
                        }
                    }
                    sum
                })
            })
            .collect();
        let sum = |handles: Vec<gort::JoinHandle<u64>>| -> u64 {
            handles.into_iter().map(|handle| handle.join().unwrap()).sum()
        };
        assert_eq!(sum(senders), sum(receivers));
    });
}

#[test]
fn a_sleeper_is_not_held_up_by_those_who_yield() {
    everywhere(|mode| {
        let stop = Arc::new(AtomicBool::new(false));
        let yielders: Vec<_> = (0..2 * mode.procs())
            .map(|_| {
                let stop = Arc::clone(&stop);
                gort::spawn(move || yield_until(&stop))
            })
            .collect();
        let sleepers: Vec<_> = (0..20).map(|_| gort::spawn(|| lateness(ms(2)))).collect();
        let worst = sleepers.into_iter().map(|sleeper| sleeper.join().unwrap()).max();
        stop.store(true, Ordering::Relaxed);
        assert!(worst.is_some_and(|worst| worst < LATE), "{worst:?}");
        yielders.into_iter().for_each(|handle| handle.join().unwrap());
    });
}

#[test]
fn a_sleeper_is_woken_beside_one_that_seldom_yields() {
    everywhere(|_| {
        // Holds its worker for 100 µs at a time, so that 61 turns would be 6 ms.
        let stop = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&stop);
        let other = gort::spawn(move || {
            while !flag.load(Ordering::Relaxed) {
                compute_for(100);
                gort::yield_now();
            }
        });
        let best = (0..50).map(|_| lateness(ms(1))).min();
        stop.store(true, Ordering::Relaxed);
        other.join().unwrap();
        assert!(best.is_some_and(|best| best < ms(3)), "{best:?}");
    });
}
