//! Many readers or one writer, and neither starves.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, TryLockError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use gort::sync::{RwLock, RwLockWriteGuard};
use gort::time::timeout;
use tests::{MODES, Mode, compute_for, spin_until};

use crate::world::{World, everywhere, settle};

const N: usize = if cfg!(debug_assertions) { 500 } else { 10_000 };

#[test]
fn writers_are_alone() {
    everywhere(|world| {
        let lock = Arc::new(RwLock::new((0, 0)));
        let writers = (0..4).map(|_| {
            let lock = lock.clone();
            world.spawn(move || {
                for n in 0..N {
                    let mut pair = lock.write().unwrap();
                    pair.0 += 1;
                    if n % 64 == 0 {
                        gort::yield_now();
                    }
                    pair.1 += 1;
                }
            })
        });
        let writers: Vec<_> = writers.collect();
        let readers = (0..4).map(|_| {
            let lock = lock.clone();
            world.spawn(move || {
                for n in 0..N {
                    let pair = lock.read().unwrap();
                    let before = *pair;
                    if n % 64 == 0 {
                        gort::yield_now();
                    }
                    assert_eq!((pair.0, *pair), (pair.1, before));
                }
            })
        });
        let readers: Vec<_> = readers.collect();
        writers.into_iter().chain(readers).for_each(|task| task.join());
        assert_eq!(*lock.read().unwrap(), (4 * N, 4 * N));
    });
}

#[test]
fn readers_are_inside_together() {
    everywhere(|world| {
        let lock = Arc::new(RwLock::new(()));
        let inside = Arc::new(AtomicUsize::new(0));
        let readers: Vec<_> = (0..6)
            .map(|_| {
                let (lock, inside) = (lock.clone(), inside.clone());
                world.spawn(move || {
                    let _guard = lock.read().unwrap();
                    inside.fetch_add(1, Ordering::Relaxed);
                    while inside.load(Ordering::Relaxed) < 6 {
                        gort::sleep(Duration::from_micros(100));
                    }
                })
            })
            .collect();
        readers.into_iter().for_each(|task| task.join());
        drop(lock.try_write().unwrap());
    });
}

#[test]
fn a_writer_is_not_starved() {
    // Two readers that are never out at the same time, but for the writer.
    everywhere(|world| {
        let lock = Arc::new(RwLock::new(0));
        let (stop, inside) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let readers: Vec<_> = (0..2)
            .map(|_| {
                let (lock, stop, inside) = (lock.clone(), stop.clone(), inside.clone());
                world.spawn(move || {
                    while !stop.load(Ordering::Relaxed) {
                        let _guard = lock.read().unwrap();
                        inside.fetch_add(1, Ordering::Relaxed);
                        gort::sleep(Duration::from_micros(200));
                        inside.fetch_sub(1, Ordering::Relaxed);
                    }
                })
            })
            .collect();
        for _ in 0..20 {
            let mut guard = lock.write().unwrap();
            assert_eq!(inside.load(Ordering::Relaxed), 0);
            *guard += 1;
        }
        stop.store(true, Ordering::Relaxed);
        readers.into_iter().for_each(|task| task.join());
        assert_eq!(*lock.read().unwrap(), 20);
    });
}

#[test]
fn a_reader_is_not_starved() {
    everywhere(|world| {
        let lock = Arc::new(RwLock::new(0));
        let stop = Arc::new(AtomicBool::new(false));
        let writers: Vec<_> = (0..2)
            .map(|_| {
                let (lock, stop) = (lock.clone(), stop.clone());
                world.spawn(move || {
                    while !stop.load(Ordering::Relaxed) {
                        *lock.write().unwrap() += 1;
                        gort::yield_now();
                        let _guard = lock.write().unwrap();
                        gort::sleep(Duration::from_micros(100));
                    }
                })
            })
            .collect();
        (0..20).for_each(|_| drop(lock.read().unwrap()));
        stop.store(true, Ordering::Relaxed);
        writers.into_iter().for_each(|task| task.join());
    });
}

