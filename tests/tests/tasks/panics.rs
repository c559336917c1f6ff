//! Panics: whom they reach, and that they harm nobody else.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use gort::chan;
use gort::sync::Mutex;
use tests::{Mode, ends_of_its_own, everywhere, hide_expected_panics, thread_id};

fn text(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref().map(String::as_str))
        .unwrap()
}

/// A payload whose `Drop` panics, and counts.
struct Bomb(Arc<AtomicUsize>);

impl Drop for Bomb {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
        panic!("expected, of a payload that is dropped");
    }
}

#[test]
fn join_delivers_what_was_thrown() {
    hide_expected_panics();
    everywhere(|_| {
        let of_text = gort::spawn(|| panic!("expected")).join().unwrap_err();
        assert_eq!(text(&*of_text), "expected");
        let of_format = gort::spawn(|| panic!("expected {}", 1 + 1)).join().unwrap_err();
        assert_eq!(text(&*of_format), "expected 2");
        let of_any = gort::spawn(|| resume_unwind(Box::new(vec![1, 2]))).join().unwrap_err();
        assert_eq!(*of_any.downcast::<Vec<i32>>().unwrap(), [1, 2]);
        let of_local = gort::spawn_local(|| panic!("expected")).join().unwrap_err();
        assert_eq!(text(&*of_local), "expected");
        assert!(!std::thread::panicking());
        assert_eq!(gort::spawn(|| 5).join().unwrap(), 5);
    });
}

#[test]
fn many_panics_at_once() {
    hide_expected_panics();
    everywhere(|_| {
        let handles: Vec<_> = (0..500)
            .map(|i| {
                gort::spawn(move || {
                    gort::yield_now();
                    if i % 2 == 0 {
                        panic!("expected {i}");
                    }
                    i
                })
            })
            .collect();
        for (i, handle) in handles.into_iter().enumerate() {
            match handle.join() {
                Ok(value) => assert_eq!((value, i % 2), (i, 1)),
                Err(panic) => assert_eq!(text(&*panic), format!("expected {i}")),
            }
        }
    });
}

#[test]
fn go_reports_a_panic_and_goes_on() {
    // With one processor all of them have ended when main, which gives way, goes on.
    const MODES: [Mode; 2] = [Mode::Stays(1), Mode::Migrates(1)];
    let line = line!() + 6;
    let output = ends_of_its_own("panics::go_reports_a_panic_and_goes_on", || {
        std::panic::set_hook(Box::new(|_| ()));
        for mode in MODES {
            mode.run(|| {
                let (tx, rx) = chan::bounded::<()>(0);
                gort::go(move || {
                    let _tx = tx;
                    panic!("at {}", "sea");
                });
                assert!(rx.recv().is_err());
                gort::go(|| panic_any(5));
                gort::go(|| panic_any(Bomb(Arc::default())));
                gort::yield_now();
            });
        }
    });
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(7), "{error}");
    let reports: Vec<_> = error.lines().filter(|line| line.ends_with("panicked: at sea")).collect();
    assert_eq!(reports.len(), MODES.len(), "{error}");
    for report in reports {
        let place = format!(", spawned at tests/tests/tasks/panics.rs:{line}:");
        let number = report.strip_prefix("goroutine ").and_then(|rest| rest.split_once(&place));
        assert!(number.is_some_and(|(number, _)| number.parse::<u64>().is_ok()), "{report}");
    }
    assert_eq!(error.matches("panicked: (not a text)").count(), 2 * MODES.len(), "{error}");
}

