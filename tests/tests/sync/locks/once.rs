//! What is done once, while others wait for it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use gort::sync::{LazyLock, Once, OnceLock};

use crate::world::{everywhere, ms, settle};

fn panics(f: impl FnOnce()) {
    catch_unwind(AssertUnwindSafe(f)).expect_err("panics");
}

#[test]
fn one_works_and_all_see_it() {
    everywhere(|world| {
        for _ in 0..20 {
            let shared = Arc::new((Once::new(), AtomicUsize::new(0), AtomicUsize::new(0)));
            let tasks: Vec<_> = (0..8)
                .map(|i| {
                    let shared = shared.clone();
                    world.spawn(move || {
                        let (once, runs, seen) = &*shared;
                        let work = || {
                            runs.fetch_add(1, Ordering::Relaxed);
                            gort::yield_now();
                            gort::sleep(std::time::Duration::from_micros(50));
                            seen.store(7, Ordering::Relaxed);
                        };
                        match i % 3 {
                            0 => once.wait(),
                            1 => once.call_once(work),
                            _ => once.call_once_force(|_| work()),
                        }
                        assert!(once.is_completed());
                        assert_eq!(seen.load(Ordering::Relaxed), 7);
                    })
                })
                .collect();
            tasks.into_iter().for_each(|task| task.join());
            assert_eq!(shared.1.load(Ordering::Relaxed), 1);
        }
    });
}

#[test]
fn a_panic_poisons_until_somebody_tries_again() {
    everywhere(|world| {
        let once = Arc::new(Once::new());
        let (waits, forces) = (once.clone(), once.clone());
        let begun = Arc::new(AtomicUsize::new(0));
        let begin = begun.clone();
        let first = once.clone();
        let worker = world.spawn(move || {
            panics(|| {
                first.call_once(|| {
                    begin.store(1, Ordering::Relaxed);
                    gort::sleep(ms(20));
                    panic!("poisons it");
                });
            });
        });
        while begun.load(Ordering::Relaxed) == 0 {
            gort::sleep(ms(1));
        }
        let waiter = world.spawn(move || panics(|| waits.wait()));
        let patient = world.spawn(move || forces.wait_force());
        worker.join();
        waiter.join();
        panics(|| once.call_once(|| ()));
        assert!(!once.is_completed());
        once.call_once_force(|state| assert!(state.is_poisoned()));
        patient.join();
        once.call_once(|| unreachable!());
        once.wait();
    });
}

#[test]
fn a_place_is_filled_once() {
    everywhere(|world| {
        for _ in 0..20 {
            let place = Arc::new(OnceLock::new());
            let tasks: Vec<_> = (0..8)
                .map(|i| {
                    let place = place.clone();
                    world.spawn(move || match i % 3 {
                        0 => *place.wait(),
                        1 => *place.get_or_init(|| {
                            gort::yield_now();
                            i
                        }),
                        _ => {
                            let refused = place.set(i).err();
                            assert!(refused.is_none_or(|back| back == i));
                            *place.get().expect("filled")
                        }
                    })
                })
                .collect();
            let values: Vec<usize> = tasks.into_iter().map(|task| task.join()).collect();
            assert!(values.iter().all(|value| Some(value) == place.get()), "{values:?}");
        }
    });
}

#[test]
fn a_place_stays_empty_when_its_maker_panics() {
    let mut place = OnceLock::new();
    panics(|| _ = place.get_or_init(|| panic!("makes nothing")));
    assert_eq!(place.get(), None);
    assert_eq!(place.get_or_init(|| Box::new(2)).as_ref(), &2);
    **place.get_mut().unwrap() = 3;
    assert_eq!(place.clone(), OnceLock::from(Box::new(3)));
    assert_eq!(place.take(), Some(Box::new(3)));
    assert_eq!(place.get(), None);
    assert_eq!(place.take(), None);
    place.set(Box::new(4)).unwrap();
    assert_eq!(place.set(Box::new(5)), Err(Box::new(5)));
    assert_eq!(place.into_inner(), Some(Box::new(4)));
}

#[test]
fn a_value_is_made_when_it_is_wanted() {
    everywhere(|world| {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let before = MADE.load(Ordering::Relaxed);
        let lazy = Arc::new(LazyLock::<usize>::new(|| {
            gort::yield_now();
            settle();
            MADE.fetch_add(1, Ordering::Relaxed) + 1
        }));
        assert!(LazyLock::get(&lazy).is_none());
        let tasks: Vec<_> = (0..6)
            .map(|_| {
                let lazy = lazy.clone();
                world.spawn(move || **lazy)
            })
            .collect();
        assert!(tasks.into_iter().all(|task| task.join() == before + 1));
        assert_eq!(LazyLock::get(&lazy), Some(&(before + 1)));
    });
}

#[test]
fn a_value_whose_maker_panics_is_poisoned() {
    let mut lazy = LazyLock::<i32>::new(|| panic!("makes nothing"));
    panics(|| _ = *lazy);
    panics(|| _ = LazyLock::force(&lazy));
    panics(|| _ = LazyLock::force_mut(&mut lazy));
    assert_eq!(LazyLock::get(&lazy), None);
    assert_eq!(LazyLock::get_mut(&mut lazy), None);
    let mut lazy = LazyLock::<String>::default();
    lazy.push('a');
    assert_eq!(*lazy, "a");
}
