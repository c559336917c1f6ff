//! Waiting to be notified.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use gort::sync::{Condvar, Mutex};
use tests::MODES;

use crate::world::{everywhere, ms, settle};

const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn no_notification_is_lost() {
    // A queue of two places, whose ends wait for each other.
    const EACH: usize = if cfg!(debug_assertions) { 500 } else { 5000 };
    everywhere(|world| {
        #[derive(Default)]
        struct Queue {
            places: Mutex<VecDeque<usize>>,
            filled: Condvar,
            emptied: Condvar,
        }
        let queue = Arc::new(Queue::default());
        let producers: Vec<_> = (0..3)
            .map(|_| {
                let queue = queue.clone();
                world.spawn(move || {
                    for n in 0..EACH {
                        let places = queue.places.lock().unwrap();
                        let mut places =
                            queue.emptied.wait_while(places, |p| p.len() == 2).unwrap();
                        places.push_back(n);
                        drop(places);
                        queue.filled.notify_one();
                    }
                })
            })
            .collect();
        let consumers: Vec<_> = (0..3)
            .map(|_| {
                let queue = queue.clone();
                world.spawn(move || {
                    let take = |_| {
                        let places = queue.places.lock().unwrap();
                        let mut places = queue.filled.wait_while(places, |p| p.is_empty()).unwrap();
                        let n = places.pop_front().unwrap();
                        drop(places);
                        queue.emptied.notify_one();
                        n
                    };
                    (0..EACH).map(take).sum::<usize>()
                })
            })
            .collect();
        producers.into_iter().for_each(|task| task.join());
        let sum: usize = consumers.into_iter().map(|task| task.join()).sum();
        assert_eq!(sum, 3 * EACH * (EACH - 1) / 2);
    });
}

#[test]
fn one_is_woken_by_one_and_all_by_all() {
    everywhere(|world| {
        let shared = Arc::new((Mutex::new((0, 0)), Condvar::new()));
        let tasks: Vec<_> = (0..6)
            .map(|_| {
                let shared = shared.clone();
                world.spawn(move || {
                    let mut state = shared.0.lock().unwrap();
                    state.0 += 1;
                    // Once, for nobody is woken without a notification.
                    shared.1.wait(state).unwrap().1 += 1;
                })
            })
            .collect();
        while shared.0.lock().unwrap().0 < 6 {
            gort::sleep(ms(1));
        }
        shared.1.notify_one();
        while shared.0.lock().unwrap().1 < 1 {
            gort::sleep(ms(1));
        }
        settle();
        assert_eq!(shared.0.lock().unwrap().1, 1);
        shared.1.notify_all();
        tasks.into_iter().for_each(|task| task.join());
        assert_eq!(shared.0.lock().unwrap().1, 6);
        // For those who come later it means nothing.
        shared.1.notify_all();
        let guard = shared.0.lock().unwrap();
        assert!(shared.1.wait_timeout(guard, ms(5)).unwrap().1.timed_out());
    });
}

#[test]
fn times_come_first_or_not() {
    everywhere(|world| {
        let shared = Arc::new((Mutex::new(false), Condvar::new()));
        let start = Instant::now();
        let guard = shared.0.lock().unwrap();
        let (guard, result) = shared.1.wait_timeout_while(guard, ms(5), |ready| !*ready).unwrap();
        assert!(result.timed_out() && start.elapsed() >= ms(5));
        let (guard, result) = shared.1.wait_timeout_while(guard, HOUR, |ready| *ready).unwrap();
        assert!(!result.timed_out());
        let (guard, result) = shared.1.wait_timeout(guard, Duration::ZERO).unwrap();
        assert!(result.timed_out());
        let other = shared.clone();
        let task = world.spawn(move || {
            *other.0.lock().unwrap() = true;
            other.1.notify_one();
        });
        let (guard, result) = shared.1.wait_timeout_while(guard, HOUR, |ready| !*ready).unwrap();
        assert!(*guard && !result.timed_out());
        drop(guard);
        task.join();
        assert!(start.elapsed() < HOUR);
    });
}

#[test]
fn a_deadline_takes_no_notification_with_it() {
    // Waits with and without a deadline; as many are notified as have not timed out.
    everywhere(|world| {
        let shared = Arc::new((Mutex::new(0), Condvar::new()));
        for round in 0..20 {
            let tasks: Vec<_> = (0..4)
                .map(|i| {
                    let shared = shared.clone();
                    world.spawn(move || {
                        let mut tokens = shared.0.lock().unwrap();
                        let time =
                            Duration::from_micros(if i % 2 == 0 { 100 } else { 3_600_000_000 });
                        while *tokens == 0 {
                            let (guard, result) = shared.1.wait_timeout(tokens, time).unwrap();
                            tokens = guard;
                            if *tokens == 0 && result.timed_out() {
                                return false;
                            }
                        }
                        *tokens -= 1;
                        true
                    })
                })
                .collect();
            gort::sleep(Duration::from_micros(40 * (round % 5)));
            for _ in 0..4 {
                *shared.0.lock().unwrap() += 1;
                shared.1.notify_one();
                gort::yield_now();
            }
            let woken = tasks.into_iter().filter_map(|task| task.join().then_some(())).count();
            let mut tokens = shared.0.lock().unwrap();
            assert_eq!(woken + *tokens, 4);
            *tokens = 0;
        }
    });
}

#[test]
fn poison_is_seen_after_the_wait() {
    everywhere(|world| {
        let shared = Arc::new((Mutex::new(()), Condvar::new()));
        let guard = shared.0.lock().unwrap();
        let other = shared.clone();
        let task = world.spawn(move || {
            let panic = AssertUnwindSafe(|| {
                let _guard = other.0.lock().unwrap();
                panic!("poisons it");
            });
            assert!(catch_unwind(panic).is_err());
            other.1.notify_all();
        });
        let guard = shared.1.wait(guard).unwrap_err().into_inner();
        let error = shared.1.wait_timeout(guard, Duration::ZERO).unwrap_err();
        assert!(error.into_inner().1.timed_out());
        task.join();
    });
}

#[test]
fn the_abandoned_are_passed_over() {
    for mode in MODES {
        let shared = Arc::new((Mutex::new(0), Condvar::new()));
        let count = Arc::new(AtomicUsize::new(0));
        mode.run(|| {
            for _ in 0..3 {
                let (shared, count) = (shared.clone(), count.clone());
                gort::go(move || {
                    let mut guard = shared.0.lock().unwrap();
                    *guard += 1;
                    drop(shared.1.wait(guard).unwrap());
                    count.fetch_add(1, Ordering::Relaxed);
                });
            }
            while *shared.0.lock().unwrap() < 3 {
                gort::yield_now();
            }
        });
        // The notification is for the one who lives.
        let other = shared.clone();
        let task = std::thread::spawn(move || {
            let mut guard = other.0.lock().unwrap();
            *guard = 10;
            drop(other.1.wait(guard).unwrap());
        });
        while *shared.0.lock().unwrap() < 10 {
            std::thread::sleep(ms(1));
        }
        shared.1.notify_one();
        task.join().unwrap();
        assert_eq!(count.load(Ordering::Relaxed), 0, "{mode:?}");
    }
}