#[test]
fn a_scope_waits_for_all_and_then_panics() {
    hide_expected_panics();
    everywhere(|_| {
        let ended = AtomicUsize::new(0);
        let scoped = catch_unwind(AssertUnwindSafe(|| {
            gort::scope(|s| {
                for i in 0..10 {
                    let ended = &ended;
                    s.spawn(move || {
                        (0..i).for_each(|_| gort::yield_now());
                        ended.fetch_add(1, Ordering::Relaxed);
                        assert!(i != 3, "expected of the third");
                    });
                }
            })
        }));
        assert_eq!(text(&*scoped.unwrap_err()), "a scoped goroutine panicked");
        assert_eq!(ended.load(Ordering::Relaxed), 10);

        // A panic that is joined is the joiner's.
        let joined = gort::scope(|s| s.spawn(|| panic!("expected")).join().is_err());
        assert!(joined);

        // The panic of the scope's own function comes first, and waits too.
        let own = catch_unwind(AssertUnwindSafe(|| {
            gort::scope(|s| {
                s.spawn(|| {
                    (0..10).for_each(|_| gort::yield_now());
                    ended.fetch_add(1, Ordering::Relaxed);
                });
                panic!("expected, of the scope");
            })
        }));
        assert_eq!(text(&*own.unwrap_err()), "expected, of the scope");
        assert_eq!(ended.load(Ordering::Relaxed), 11);
    });
}

#[test]
fn a_payload_that_panics_when_dropped_harms_nobody() {
    hide_expected_panics();
    everywhere(|_| {
        let dropped = Arc::new(AtomicUsize::new(0));
        for _ in 0..5 {
            // Nobody ever takes these. They are dropped by the goroutine, or by who drops the handle
            // of one that has ended.
            let bomb = Bomb(Arc::clone(&dropped));
            let thrown = gort::spawn(move || resume_unwind(Box::new(bomb)));
            let bomb = Bomb(Arc::clone(&dropped));
            let returned = gort::spawn(move || bomb);
            let _ = catch_unwind(AssertUnwindSafe(|| drop(thrown)));
            let _ = catch_unwind(AssertUnwindSafe(|| drop(returned)));
        }
        while dropped.load(Ordering::Relaxed) < 10 {
            gort::yield_now();
        }
        // And this one is dropped by its taker.
        let bomb = Bomb(Arc::clone(&dropped));
        let payload = gort::spawn(move || resume_unwind(Box::new(bomb))).join().unwrap_err();
        assert!(catch_unwind(AssertUnwindSafe(|| drop(payload))).is_err());
        assert_eq!(gort::spawn(|| 5).join().unwrap(), 5);
    });
}

#[test]
fn those_who_wait_learn_of_a_panic() {
    hide_expected_panics();
    everywhere(|_| {
        let (tx, rx) = chan::bounded::<i32>(0);
        let waiting: Vec<_> = (0..10)
            .map(|_| {
                let rx = rx.clone();
                gort::spawn(move || rx.recv().is_err())
            })
            .collect();
        let sender = gort::spawn(move || {
            let _tx = tx;
            gort::yield_now();
            panic!("expected");
        });
        assert!(sender.join().is_err());
        assert!(waiting.into_iter().all(|handle| handle.join().unwrap()));

        let mutex = Arc::new(Mutex::new(0));
        let (held, holder) = (Arc::clone(&mutex), chan::bounded::<()>(0));
        let (tx, rx) = holder;
        let panicking = gort::spawn(move || {
            let _guard = held.lock().unwrap();
            tx.send(()).unwrap();
            gort::yield_now();
            panic!("expected");
        });
        rx.recv().unwrap();
        assert!(mutex.lock().is_err(), "the lock is poisoned");
        assert!(panicking.join().is_err());
    });
}

#[test]
fn the_panic_of_a_blocking_call_goes_on_in_its_caller() {
    hide_expected_panics();
    everywhere(|_| {
        let here = thread_id();
        for _ in 0..20 {
            let panic = catch_unwind(|| gort::blocking(|| panic!("expected, aside")));
            assert_eq!(text(&*panic.unwrap_err()), "expected, aside");
        }
        let handle = gort::spawn(|| gort::blocking(|| panic!("expected, aside")));
        assert_eq!(text(&*handle.join().unwrap_err()), "expected, aside");
        assert_ne!(gort::blocking(thread_id), here);
    });
    let panic = catch_unwind(|| gort::blocking(|| panic!("expected, on a plain thread")));
    assert_eq!(text(&*panic.unwrap_err()), "expected, on a plain thread");
}

/// Parks when it is dropped, for as long as nothing is sent; and looks whether it comes back to the
/// thread that it left.
struct ParksInDrop {
    arrived: chan::Sender<()>,
    leave: chan::Receiver<()>,
}