#[test]
fn those_who_wait_come_in() {
    everywhere(|world| {
        let lock = Arc::new(RwLock::new(0));
        let guard = lock.write().unwrap();
        let tasks: Vec<_> = (0..12)
            .map(|i| {
                let lock = lock.clone();
                world.spawn(move || match i % 3 {
                    0 => *lock.write().unwrap() += 1,
                    _ => assert!(*lock.read().unwrap() <= 4),
                })
            })
            .collect();
        settle();
        assert!(matches!(lock.try_read(), Err(TryLockError::WouldBlock)));
        assert!(matches!(lock.try_write(), Err(TryLockError::WouldBlock)));
        drop(guard);
        tasks.into_iter().for_each(|task| task.join());
        assert_eq!(*lock.try_write().unwrap(), 4);
    });
}

#[test]
fn a_writer_becomes_a_reader() {
    everywhere(|world| {
        let lock = Arc::new(RwLock::new(0));
        let mut guard = lock.write().unwrap();
        let tasks: Vec<_> = (0..8)
            .map(|i| {
                let lock = lock.clone();
                world.spawn(move || match i % 2 {
                    0 => *lock.write().unwrap() += 10,
                    _ => assert_eq!(*lock.read().unwrap() % 10, 1),
                })
            })
            .collect();
        settle();
        *guard = 1;
        let guard = RwLockWriteGuard::downgrade(guard);
        settle();
        assert_eq!(*guard, 1, "a writer came in beside a reader");
        assert!(lock.try_write().is_err());
        drop(guard);
        tasks.into_iter().for_each(|task| task.join());
        assert_eq!(*lock.read().unwrap(), 41);
    });
}

#[test]
fn the_abandoned_are_passed_over() {
    for mode in MODES {
        // A reader outside; in the runtime a writer that waits for it, and readers and writers that
        // wait for that one, are left behind.
        let lock = Arc::new(RwLock::new(0));
        let outside = lock.read().unwrap();
        let started = Arc::new(AtomicUsize::new(0));
        mode.run(|| {
            for i in 0..6 {
                let (lock, started) = (lock.clone(), started.clone());
                gort::go(move || {
                    started.fetch_add(1, Ordering::Relaxed);
                    match i % 2 {
                        0 => *lock.write().unwrap() += 1,
                        _ => assert_eq!(*lock.read().unwrap(), 7),
                    }
                });
            }
            while started.load(Ordering::Relaxed) < 6 {
                gort::yield_now();
            }
            settle();
        });
        drop(outside);
        assert_eq!(*lock.read().unwrap(), 0, "{mode:?}");
        *lock.write().unwrap() = 1;
        assert_eq!(*lock.try_write().unwrap(), 1, "{mode:?}");
    }
}

/// A lock whose writer has panicked.
fn poisoned(world: World) -> Arc<RwLock<i32>> {
    let lock = Arc::new(RwLock::new(10));
    let other = lock.clone();
    let task = world.spawn(move || {
        let panic = AssertUnwindSafe(|| {
            let _guard = other.write().unwrap();
            panic!("poisons it");
        });
        catch_unwind(panic).is_err()
    });
    assert!(task.join());
    lock
}

#[test]
fn a_writers_panic_poisons() {
    everywhere(|world| {
        let lock = poisoned(world);
        assert!(lock.is_poisoned());
        assert_eq!(*lock.read().unwrap_err().into_inner(), 10);
        assert_eq!(*lock.write().unwrap_err().into_inner(), 10);
        assert!(matches!(lock.try_read(), Err(TryLockError::Poisoned(e)) if **e.get_ref() == 10));
        assert!(matches!(lock.try_write(), Err(TryLockError::Poisoned(e)) if **e.get_ref() == 10));
        assert_eq!(format!("{lock:?}"), "RwLock { data: 10, poisoned: true, .. }");
        let mut lock = Arc::into_inner(lock).unwrap();
        assert_eq!(**lock.get_mut().unwrap_err().get_ref(), 10);
        lock.clear_poison();
        assert_eq!(lock.into_inner().unwrap(), 10);
    });
}

