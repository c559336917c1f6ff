//! `blocking`: calls on threads of their own, while the workers go on.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;

use gort::chan;
use tests::{Footprint, Mode, alone, everywhere, ms, spin_until, thread_id};

#[test]
fn a_call_borrows_and_returns() {
    everywhere(|_| {
        let mut list = vec![1, 2];
        let text = String::from("text");
        let length = gort::blocking(|| {
            list.push(3);
            text.len() + list.len()
        });
        assert_eq!(length, 7);
        assert_eq!(list, [1, 2, 3]);
    });
}

#[test]
fn goroutines_go_on_meanwhile() {
    everywhere(|mode| {
        // Each call holds its thread until a goroutine has run, which needs a worker.
        let calls: Vec<_> = (0..2 * mode.procs())
            .map(|_| {
                gort::spawn(|| {
                    let ran = Arc::new(AtomicBool::new(false));
                    let flag = Arc::clone(&ran);
                    gort::go(move || flag.store(true, Ordering::Release));
                    gort::blocking(|| {
                        spin_until("a goroutine", || ran.load(Ordering::Acquire));
                        thread_id()
                    })
                })
            })
            .collect();
        let here = thread_id();
        assert!(calls.into_iter().all(|call| call.join().unwrap() != here));
    });
}

#[test]
fn a_hundred_calls_at_once() {
    everywhere(|_| {
        // The barrier lets nobody go before all hundred are there.
        let barrier = Barrier::new(100);
        let threads: HashSet<_> = gort::scope(|s| {
            let calls: Vec<_> = (0..100)
                .map(|_| {
                    s.spawn(|| {
                        gort::blocking(|| {
                            barrier.wait();
                            thread_id()
                        })
                    })
                })
                .collect();
            calls.into_iter().map(|call| call.join().unwrap()).collect()
        });
        assert_eq!(threads.len(), 100);
    });
}

#[test]
fn threads_are_used_again() {
    everywhere(|_| {
        let threads: HashSet<_> = (0..200).map(|_| gort::blocking(thread_id)).collect();
        // The next call may come before the thread of the one before sleeps.
        assert!(threads.len() < 50, "{} threads for one call at a time", threads.len());
    });
}

#[test]
fn no_more_threads_than_allowed() {
    for (mode, aside) in [(Mode::Stays(1), 3), (Mode::Stays(4), 3), (Mode::Migrates(2), 1)] {
        let builder = mode.builder().max_threads(mode.procs() + aside);
        builder
            .run(|| {
                let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
                gort::scope(|s| {
                    for _ in 0..40 {
                        s.spawn(|| {
                            gort::blocking(|| {
                                let others = now.fetch_add(1, Ordering::Relaxed);
                                most.fetch_max(others + 1, Ordering::Relaxed);
                                thread::sleep(ms(1));
                                now.fetch_sub(1, Ordering::Relaxed);
                            });
                        });
                    }
                });
                assert!(most.into_inner() <= aside, "{mode:?}");
            })
            .unwrap();
    }
}

#[test]
fn a_runtime_without_threads_to_spare_makes_the_call_itself() {
    let here = thread_id();
    let there = gort::Builder::new().procs(1).max_threads(1).run(|| gort::blocking(thread_id));
    assert_eq!(there.unwrap(), here);
}

#[test]
fn a_call_that_waits_for_a_thread_when_its_runtime_ends_is_not_made() {
    for mode in [Mode::Stays(1), Mode::Stays(2), Mode::Migrates(2)] {
        let (begun, release) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let builder = mode.builder().max_threads(mode.procs() + 1);
        builder
            .run(|| {
                for _ in 0..3 {
                    let (begun, release) = (Arc::clone(&begun), Arc::clone(&release));
                    gort::go(move || {
                        gort::blocking(|| {
                            begun.fetch_add(1, Ordering::Relaxed);
                            spin_until("the end of run", || release.load(Ordering::Acquire));
                        });
                    });
                }
                while begun.load(Ordering::Relaxed) == 0 {
                    gort::yield_now();
                }
                gort::sleep(ms(2));
            })
            .unwrap();
        release.store(true, Ordering::Release);
        thread::sleep(ms(10));
        assert_eq!(begun.load(Ordering::Relaxed), 1, "{mode:?}");
    }
}

#[test]
fn calls_inside_of_calls() {
    everywhere(|_| {
        let (outer, inner) = gort::blocking(|| (thread_id(), gort::blocking(thread_id)));
        assert_eq!(outer, inner, "a thread that may block just makes the call");
        let deep = gort::blocking(|| {
            gort::spawn(|| gort::blocking(|| gort::spawn(|| 5).join().unwrap())).join().unwrap()
        });
        assert_eq!(deep, 5);
    });
}

#[test]
fn a_plain_thread_just_makes_the_call() {
    assert_eq!(gort::blocking(thread_id), thread_id());
}

#[test]
fn a_call_uses_channels_and_locks_as_a_thread() {
    everywhere(|_| {
        let (tx, rx) = chan::bounded(0);
        let mutex = gort::sync::Mutex::new(0);
        gort::scope(|s| {
            s.spawn(|| {
                gort::blocking(|| {
                    for i in 0..100 {
                        tx.send(i).unwrap();
                        *mutex.lock().unwrap() += 1;
                        gort::yield_now();
                    }
                    gort::sleep(ms(1));
                });
            });
            for i in 0..100 {
                assert_eq!(rx.recv(), Ok(i));
                *mutex.lock().unwrap() += 1;
            }
        });
        assert_eq!(*mutex.lock().unwrap(), 200);
    });
}

#[test]
fn many_short_calls_leave_nothing() {
    alone("aside::many_short_calls_leave_nothing", || {
        let round = || {
            Mode::Stays(2).run(|| {
                gort::scope(|s| {
                    for _ in 0..20 {
                        s.spawn(|| (0..20).for_each(|_| gort::blocking(|| ())));
                    }
                });
            });
        };
        (0..3).for_each(|_| round());
        let before = Footprint::now();
        (0..30).for_each(|_| round());
        before.comes_back(Footprint::NOISE);
    });
}
