//! What `gort::thread` mirrors of `std::thread`, on goroutines and on plain threads.

use std::collections::HashSet;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use gort::chan;
use gort::sync::Mutex;
use gort::thread::{self, Builder, Thread, ThreadId};
use tests::{MODES, Mode, everywhere, hide_expected_panics, ms};

const HOUR: Duration = Duration::from_secs(3600);

/// Runs a test as a goroutine of each mode, and on a plain thread.
fn on_both(test: impl Fn() + Sync) {
    everywhere(|_| test());
    std::thread::scope(|s| s.spawn(&test).join()).expect("no panic on a plain thread");
}

#[test]
fn the_types_are_as_sendable_as_std_s() {
    fn both<T: Send + Sync + 'static>() {}
    both::<Thread>();
    both::<ThreadId>();
    both::<Builder>();
    both::<thread::JoinHandle<std::cell::Cell<i32>>>();
    both::<thread::LocalKey<std::rc::Rc<i32>>>();
}

#[test]
fn an_unpark_before_the_park_ends_it() {
    on_both(|| {
        thread::current().unpark();
        thread::current().unpark();
        thread::park();
        // Two of them are one.
        let start = Instant::now();
        thread::park_timeout(ms(5));
        assert!(start.elapsed() >= ms(5));
    });
}

#[test]
fn an_unpark_after_the_park_ends_it() {
    on_both(|| {
        let (tx, rx) = chan::bounded(1);
        let parked = gort::spawn(move || {
            tx.send(()).unwrap();
            thread::park();
            thread::park_timeout(HOUR);
            7
        });
        rx.recv().unwrap();
        while !parked.is_finished() {
            gort::sleep(ms(1));
            parked.thread().unpark();
        }
        assert_eq!(parked.join().unwrap(), 7);
    });
}

#[test]
fn a_park_to_and_fro_loses_nothing() {
    on_both(|| {
        const ROUNDS: usize = 300;
        let (first, me) = (Arc::new(AtomicUsize::new(0)), thread::current());
        let turn = Arc::clone(&first);
        let other = gort::spawn(move || {
            for i in 0..ROUNDS {
                while turn.load(Ordering::Acquire) != 2 * i + 1 {
                    thread::park();
                }
                turn.store(2 * i + 2, Ordering::Release);
                me.unpark();
            }
        });
        for i in 0..ROUNDS {
            first.store(2 * i + 1, Ordering::Release);
            other.thread().unpark();
            while first.load(Ordering::Acquire) != 2 * i + 2 {
                thread::park();
            }
        }
        other.join().unwrap();
    });
}

#[test]
fn a_plain_thread_unparks_a_goroutine_and_is_unparked() {
    everywhere(|_| {
        let goroutine = thread::current();
        let outside = std::thread::spawn(move || {
            goroutine.unpark();
            thread::park();
        });
        thread::park();
        // Known only once it has asked for itself: so by a channel.
        drop(outside);
        let (tx, rx) = chan::bounded(0);
        let outside = std::thread::spawn(move || {
            tx.send(thread::current()).unwrap();
            thread::park();
        });
        rx.recv().unwrap().unpark();
        gort::blocking(|| outside.join()).unwrap();
    });
}

#[test]
fn a_timeout_in_the_past_is_over_at_once() {
    on_both(|| {
        thread::park_timeout(Duration::ZERO);
        thread::sleep(Duration::ZERO);
        thread::sleep_until(gort::time::Instant::from_nanos(1));
        thread::sleep_until(Instant::now());
    });
}