#[test]
fn a_readers_panic_does_not() {
    everywhere(|world| {
        let lock = Arc::new(RwLock::new(1));
        let other = lock.clone();
        let task = world.spawn(move || {
            let panic = AssertUnwindSafe(|| {
                let _guard = other.read().unwrap();
                panic!("poisons nothing");
            });
            catch_unwind(panic).is_err()
        });
        assert!(task.join());
        *lock.write().unwrap() += 1;
        assert_eq!(Arc::into_inner(lock).unwrap().into_inner().unwrap(), 2);
    });
}

#[test]
fn a_held_lock_reads_as_stds() {
    let lock = RwLock::new(5);
    assert_eq!(format!("{lock:?}"), format!("{:?}", std::sync::RwLock::new(5)));
    let guard = lock.write().unwrap();
    assert_eq!(format!("{lock:?}"), "RwLock { data: <locked>, poisoned: false, .. }");
    assert_eq!((format!("{guard:?}"), format!("{guard}")), ("5".into(), "5".into()));
    let guard = RwLockWriteGuard::downgrade(guard);
    assert_eq!((format!("{guard:?}"), format!("{guard}")), ("5".into(), "5".into()));
    spin_until("nothing", || lock.try_read().is_ok());
}

/// A writer whose time is over, and who comes to run only when the last reader has left in its stead and
/// another writer waits, takes nothing from that one.
#[test]
fn a_late_writer_leaves_the_next_alone() {
    // A busy machine may hold up others than those that are meant.
    assert!((0..10).any(|_| a_writer_is_late()), "no writer was late in ten attempts");
}

/// False if the writer was in time, or nobody came to see.
fn a_writer_is_late() -> bool {
    const MS: Duration = Duration::from_millis(1);
    let lock = Arc::new(RwLock::new(()));
    let (inside, is_inside) = mpsc::channel();
    let (over, is_over) = mpsc::channel();
    let (waits, others_wait) = mpsc::channel();
    let (gone, has_gone) = mpsc::channel();
    let theirs = lock.clone();
    let outside = thread::spawn(move || {
        let first = theirs.read().unwrap();
        inside.send(()).unwrap();
        is_over.recv().unwrap();
        drop(first);
        let mut second = theirs.try_read();
        let start = Instant::now();
        while second.is_err() && start.elapsed() < Duration::from_secs(2) {
            second = theirs.try_read();
        }
        if second.is_err() {
            // The machine has held up others, and the late one has the lock.
            drop(second);
            waits.send(()).unwrap();
            return false;
        }
        let (wrote, has_written) = mpsc::channel();
        let next = theirs.clone();
        let writer = thread::spawn(move || {
            drop(next.write());
            wrote.send(()).unwrap();
        });
        // It keeps readers out from then on, and waits a moment later.
        spin_until("the next writer comes", || theirs.try_read().is_err());
        thread::sleep(20 * MS);
        waits.send(()).unwrap();
        has_gone.recv().unwrap();
        drop(second);
        has_written.recv_timeout(Duration::from_secs(20)).expect("the next writer writes");
        writer.join().unwrap();
        true
    });
    let is_late = Mode::Stays(1).run(move || {
        is_inside.recv().unwrap();
        let held = thread::current().id();
        let before = gort::spawn(move || {
            gort::sleep(50 * MS);
            // The worker is held up here, and the late one is due.
            assert_eq!(thread::current().id(), held);
            over.send(()).unwrap();
            others_wait.recv().unwrap();
        });
        let late = gort::spawn(move || timeout(51 * MS, || drop(lock.write())).is_err());
        // Both begin to wait, and then nobody looks at the time until both are due.
        (0..10).for_each(|_| gort::yield_now());
        compute_for(150_000);
        before.join().unwrap();
        let is_late = late.join().unwrap();
        // Nobody may be there to hear it.
        let _ = gone.send(());
        is_late
    });
    outside.join().unwrap() && is_late
}
