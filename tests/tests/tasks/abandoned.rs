//! Goroutines that have not ended when their runtime does: they never run again, nobody waits for
//! them, and nothing is handed to them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use gort::chan::{self, RecvTimeoutError, SendTimeoutError, TryRecvError, TrySendError};
use gort::sync::{Mutex, WaitGroup};
use tests::{Footprint, MODES, Mode, alone, hide_expected_panics, ms, spin_until};

const HOUR: Duration = Duration::from_secs(3600);

/// Lets the goroutines of a runtime with one processor or more come to where they wait.
fn settle() {
    gort::sleep(ms(10));
}

#[test]
fn run_waits_for_none_that_is_parked() {
    for mode in MODES {
        let (tx, rx) = chan::bounded::<i32>(0);
        let count = Arc::new(AtomicUsize::new(0));
        let value = mode.run(|| {
            let group = Arc::new(WaitGroup::new());
            group.add(1);
            let started = Arc::new(AtomicUsize::new(0));
            for i in 0..40 {
                let (rx, count, group) = (rx.clone(), Arc::clone(&count), Arc::clone(&group));
                let started = Arc::clone(&started);
                gort::go(move || {
                    started.fetch_add(1, Ordering::Relaxed);
                    match i % 4 {
                        0 => drop(rx.recv()),
                        1 => gort::sleep(HOUR),
                        2 => drop(rx.recv_timeout(HOUR)),
                        _ => group.wait(),
                    }
                    count.fetch_add(1, Ordering::Relaxed);
                });
            }
            // On a busy machine a worker may take longer to start than `settle` waits.
            while started.load(Ordering::Relaxed) < 40 {
                settle();
            }
            settle();
            5
        });
        assert_eq!(value, 5);
        drop(tx);
        thread::sleep(ms(5));
        assert_eq!(count.load(Ordering::Relaxed), 0, "{mode:?}: an abandoned goroutine has run");
    }
}

#[test]
fn run_waits_for_none_that_never_started() {
    for mode in MODES {
        let count = Arc::new(AtomicUsize::new(0));
        let ran = mode.run(|| {
            for _ in 0..1000 {
                let count = Arc::clone(&count);
                gort::go(move || {
                    count.fetch_add(1, Ordering::Relaxed);
                });
            }
            Arc::clone(&count)
        });
        let then = ran.load(Ordering::Relaxed);
        thread::sleep(ms(2));
        // Each worker but the first may have been in the middle of one when `run` returned, if the
        // system held it up for as long; and it begins no other.
        let after = count.load(Ordering::Relaxed) - then;
        assert!(after < mode.procs(), "{after} in {mode:?}");
    }
}

#[test]
fn run_waits_for_none_that_goes_on_and_on() {
    alone("abandoned::run_waits_for_none_that_goes_on_and_on", || {
        let before = Footprint::now();
        for mode in MODES {
            let stop = Arc::new(AtomicBool::new(false));
            let started = Arc::new(AtomicUsize::new(0));
            let flags = || (Arc::clone(&started), Arc::clone(&stop));
            mode.run(|| {
                let mut expected = 2;
                let (count, flag) = flags();
                gort::go(move || {
                    gort::blocking(|| {
                        count.fetch_add(1, Ordering::Relaxed);
                        spin_until("the end of run", || flag.load(Ordering::Acquire));
                    });
                });
                let (count, flag) = flags();
                gort::go(move || {
                    count.fetch_add(1, Ordering::Relaxed);
                    while !flag.load(Ordering::Acquire) {
                        gort::yield_now();
                    }
                });
                while started.load(Ordering::Relaxed) < 2 {
                    gort::yield_now();
                }
                // One worker has this goroutine, and another may have the one that yields.
                if mode.procs() > 2 {
                    expected += 1;
                    let (count, flag) = flags();
                    gort::go(move || {
                        count.fetch_add(1, Ordering::Relaxed);
                        spin_until("the end of run", || flag.load(Ordering::Acquire));
                    });
                }
                // Not a yield: this worker might then be the one that the third holds.
                spin_until("their start", || started.load(Ordering::Relaxed) == expected);
            });
            // Here run has returned, while they still go on. Their threads end when they let go.
            stop.store(true, Ordering::Release);
            before.comes_back(Footprint { threads: 0, ..Footprint::ANY });
        }
    });
}

