//! The locks of `gort::sync` beyond the mutex, among goroutines and plain threads.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use gort::sync::{Barrier, Condvar, Mutex, Once, OnceLock, RwLock, RwLockWriteGuard, Semaphore};

use crate::plain::plain;
use crate::programs::Setting;

const US: Duration = Duration::from_micros(1);

/// Readers and writers, some of whom wait while they are inside, and writers that become readers.
pub(crate) fn rwlock(setting: Setting) {
    fn use_it(lock: &RwLock<(u64, u64)>, i: u64) {
        if i.is_multiple_of(3) {
            let mut pair = lock.write().expect("not poisoned");
            pair.0 += 1;
            if i.is_multiple_of(2) {
                gort::yield_now();
            }
            pair.1 += 1;
            if i.is_multiple_of(5) {
                let pair = RwLockWriteGuard::downgrade(pair);
                gort::yield_now();
                assert_eq!(pair.0, pair.1);
            }
        } else {
            let pair = lock.read().expect("not poisoned");
            let seen = pair.0;
            if i.is_multiple_of(2) {
                gort::yield_now();
            }
            assert_eq!((pair.0, pair.1), (seen, seen));
        }
    }
    let lock = Arc::new(RwLock::new((0, 0)));
    let theirs = lock.clone();
    let beside = plain(move || (0..6).for_each(|i| use_it(&theirs, i)));
    let ours = lock.clone();
    setting.run(move || {
        let handles: Vec<_> = (0..4)
            .map(|n| {
                let lock = ours.clone();
                gort::spawn(move || (n..n + 6).for_each(|i| use_it(&lock, i)))
            })
            .collect();
        handles.into_iter().for_each(|h| h.join().expect("no panic"));
    });
    drop(beside);
    assert_eq!(*lock.try_write().expect("free"), (10, 10));
}

/// A mutex that is held for so long, and taken again at once, that others lose their patience.
pub(crate) fn patience(setting: Setting) {
    fn use_it(lock: &Mutex<u64>, inside: &AtomicU64, rounds: u64) {
        for round in 0..rounds {
            let mut count = lock.lock().expect("not poisoned");
            assert_eq!(inside.fetch_add(1, Ordering::Relaxed), 0, "two hold the mutex");
            os_sim::advance(1_100 * US);
            if round.is_multiple_of(2) {
                gort::yield_now();
            }
            *count += 1;
            assert_eq!(inside.fetch_sub(1, Ordering::Relaxed), 1, "two held the mutex");
        }
    }
    let (lock, inside) = (Arc::new(Mutex::new(0)), Arc::new(AtomicU64::new(0)));
    let (theirs, them) = (lock.clone(), inside.clone());
    let beside = plain(move || use_it(&theirs, &them, 3));
    let ours = lock.clone();
    setting.run(move || {
        let handles: Vec<_> = (0..4)
            .map(|_| {
                let (lock, inside) = (ours.clone(), inside.clone());
                gort::spawn(move || use_it(&lock, &inside, 6))
            })
            .collect();
        handles.into_iter().for_each(|h| h.join().expect("no panic"));
    });
    drop(beside);
    assert_eq!(lock.try_lock().map(|count| *count).ok(), Some(27));
}

/// A runtime ends while a writer waits for a reader outside, and others for that writer.
pub(crate) fn left_writers(setting: Setting) {
    let lock = Arc::new(RwLock::new(0));
    let outside = lock.read().expect("not poisoned");
    let ours = lock.clone();
    setting.run(move || {
        for i in 0..4 {
            let lock = ours.clone();
            gort::go(move || match i % 2 {
                0 => *lock.write().expect("not poisoned") += 1,
                _ => drop(lock.read().expect("not poisoned")),
            });
        }
        gort::sleep(20 * US);
    });
    drop(outside);
    assert_eq!(*lock.read().expect("not poisoned"), 0);
    *lock.write().expect("not poisoned") += 1;
    assert_eq!(*lock.try_write().expect("free"), 1);
}

/// A buffer of one place, whose ends wait for each other with and without a time limit; and at the
/// end all are told at once.
pub(crate) fn condvar(setting: Setting) {
    #[derive(Default)]
    struct Place {
        content: Mutex<(Option<u64>, bool)>,
        filled: Condvar,
        emptied: Condvar,
    }
    fn put(place: &Place, n: u64) {
        let content = place.content.lock().expect("not poisoned");
        let mut content =
            place.emptied.wait_while(content, |it| it.0.is_some()).expect("not poisoned");
        content.0 = Some(n);
        drop(content);
        place.filled.notify_one();
    }
    fn take(place: &Place, timed: bool) -> Option<u64> {
        let mut content = place.content.lock().expect("not poisoned");
        while content.0.is_none() && !content.1 {
            content = if timed {
                place.filled.wait_timeout(content, 3 * US).expect("not poisoned").0
            } else {
                place.filled.wait(content).expect("not poisoned")
            };
        }
        let taken = content.0.take();
        drop(content);
        place.emptied.notify_one();
        taken
    }
    let (place, sum) = (Arc::new(Place::default()), Arc::new(AtomicU64::new(0)));
    let ours = place.clone();
    let theirs = place.clone();
    let beside = plain(move || (1..5).for_each(|n| put(&theirs, n)));
    let total = sum.clone();
    setting.run(move || {
        let takers: Vec<_> = (0..3)
            .map(|i| {
                let (place, sum) = (ours.clone(), total.clone());
                gort::spawn(move || {
                    while let Some(n) = take(&place, i == 0) {
                        sum.fetch_add(n, Ordering::Relaxed);
                    }
                })
            })
            .collect();
        let place = ours.clone();
        let putter = gort::spawn(move || (5..9).for_each(|n| put(&place, n)));
        putter.join().expect("no panic");
        while total.load(Ordering::Relaxed) < 36 {
            gort::sleep(US);
        }
        ours.content.lock().expect("not poisoned").1 = true;
        ours.filled.notify_all();
        takers.into_iter().for_each(|h| h.join().expect("no panic"));
    });
    drop(beside);
    assert_eq!(sum.load(Ordering::Relaxed), 36);
}