#[test]
fn names_and_numbers() {
    on_both(|| {
        let unnamed = gort::spawn(|| thread::current().name().map(str::to_owned));
        assert_eq!(unnamed.thread().name(), None);
        assert_eq!(unnamed.join().unwrap(), None);
        let named = Builder::new().name("a name".into()).spawn(|| {
            let me = thread::current();
            (me.name().map(str::to_owned), me.id())
        });
        let named = named.unwrap();
        let from_outside = named.thread().clone();
        assert_eq!(from_outside.name(), Some("a name"));
        let (name, id) = named.join().unwrap();
        assert_eq!((name.as_deref(), id), (Some("a name"), from_outside.id()));
        let shown = format!("{from_outside:?}");
        assert!(shown.contains("a name") && shown.contains("ThreadId("), "{shown}");
    });
    gort::run(|| assert_eq!(thread::current().name(), Some("main")));
    let plain = std::thread::Builder::new().name("plain".into());
    let plain = plain.spawn(|| thread::current().name().map(str::to_owned)).unwrap();
    assert_eq!(plain.join().unwrap().as_deref(), Some("plain"));
}

#[test]
fn a_name_has_no_null_byte() {
    let named = || Builder::new().name("a\0b".into()).spawn(|| ());
    assert!(catch_unwind(AssertUnwindSafe(named)).is_err());
}

#[test]
fn the_handle_and_the_goroutine_agree_on_who_it_is() {
    // Who asks first makes the identity: they race.
    everywhere(|_| {
        for _ in 0..200 {
            let handle = gort::spawn(|| thread::current().id());
            let known = handle.thread().id();
            assert_eq!(handle.join().unwrap(), known);
        }
        let ids: HashSet<ThreadId> =
            (0..100).map(|_| gort::spawn(|| thread::current().id()).join().unwrap()).collect();
        assert_eq!(ids.len(), 100);
        // After its end too, though it has never asked.
        let handle = gort::spawn(|| ());
        while !handle.is_finished() {
            gort::yield_now();
        }
        assert_eq!(handle.thread().id(), handle.thread().id());
        handle.thread().unpark();
    });
}

#[test]
fn who_it_was_outlives_the_runtime() {
    for mode in MODES {
        let (ended, parked) = mode.run(|| {
            let parked = gort::spawn(thread::park);
            let known = parked.thread().clone();
            gort::sleep(ms(2));
            (gort::spawn(thread::current).join().unwrap(), known)
        });
        assert_ne!(ended.id(), parked.id());
        // The one is gone, the other never runs again.
        ended.unpark();
        parked.unpark();
        parked.unpark();
    }
}

#[test]
fn builders_build() {
    on_both(|| {
        let deep = Builder::new().stack_size(8 << 20).spawn(|| {
            fn deeper(n: u64) -> u64 {
                let room = std::hint::black_box([n; 512]);
                if n == 0 { 0 } else { room[511] - n + 1 + deeper(n - 1) }
            }
            deeper(1000)
        });
        assert_eq!(deep.unwrap().join().unwrap(), 1000);
        let mut words = vec![1];
        thread::scope(|s| {
            let named = Builder::new().name("scoped".into());
            let pushed = named.spawn_scoped(s, || {
                words.push(2);
                thread::current().name().map(str::to_owned)
            })?;
            assert_eq!(pushed.thread().name(), Some("scoped"));
            assert_eq!(pushed.join().unwrap().as_deref(), Some("scoped"));
            io::Result::Ok(())
        })
        .unwrap();
        // SAFETY: joined before `words` goes.
        let borrowing = unsafe { Builder::new().spawn_unchecked(|| words.len()) };
        assert_eq!(borrowing.unwrap().join().unwrap(), 2);
    });
}

#[test]
fn there_are_as_many_processors_as_the_runtime_has() {
    everywhere(|mode| assert_eq!(thread::available_parallelism().unwrap().get(), mode.procs()));
    assert!(thread::available_parallelism().unwrap().get() > 0);
}

