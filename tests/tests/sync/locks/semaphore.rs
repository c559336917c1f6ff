//! Permits, in the order in which they are asked for.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use gort::sync::{Mutex, Semaphore};
use tests::{MODES, Mode};

use crate::world::{everywhere, ms, settle};

#[test]
fn no_more_than_so_many_are_inside() {
    const EACH: usize = if cfg!(debug_assertions) { 200 } else { 5000 };
    everywhere(|world| {
        let (semaphore, inside) = (Arc::new(Semaphore::new(3)), Arc::new(AtomicUsize::new(0)));
        let tasks: Vec<_> = (0..8)
            .map(|_| {
                let (semaphore, inside) = (semaphore.clone(), inside.clone());
                world.spawn(move || {
                    for n in 0..EACH {
                        let _permit = semaphore.acquire();
                        assert!(inside.fetch_add(1, Ordering::Relaxed) < 3);
                        if n % 16 == 0 {
                            gort::yield_now();
                        }
                        inside.fetch_sub(1, Ordering::Relaxed);
                    }
                })
            })
            .collect();
        tasks.into_iter().for_each(|task| task.join());
        assert_eq!(semaphore.available(), 3);
    });
}

#[test]
fn who_came_first_is_first() {
    // On one processor a goroutine goes on until it waits.
    Mode::Stays(1).run(|| {
        let semaphore = Arc::new(Semaphore::new(0));
        let (order, come) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicUsize::new(0)));
        let mut tasks = Vec::new();
        for i in 0..4 {
            let (semaphore, order, comes) = (semaphore.clone(), order.clone(), come.clone());
            tasks.push(gort::spawn(move || {
                comes.fetch_add(1, Ordering::Relaxed);
                let permit = semaphore.acquire();
                order.lock().unwrap().push(i);
                drop(permit);
            }));
            while come.load(Ordering::Relaxed) == i {
                gort::yield_now();
            }
        }
        // Nobody comes past those who wait: the permit is given to the first of them.
        semaphore.release();
        assert!(semaphore.try_acquire().is_none());
        tasks.into_iter().for_each(|task| task.join().unwrap());
        assert_eq!(*order.lock().unwrap(), [0, 1, 2, 3]);
        assert_eq!(semaphore.available(), 1);
    });
}

#[test]
fn a_deadline_takes_no_permit_with_it() {
    everywhere(|world| {
        let semaphore = Arc::new(Semaphore::new(1));
        let got = Arc::new(AtomicUsize::new(0));
        let tasks: Vec<_> = (0..6)
            .map(|i| {
                let (semaphore, got) = (semaphore.clone(), got.clone());
                world.spawn(move || {
                    for n in 0..50 {
                        let time = Duration::from_micros(20 * (n % 5) + i);
                        if let Some(_permit) = semaphore.acquire_timeout(time) {
                            got.fetch_add(1, Ordering::Relaxed);
                            gort::sleep(Duration::from_micros(30));
                        }
                    }
                })
            })
            .collect();
        tasks.into_iter().for_each(|task| task.join());
        assert!(got.load(Ordering::Relaxed) > 0);
        let permit = semaphore.try_acquire().expect("all permits are back");
        assert!(semaphore.try_acquire().is_none());
        assert!(semaphore.acquire_timeout(ms(1)).is_none());
        drop(permit);
        assert_eq!(semaphore.available(), 1);
    });
}

#[test]
fn permits_are_added_and_kept() {
    let semaphore = Semaphore::new(0);
    semaphore.release();
    semaphore.acquire().forget();
    assert_eq!(format!("{semaphore:?}"), "Semaphore { available: 0 }");
    let full = Semaphore::new(usize::MAX);
    catch_unwind(AssertUnwindSafe(|| full.release())).expect_err("there can't be so many");
    let panic = AssertUnwindSafe(|| {
        semaphore.release();
        let _permit = semaphore.acquire();
        panic!("gives it back");
    });
    catch_unwind(panic).expect_err("panics");
    assert_eq!((semaphore.available(), full.available()), (1, usize::MAX));
}

#[test]
fn the_abandoned_are_passed_over() {
    for mode in MODES {
        let semaphore = Arc::new(Semaphore::new(0));
        let started = Arc::new(AtomicUsize::new(0));
        mode.run(|| {
            for _ in 0..3 {
                let (semaphore, started) = (semaphore.clone(), started.clone());
                gort::go(move || {
                    started.fetch_add(1, Ordering::Relaxed);
                    semaphore.acquire().forget();
                });
            }
            while started.load(Ordering::Relaxed) < 3 {
                gort::yield_now();
            }
            settle();
        });
        semaphore.release();
        assert_eq!(semaphore.available(), 1, "{mode:?}");
    }
}