/// Rounds at a barrier, with a plain thread among those who meet.
pub(crate) fn barrier(setting: Setting) {
    const ROUNDS: u64 = 4;
    fn rounds(barrier: &Barrier, come: &AtomicU64) -> u64 {
        let mut led = 0;
        for round in 1..=ROUNDS {
            come.fetch_add(1, Ordering::SeqCst);
            led += u64::from(barrier.wait().is_leader());
            let come = come.load(Ordering::SeqCst);
            assert!((4 * round..4 * (round + 1)).contains(&come), "{come} in round {round}");
        }
        led
    }
    let shared = Arc::new((Barrier::new(4), AtomicU64::new(0), AtomicU64::new(0)));
    let theirs = shared.clone();
    let beside = plain(move || {
        theirs.2.fetch_add(rounds(&theirs.0, &theirs.1), Ordering::Relaxed);
    });
    let ours = shared.clone();
    setting.run(move || {
        let handles: Vec<_> = (0..3)
            .map(|_| {
                let shared = ours.clone();
                gort::spawn(move || rounds(&shared.0, &shared.1))
            })
            .collect();
        let led: u64 = handles.into_iter().map(|h| h.join().expect("no panic")).sum();
        ours.2.fetch_add(led, Ordering::Relaxed);
    });
    drop(beside);
    assert_eq!(shared.2.load(Ordering::Relaxed), ROUNDS);
}

/// Two permits for goroutines and a plain thread; some give up after a time.
pub(crate) fn semaphore(setting: Setting) {
    fn use_it(semaphore: &Semaphore, inside: &AtomicU64, timed: bool) {
        for i in 0..4u32 {
            let permit =
                if timed { semaphore.acquire_timeout(US * i) } else { Some(semaphore.acquire()) };
            let Some(permit) = permit else { continue };
            assert!(inside.fetch_add(1, Ordering::SeqCst) < 2);
            gort::yield_now();
            inside.fetch_sub(1, Ordering::SeqCst);
            drop(permit);
        }
    }
    let shared = Arc::new((Semaphore::new(2), AtomicU64::new(0)));
    let theirs = shared.clone();
    let beside = plain(move || use_it(&theirs.0, &theirs.1, false));
    let ours = shared.clone();
    setting.run(move || {
        let handles: Vec<_> = (0..4)
            .map(|i| {
                let shared = ours.clone();
                gort::spawn(move || use_it(&shared.0, &shared.1, i == 0))
            })
            .collect();
        handles.into_iter().for_each(|h| h.join().expect("no panic"));
    });
    drop(beside);
    assert_eq!(shared.0.available(), 2);
}

/// What is done once, by one of several, while the others and a plain thread wait; the first who
/// tries fails.
pub(crate) fn once(setting: Setting) {
    struct Fails;
    #[derive(Default)]
    struct Shared {
        place: OnceLock<u64>,
        tries: AtomicU64,
        runs: AtomicU64,
    }
    let (once, shared) = (Arc::new(Once::new()), Arc::new(Shared::default()));
    let theirs = (once.clone(), shared.clone());
    let beside = plain(move || {
        theirs.0.wait_force();
        assert_eq!(*theirs.1.place.wait(), 7);
    });
    let ours = (once.clone(), shared.clone());
    setting.run(move || {
        let handles: Vec<_> = (0..4)
            .map(|_| {
                let (once, shared) = ours.clone();
                gort::spawn(move || {
                    let work = || {
                        once.call_once_force(|_| {
                            gort::yield_now();
                            if shared.tries.fetch_add(1, Ordering::Relaxed) == 0 {
                                // Without the hook's message: this is no news.
                                std::panic::resume_unwind(Box::new(Fails));
                            }
                        });
                    };
                    let failed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
                    let value = *shared.place.get_or_init(|| {
                        shared.runs.fetch_add(1, Ordering::Relaxed);
                        gort::yield_now();
                        7
                    });
                    (u64::from(failed.is_err()), value)
                })
            })
            .collect();
        let ends: Vec<_> = handles.into_iter().map(|h| h.join().expect("no panic")).collect();
        assert_eq!(ends.iter().map(|end| end.0).sum::<u64>(), 1);
        assert!(ends.iter().all(|end| end.1 == 7));
    });
    drop(beside);
    assert!(once.is_completed());
    assert_eq!(shared.tries.load(Ordering::Relaxed), 2);
    assert_eq!(shared.runs.load(Ordering::Relaxed), 1);
}
