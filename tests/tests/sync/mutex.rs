//! `gort::sync`: the mutex and the wait group, with std's behaviour as the yardstick.

use std::panic::{AssertUnwindSafe, RefUnwindSafe, UnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, TryLockError};
use std::time::{Duration, Instant};

use crate::world::{Task, World, everywhere, ms, settle};
use gort::sync::{Mutex, MutexGuard, WaitGroup};
use tests::compute_for;

const N: usize = if cfg!(debug_assertions) { 2000 } else { 50_000 };

#[test]
fn locks_and_unlocks() {
    let m = Mutex::new(1);
    *m.lock().unwrap() += 1;
    {
        let guard = m.lock().unwrap();
        assert!(matches!(m.try_lock(), Err(TryLockError::WouldBlock)));
        assert_eq!(*guard, 2);
    }
    *m.try_lock().unwrap() = 3;
    assert_eq!(m.into_inner().unwrap(), 3);
}

#[test]
fn excludes() {
    everywhere(|world| {
        let m = Arc::new(Mutex::new(0));
        let tasks: Vec<_> = (0..8)
            .map(|_| {
                let m = m.clone();
                world.spawn(move || (0..N).for_each(|_| *m.lock().unwrap() += 1))
            })
            .collect();
        tasks.into_iter().for_each(|task| task.join());
        assert_eq!(*m.lock().unwrap(), 8 * N);
    });
}

#[test]
fn excludes_across_a_wait() {
    everywhere(|world| {
        let m = Arc::new(Mutex::new(()));
        let inside = Arc::new(AtomicUsize::new(0));
        let tasks: Vec<_> = (0..8)
            .map(|_| {
                let (m, inside) = (m.clone(), inside.clone());
                world.spawn(move || {
                    for _ in 0..20 {
                        let _guard = m.lock().unwrap();
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                        gort::sleep(Duration::from_micros(50));
                        assert_eq!(inside.fetch_sub(1, Ordering::SeqCst), 1);
                    }
                })
            })
            .collect();
        tasks.into_iter().for_each(|task| task.join());
    });
}

/// One goroutine locks a mutex so often that it gives it back by a plain store; others come to wait for
/// it at a moment that nobody has chosen, and nobody is forgotten.
#[test]
fn others_come_to_a_quiet_one() {
    const ALONE: u64 = 1100;
    const OTHERS: usize = 2;
    const EACH: usize = 4;
    everywhere(|world| {
        for round in 0..100 {
            let m = Arc::new(Mutex::new(0));
            let begun = Arc::new(AtomicBool::new(false));
            let others: Vec<_> = (0..OTHERS)
                .map(|_| {
                    let (m, begun) = (m.clone(), begun.clone());
                    world.spawn(move || {
                        while !begun.load(Ordering::Relaxed) {
                            gort::yield_now();
                        }
                        (0..EACH).for_each(|_| *m.lock().unwrap() += 1);
                    })
                })
                .collect();
            for n in 0..ALONE {
                let mut count = m.lock().unwrap();
                *count += 1;
                if n + 20 > ALONE {
                    begun.store(n + 20 - round % 10 > ALONE, Ordering::Relaxed);
                    // Longer than anybody tries before waiting.
                    compute_for(20);
                }
            }
            begun.store(true, Ordering::Relaxed);
            others.into_iter().for_each(|task| task.join());
            assert_eq!(*m.lock().unwrap(), ALONE + (OTHERS * EACH) as u64);
        }
    });
}

#[test]
fn a_waiter_is_not_starved() {
    // One task holds the mutex nearly always and takes it again at once. The other gets its turns.
    everywhere(|world| {
        let m = Arc::new(Mutex::new(()));
        let stop = Arc::new(AtomicBool::new(false));
        let greedy = {
            let (m, stop) = (m.clone(), stop.clone());
            world.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let _guard = m.lock().unwrap();
                    gort::sleep(Duration::from_micros(100));
                }
            })
        };
        for _ in 0..10 {
            drop(m.lock().unwrap());
            gort::sleep(Duration::from_micros(100));
        }
        stop.store(true, Ordering::Relaxed);
        greedy.join();
    });
}

#[test]
fn wakes_all_who_wait() {
    everywhere(|world| {
        let m = Arc::new(Mutex::new(0));
        let guard = m.lock().unwrap();
        let tasks: Vec<_> = (0..10)
            .map(|_| {
                let m = m.clone();
                world.spawn(move || *m.lock().unwrap() += 1)
            })
            .collect();
        settle();
        assert!(m.try_lock().is_err());
        drop(guard);
        tasks.into_iter().for_each(|task| task.join());
        assert_eq!(*m.lock().unwrap(), 10);
    });
}

#[test]
fn unlocking_passes_over_the_abandoned() {
    let m = Arc::new(Mutex::new(0));
    let guard = m.lock().unwrap();
    gort::run(|| {
        for _ in 0..4 {
            let m = m.clone();
            gort::go(move || *m.lock().unwrap() += 1);
        }
        settle();
    });
    drop(guard);
    assert_eq!(*m.lock().unwrap(), 0);
    assert_eq!(*m.try_lock().unwrap(), 0);
}

/// A mutex that a task has poisoned.
fn poisoned(world: World) -> Arc<Mutex<i32>> {
    let m = Arc::new(Mutex::new(10));
    let m2 = m.clone();
    let task = world.spawn(move || {
        catch_unwind(AssertUnwindSafe(|| {
            let _guard = m2.lock().unwrap();
            panic!("poisons it");
        }))
        .is_err()
    });
    assert!(task.join());
    m
}