#[test]
fn no_message_goes_to_an_abandoned_receiver() {
    for mode in MODES {
        for timeout in [None, Some(HOUR)] {
            let (tx, rx) = chan::bounded::<i32>(0);
            let (buffered_tx, buffered_rx) = chan::bounded::<i32>(1);
            let started = Arc::new(AtomicUsize::new(0));
            mode.run(|| {
                for _ in 0..10 {
                    for rx in [rx.clone(), buffered_rx.clone()] {
                        let started = Arc::clone(&started);
                        gort::go(move || {
                            started.fetch_add(1, Ordering::Relaxed);
                            let got = match timeout {
                                None => rx.recv().ok(),
                                Some(timeout) => rx.recv_timeout(timeout).ok(),
                            };
                            panic!("an abandoned receiver got {got:?}");
                        });
                    }
                }
                // One that has not parked by the end of `run` would go on to receive.
                while started.load(Ordering::Relaxed) < 20 {
                    settle();
                }
                settle();
            });
            assert_eq!(tx.try_send(1), Err(TrySendError::Full(1)));
            assert_eq!(tx.send_timeout(2, ms(2)), Err(SendTimeoutError::Timeout(2)));
            let live = thread::spawn(move || rx.recv());
            tx.send(3).unwrap();
            assert_eq!(live.join().unwrap(), Ok(3));
            buffered_tx.try_send(4).unwrap();
            assert_eq!(buffered_tx.try_send(5), Err(TrySendError::Full(5)));
            assert_eq!(buffered_rx.try_recv(), Ok(4));
        }
    }
}

#[test]
fn no_message_comes_from_an_abandoned_sender() {
    for mode in MODES {
        let (tx, rx) = chan::bounded::<i32>(0);
        let (buffered_tx, buffered_rx) = chan::bounded::<i32>(1);
        buffered_tx.send(0).unwrap();
        mode.run(|| {
            for i in 0..10 {
                for tx in [tx.clone(), buffered_tx.clone()] {
                    gort::go(move || {
                        let sent = if i % 2 == 0 {
                            tx.send(i).is_ok()
                        } else {
                            tx.send_timeout(i, HOUR).is_ok()
                        };
                        panic!("an abandoned sender went on: {sent}");
                    });
                }
            }
            settle();
        });
        assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
        assert_eq!(rx.recv_timeout(ms(2)), Err(RecvTimeoutError::Timeout));
        assert_eq!(buffered_rx.try_recv(), Ok(0));
        assert_eq!(buffered_rx.try_recv(), Err(TryRecvError::Empty));
        let live = thread::spawn(move || tx.send(3));
        assert_eq!(rx.recv(), Ok(3));
        live.join().unwrap().unwrap();
    }
}

#[test]
fn no_lock_goes_to_an_abandoned_waiter() {
    for mode in MODES {
        let mutex = Arc::new(Mutex::new(0));
        let guard = mutex.lock().unwrap();
        mode.run(|| {
            for _ in 0..10 {
                let mutex = Arc::clone(&mutex);
                gort::go(move || {
                    *mutex.lock().unwrap() += 1;
                    panic!("an abandoned waiter got the lock");
                });
            }
            settle();
        });
        drop(guard);
        for _ in 0..10 {
            *mutex.lock().unwrap() += 1;
        }
        assert_eq!(*mutex.lock().unwrap(), 10);
    }
}