impl Drop for ParksInDrop {
    fn drop(&mut self) {
        let here = thread_id();
        assert!(std::thread::panicking());
        self.arrived.send(()).unwrap();
        for _ in 0..3 {
            self.leave.recv().unwrap();
            assert_eq!(thread_id(), here, "an unwinding goroutine has moved");
            assert!(std::thread::panicking());
            gort::yield_now();
            gort::sleep(std::time::Duration::from_micros(100));
            assert_eq!(thread_id(), here, "an unwinding goroutine has moved");
        }
    }
}

#[test]
fn a_goroutine_may_park_while_it_unwinds() {
    hide_expected_panics();
    everywhere(|mode| {
        for _ in 0..10 {
            let (arrived, here) = chan::bounded(0);
            let (go_on, leave) = chan::bounded(0);
            let unwinding: Vec<_> = (0..2 * mode.procs())
                .map(|i| {
                    let guard = ParksInDrop { arrived: arrived.clone(), leave: leave.clone() };
                    gort::spawn(move || {
                        let _guard = guard;
                        panic!("expected {i}");
                    })
                })
                .collect();
            (0..unwinding.len()).for_each(|_| here.recv().unwrap());
            // All of them are in the middle of it. Others run and panic meanwhile.
            let others: Vec<_> = (0..20)
                .map(|i| {
                    gort::spawn(move || {
                        gort::yield_now();
                        assert!(i % 2 == 0, "expected {i}");
                        catch_unwind(|| panic!("expected, inside")).is_err()
                    })
                })
                .collect();
            for (i, other) in others.into_iter().enumerate() {
                assert_eq!(other.join().is_ok_and(|caught| caught), i % 2 == 0);
            }
            (0..3 * unwinding.len()).for_each(|_| go_on.send(()).unwrap());
            for (i, handle) in unwinding.into_iter().enumerate() {
                assert_eq!(text(&*handle.join().unwrap_err()), format!("expected {i}"));
            }
            let panicking = gort::spawn(std::thread::panicking).join().unwrap();
            assert!(!panicking, "a panic that has ended is still counted");
        }
    });
}

#[test]
fn a_goroutine_may_spawn_and_panic_again_while_it_unwinds() {
    struct Works;
    impl Drop for Works {
        fn drop(&mut self) {
            let inner = gort::spawn(|| panic!("expected, inside")).join();
            assert_eq!(text(&*inner.unwrap_err()), "expected, inside");
            assert_eq!(gort::blocking(|| gort::spawn(|| 5).join().unwrap()), 5);
            assert!(catch_unwind(|| panic!("expected, caught")).is_err());
        }
    }
    hide_expected_panics();
    everywhere(|_| {
        let handle = gort::spawn(|| {
            let _works = Works;
            panic!("expected, outside");
        });
        assert_eq!(text(&*handle.join().unwrap_err()), "expected, outside");
    });
}

#[test]
fn a_panic_in_an_arm_loses_nothing() {
    hide_expected_panics();
    everywhere(|mode| {
        let token = Arc::new(());
        let (tx, rx) = chan::bounded(1);
        let (full, kept) = chan::bounded(1);
        tx.send(Arc::clone(&token)).unwrap();
        let (receiver, message) = (rx.clone(), Arc::clone(&token));
        let panicked = gort::spawn(move || {
            chan::select! {
                recv(receiver) -> message => panic!("expected, with {message:?}"),
                send(full, message) -> _ => panic!("sent"),
            }
        });
        // Either is ready: what was received is dropped by the unwinding, and what was sent is there.
        let panic = panicked.join().unwrap_err();
        let text = text(&*panic);
        let sent = kept.try_iter().count();
        assert!(text.contains(if sent == 0 { "expected" } else { "sent" }), "{mode:?}: {text}");
        assert_eq!(rx.try_iter().count(), sent, "{mode:?}");
        assert_eq!(Arc::strong_count(&token), 1, "{mode:?}: leaked");
        // The channel goes on.
        tx.send(token).unwrap();
        assert!(rx.recv().is_ok());
    });
}