#[test]
fn a_panic_inside_a_scope_waits_for_the_others() {
    hide_expected_panics();
    on_both(|| {
        let ended = AtomicUsize::new(0);
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            thread::scope(|s| {
                for _ in 0..8 {
                    s.spawn(|| {
                        gort::sleep(ms(1));
                        ended.fetch_add(1, Ordering::Relaxed);
                    });
                }
                panic!("expected, inside a scope");
            })
        }));
        let panic = panicked.unwrap_err();
        assert_eq!(panic.downcast_ref(), Some(&"expected, inside a scope"));
        assert_eq!(ended.load(Ordering::Relaxed), 8);
        // Of a goroutine that is not joined, and of one that is.
        let panicked = catch_unwind(|| {
            thread::scope(|s| {
                s.spawn(|| panic!("expected, of a scoped one"));
            })
        });
        assert!(panicked.is_err());
        thread::scope(|s| assert!(s.spawn(|| panic!("expected")).join().is_err()));
    });
}

#[test]
fn a_panic_inside_an_arm_of_select_loses_nothing() {
    hide_expected_panics();
    on_both(|| {
        let (tx, rx) = chan::unbounded();
        for i in 0..3 {
            tx.send(i).unwrap();
        }
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            chan::select! {
                recv(rx) -> got => panic!("expected {}", got.unwrap()),
                recv(chan::never::<()>()) -> _ => unreachable!(),
            }
        }));
        assert!(panicked.is_err());
        assert_eq!(rx.try_iter().collect::<Vec<_>>(), [1, 2]);
    });
}

/// Waits in its destructor until it has been answered.
struct Asks(chan::Sender<()>, chan::Receiver<()>);

impl Drop for Asks {
    fn drop(&mut self) {
        self.0.send(()).unwrap();
        self.1.recv().unwrap();
    }
}

#[test]
fn a_drop_that_blocks_while_unwinding_comes_to_its_end() {
    hide_expected_panics();
    everywhere(|_| {
        let (ask, asked) = chan::bounded(0);
        let (answer, answered) = chan::bounded(0);
        let lock = Arc::new(Mutex::new(0));
        let handles: Vec<_> = (0..4)
            .map(|i| {
                let (asks, lock) = (Asks(ask.clone(), answered.clone()), Arc::clone(&lock));
                gort::spawn(move || {
                    let _asks = asks;
                    let guard = lock.lock();
                    drop(guard);
                    panic!("expected {i}");
                })
            })
            .collect();
        for _ in 0..4 {
            asked.recv().unwrap();
            answer.send(()).unwrap();
        }
        assert!(handles.into_iter().all(|handle| handle.join().is_err()));
        assert!(!thread::panicking());
    });
}

#[test]
fn a_local_one_is_sent_nowhere() {
    for mode in MODES {
        mode.run(|| {
            let home = tests::thread_id();
            let shared = std::rc::Rc::new(std::cell::Cell::new(0));
            let locals: Vec<_> = (0..10)
                .map(|_| {
                    let shared = std::rc::Rc::clone(&shared);
                    gort::spawn_local(move || {
                        for _ in 0..5 {
                            shared.set(shared.get() + 1);
                            gort::sleep(Duration::from_micros(50));
                            assert_eq!(tests::thread_id(), home);
                        }
                    })
                })
                .collect();
            // In migratory mode this goroutine must stay as well: it is one of theirs.
            if let Mode::Stays(_) = mode {
                locals.into_iter().for_each(|local| local.join().unwrap());
                assert_eq!(shared.get(), 50);
            } else {
                std::mem::forget(shared);
                drop(locals);
            }
        });
    }
}

#[test]
fn a_local_one_needs_a_goroutine() {
    let outside = std::thread::spawn(|| gort::spawn_local(|| ()));
    let panic = outside.join().unwrap_err();
    let text = panic.downcast_ref::<&str>().copied().unwrap_or_default();
    assert!(text.contains("this is no goroutine"), "{text}");
}

#[test]
fn yields_and_flags_work_on_both() {
    on_both(|| {
        let flag = Arc::new(AtomicBool::new(false));
        let theirs = Arc::clone(&flag);
        gort::go(move || theirs.store(true, Ordering::Release));
        while !flag.load(Ordering::Acquire) {
            thread::yield_now();
        }
    });
}