#[test]
fn nothing_is_handed_over_while_another_goes_on_either() {
    for mode in MODES {
        let release = Arc::new(AtomicBool::new(false));
        let (tx, rx) = chan::bounded::<i32>(0);
        let (full, unread) = chan::bounded::<i32>(1);
        full.send(0).unwrap();
        let mutex = Arc::new(Mutex::new(0));
        let guard = mutex.lock().unwrap();
        let handle = mode.run(|| {
            let flag = Arc::clone(&release);
            let (held, begun) = chan::bounded(0);
            gort::go(move || {
                gort::blocking(|| {
                    held.send(()).unwrap();
                    spin_until("the end of the test", || flag.load(Ordering::Acquire));
                });
            });
            begun.recv().unwrap();
            for timeout in [Duration::MAX, HOUR] {
                let rx = rx.clone();
                gort::go(move || panic!("received {:?}", rx.recv_timeout(timeout)));
                let full = full.clone();
                gort::go(move || panic!("sent: {:?}", full.send_timeout(1, timeout)));
                let mutex = Arc::clone(&mutex);
                gort::go(move || panic!("locked: {:?}", mutex.lock().is_ok()));
            }
            let parked = gort::spawn(|| gort::sleep(HOUR));
            settle();
            parked
        });
        // The runtime is not over yet.
        assert_eq!(tx.try_send(1), Err(TrySendError::Full(1)));
        assert_eq!(unread.try_recv(), Ok(0));
        assert_eq!(unread.try_recv(), Err(TryRecvError::Empty));
        drop(guard);
        *mutex.lock().unwrap() += 1;
        release.store(true, Ordering::Release);
        assert!(handle.join().is_err());
    }
}

#[test]
fn others_may_wake_while_the_runtime_ends() {
    // Senders outside race with the end of runtime after runtime. A message may go down with a
    // receiver that was woken and did not come to run; nothing else may happen.
    for mode in MODES {
        for _ in 0..50 {
            let (tx, rx) = chan::bounded::<usize>(0);
            let stop = Arc::new(AtomicBool::new(false));
            let senders: Vec<_> = (0..2)
                .map(|_| {
                    let (tx, stop) = (tx.clone(), Arc::clone(&stop));
                    thread::spawn(move || {
                        while !stop.load(Ordering::Acquire) {
                            let _ = tx.send_timeout(1, ms(1));
                        }
                    })
                })
                .collect();
            mode.run(|| {
                let group = Arc::new(WaitGroup::new());
                for _ in 0..8 {
                    let (rx, group) = (rx.clone(), Arc::clone(&group));
                    group.add(1);
                    gort::go(move || {
                        for i in 0.. {
                            if i == 3 {
                                group.done();
                            }
                            rx.recv().unwrap();
                        }
                    });
                }
                group.wait();
            });
            assert!(senders.iter().all(|sender| !sender.is_finished()), "a sender has ended");
            stop.store(true, Ordering::Release);
            senders.into_iter().for_each(|sender| sender.join().unwrap());
            assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
        }
    }
}

#[test]
fn a_join_outside_learns_that_the_goroutine_is_abandoned() {
    for mode in MODES {
        let (parked, joined_early, unstarted) = mode.run(|| {
            let parked = gort::spawn(|| gort::sleep(HOUR));
            let waited_for = gort::spawn(|| gort::sleep(HOUR));
            let joined_early = thread::spawn(move || waited_for.join().is_err());
            settle();
            (parked, joined_early, gort::spawn(|| ()))
        });
        let (tx, rx) = std::sync::mpsc::channel();
        thread::spawn(move || {
            let failed = parked.join().is_err();
            // It may have started, and ended.
            let _ = unstarted.join();
            tx.send(failed && joined_early.join().unwrap()).unwrap();
        });
        let answer = rx.recv_timeout(Duration::from_secs(10));
        assert_eq!(answer, Ok(true), "{mode:?}: a join of an abandoned goroutine does not return");
    }
}