#[test]
fn a_panic_poisons() {
    everywhere(|world| {
        let m = poisoned(world);
        assert!(m.is_poisoned());
        assert_eq!(*m.lock().unwrap_err().into_inner(), 10);
        assert!(matches!(m.try_lock(), Err(TryLockError::Poisoned(e)) if **e.get_ref() == 10));
        let mut m = Arc::into_inner(m).unwrap();
        assert_eq!(**m.get_mut().unwrap_err().get_ref(), 10);
        assert_eq!(m.into_inner().unwrap_err().into_inner(), 10);
    });
}

#[test]
fn poison_is_cleared() {
    everywhere(|world| {
        let m = poisoned(world);
        *m.lock().unwrap_or_else(|poison| {
            m.clear_poison();
            poison.into_inner()
        }) = 11;
        assert!(!m.is_poisoned());
        assert_eq!(*m.lock().unwrap(), 11);
    });
}

#[test]
fn locking_during_a_panic_does_not_poison() {
    struct Locks<'a>(&'a Mutex<i32>);
    impl Drop for Locks<'_> {
        fn drop(&mut self) {
            *self.0.lock().unwrap() += 1;
        }
    }
    everywhere(|_| {
        let m = Mutex::new(0);
        let panic = catch_unwind(AssertUnwindSafe(|| {
            let _locks = Locks(&m);
            panic!("unwinds through a lock and an unlock");
        }));
        assert!(panic.is_err());
        assert_eq!(*m.lock().unwrap(), 1);
    });
}

#[test]
fn reads_as_stds() {
    let m = Mutex::new(5);
    assert_eq!(format!("{m:?}"), format!("{:?}", std::sync::Mutex::new(5)));
    let guard = m.lock().unwrap();
    assert_eq!(format!("{m:?}"), "Mutex { data: <locked>, poisoned: false, .. }");
    assert_eq!((format!("{guard:?}"), format!("{guard}")), ("5".into(), "5".into()));
    drop(guard);
    let m = poisoned(World::Threads);
    assert_eq!(format!("{m:?}"), "Mutex { data: 10, poisoned: true, .. }");
}

#[test]
fn is_made_as_stds() {
    static IN_A_STATIC: Mutex<Vec<i32>> = Mutex::new(Vec::new());
    IN_A_STATIC.lock().unwrap().push(1);
    assert_eq!(*IN_A_STATIC.lock().unwrap(), [1]);
    assert_eq!(*Mutex::<String>::default().lock().unwrap(), "");
    assert_eq!(*Mutex::from(3).get_mut().unwrap(), 3);
    let unsized_value: &Mutex<[i32]> = &Mutex::new([1, 2, 3]);
    unsized_value.lock().unwrap()[0] = 4;
    assert_eq!(*unsized_value.lock().unwrap(), [4, 2, 3]);
}

#[test]
fn has_stds_auto_traits() {
    fn crosses<T: Send + Sync + UnwindSafe + RefUnwindSafe>() {}
    fn shared<T: Sync>() {}
    crosses::<Mutex<std::cell::Cell<i32>>>();
    crosses::<WaitGroup>();
    shared::<MutexGuard<'static, i32>>();
}

#[test]
fn a_group_without_tasks_does_not_wait() {
    everywhere(|_| WaitGroup::new().wait());
}

#[test]
fn a_group_waits_for_its_tasks() {
    everywhere(|world| {
        let group = Arc::new(WaitGroup::new());
        let done = Arc::new(AtomicUsize::new(0));
        for round in 1..=10 {
            group.add(20);
            for _ in 0..20 {
                let (group, done) = (group.clone(), done.clone());
                world.spawn(move || {
                    done.fetch_add(1, Ordering::SeqCst);
                    group.done();
                });
            }
            group.wait();
            assert_eq!(done.load(Ordering::SeqCst), round * 20);
        }
    });
}

#[test]
fn a_group_wakes_all_who_wait() {
    everywhere(|world| {
        let group = Arc::new(WaitGroup::new());
        group.add(1);
        let waiters = wait_for(world, &group, 10);
        settle();
        group.done();
        waiters.into_iter().for_each(|waiter| _ = waiter.join());
    });
}

#[test]
fn a_group_used_again_keeps_its_rounds_apart() {
    everywhere(|world| {
        let group = Arc::new(WaitGroup::new());
        group.add(1);
        let early = wait_for(world, &group, 10);
        settle();
        group.done();
        group.add(1);
        let start = Instant::now();
        let late = wait_for(world, &group, 10);
        gort::sleep(ms(20));
        group.done();
        for waiter in late {
            assert!(waiter.join() >= start + ms(20), "woken by the end of the round before");
        }
        early.into_iter().for_each(|waiter| _ = waiter.join());
    });
}

/// Starts so many tasks that wait for the group and say when they were woken.
fn wait_for(world: World, group: &Arc<WaitGroup>, n: usize) -> Vec<Task<Instant>> {
    let waiter = || {
        let group = group.clone();
        world.spawn(move || {
            group.wait();
            Instant::now()
        })
    };
    (0..n).map(|_| waiter()).collect()
}

#[test]
fn a_group_refuses_what_cannot_be() {
    let group = WaitGroup::new();
    catch_unwind(|| group.done()).expect_err("there was no task");
    group.add(usize::MAX);
    catch_unwind(|| group.add(1)).expect_err("there can't be so many");
    assert_eq!(format!("{group:?}"), format!("WaitGroup {{ count: {} }}", usize::MAX));
}