#[test]
fn a_call_that_blocks_learns_it_too_and_its_thread_ends() {
    for mode in MODES {
        let (tx, rx) = std::sync::mpsc::channel();
        let ran = thread::spawn(move || {
            mode.run(|| {
                let begun = Arc::new(AtomicUsize::new(0));
                for _ in 0..3 {
                    let (tx, begun) = (tx.clone(), Arc::clone(&begun));
                    gort::go(move || {
                        gort::blocking(|| {
                            begun.fetch_add(1, Ordering::Relaxed);
                            let early = gort::spawn(|| gort::sleep(HOUR));
                            let _ = tx.send(early.join().is_err());
                            // Nobody is left to run this one.
                            let _ = tx.send(gort::spawn(|| ()).join().is_err());
                        });
                    });
                }
                while begun.load(Ordering::Relaxed) < 3 {
                    settle();
                }
                drop(tx);
            });
        });
        let answers = (0..6).map(|_| rx.recv_timeout(Duration::from_secs(10)));
        assert!(answers.into_iter().all(|a| a == Ok(true)), "{mode:?}: a call goes on for ever");
        // Its end waits for what `run` left behind.
        assert!(ran.join().is_ok());
    }
}

#[test]
fn a_scope_of_a_call_that_blocks_learns_it_and_is_left() {
    hide_expected_panics();
    for mode in MODES {
        let (tx, rx) = std::sync::mpsc::channel();
        let ran = thread::spawn(move || {
            mode.run(|| {
                let begun = Arc::new(AtomicUsize::new(0));
                for _ in 0..3 {
                    let (tx, begun) = (tx.clone(), Arc::clone(&begun));
                    gort::go(move || {
                        gort::blocking(|| {
                            begun.fetch_add(1, Ordering::Relaxed);
                            // What they wait in goes with the scope.
                            let lost = catch_unwind(AssertUnwindSafe(|| {
                                let (message, none) = chan::bounded::<Box<i32>>(0);
                                let lock = Mutex::new(Box::new(1));
                                let held = lock.lock();
                                gort::scope(|s| {
                                    s.spawn(|| none.recv());
                                    s.spawn(|| none.recv_timeout(HOUR));
                                    s.spawn(|| drop(lock.lock()));
                                    s.spawn(|| chan::select! { recv(none) -> _ => () });
                                    s.spawn(|| gort::sleep(HOUR));
                                });
                                drop((held, message));
                            }));
                            let _ = tx.send(lost.is_err());
                            // Nobody is left to run these.
                            let lost = catch_unwind(|| gort::scope(|s| drop(s.spawn(|| ()))));
                            let _ = tx.send(lost.is_err());
                        });
                    });
                }
                while begun.load(Ordering::Relaxed) < 3 {
                    settle();
                }
                settle();
                drop(tx);
            });
        });
        let answers = (0..6).map(|_| rx.recv_timeout(Duration::from_secs(10)));
        assert!(answers.into_iter().all(|a| a == Ok(true)), "{mode:?}: a scope goes on for ever");
        assert!(ran.join().is_ok());
    }
}

#[test]
fn the_goroutines_of_a_runtime_that_panics_are_abandoned_too() {
    hide_expected_panics();
    for mode in MODES {
        let (tx, rx) = chan::bounded::<i32>(0);
        let ended = catch_unwind(AssertUnwindSafe(|| {
            mode.run(|| {
                for _ in 0..10 {
                    let rx = rx.clone();
                    gort::go(move || panic!("an abandoned receiver got {:?}", rx.recv()));
                }
                settle();
                panic!("expected, of run");
            })
        }));
        assert!(ended.is_err());
        assert_eq!(tx.try_send(1), Err(TrySendError::Full(1)));
    }
}

#[test]
fn their_threads_do_not_outlive_run() {
    alone("abandoned::their_threads_do_not_outlive_run", || {
        // Only memory is left behind: no thread, no descriptor.
        let before = Footprint::now();
        for round in 0..100 {
            let mode = MODES[round % MODES.len()];
            mode.run(|| {
                for _ in 0..4 {
                    gort::go(|| gort::sleep(HOUR));
                }
                let socket = gort::net::TcpListener::bind("127.0.0.1:0").unwrap();
                gort::sleep(Duration::from_micros(100));
                drop(socket);
            });
        }
        before.comes_back(Footprint { threads: 0, descriptors: 0, ..Footprint::ANY });
        assert_eq!(Mode::Stays(2).run(|| gort::spawn(|| 3).join().unwrap()), 3);
    });
}
