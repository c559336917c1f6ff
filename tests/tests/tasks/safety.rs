//! The claims of docs/safety.md that no other test stands for.

use std::cell::{Cell, RefCell};
use std::fs;
use std::marker::PhantomData;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::ThreadId;

use gort::sync::Mutex;
use gort::{chan, lock_os_thread, yield_now};
use tests::{MODES, Mode, everywhere, hide_expected_panics, ms};

#[test]
fn every_claim_has_its_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let page = fs::read_to_string(root.join("docs/safety.md")).unwrap();
    let tests = root.join("tests/tests");
    let quoted = page.split('`').skip(1).step_by(2);
    let named = quoted.filter_map(|name| {
        let (file, test) = name.split_once("::")?;
        let folders = ["", "tasks/", "sync/", "waits/", "workers/"];
        let read = |folder| fs::read_to_string(tests.join(format!("{folder}{file}.rs"))).ok();
        let source = folders.into_iter().find_map(read)?;
        Some((name, source.contains(&format!("fn {test}("))))
    });
    let named: Vec<_> = named.collect();
    assert!(named.len() >= 15, "{named:?}");
    assert!(named.iter().all(|(_, is_there)| *is_there), "{named:?}");
}

fn here() -> ThreadId {
    std::thread::current().id()
}

/// The modes in which started goroutines stay.
fn staying() -> impl Iterator<Item = Mode> {
    MODES.into_iter().filter(|mode| matches!(mode, Mode::Stays(_)))
}

/// Waits in each of the ways that let others run in between.
fn wait(i: usize) {
    match i % 3 {
        0 => yield_now(),
        1 => gort::sleep(ms(1)),
        _ => gort::spawn(|| ()).join().unwrap(),
    }
}

#[test]
fn a_borrowed_thread_local_outlives_a_wait() {
    thread_local! { static TEXT: RefCell<String> = const { RefCell::new(String::new()) }; }

    for mode in staying() {
        mode.run(|| {
            let handles: Vec<_> = (0..50)
                .map(|i| {
                    gort::spawn(move || {
                        TEXT.with(|text| {
                            let before: *const _ = text;
                            wait(i);
                            text.borrow_mut().push('x');
                            wait(i + 1);
                            // A reference from before, and the address that is looked up now.
                            assert!(std::ptr::eq(before, text));
                            TEXT.with(|now| assert!(std::ptr::eq(before, now)));
                        });
                    })
                })
                .collect();
            handles.into_iter().for_each(|handle| handle.join().unwrap());
        });
    }
}

#[test]
fn a_thread_local_rc_is_shared_by_one_thread() {
    thread_local! { static SHARED: Rc<Cell<usize>> = Rc::default(); }
    const EACH: usize = 100;

    for mode in staying() {
        let sum = mode.run(|| {
            let handles: Vec<_> = (0..40)
                .map(|i| {
                    gort::spawn(move || {
                        let mine = SHARED.with(Rc::clone);
                        for _ in 0..EACH {
                            let before = mine.get();
                            mine.set(before + 1);
                            // Clones and drops of a count that is not atomic.
                            let again = Rc::clone(&mine);
                            if before.is_multiple_of(10) {
                                wait(i);
                            }
                            drop(again);
                        }
                        (here(), Rc::as_ptr(&mine).addr())
                    })
                })
                .collect();
            let ends: Vec<_> = handles.into_iter().map(|handle| handle.join().unwrap()).collect();
            for (one, other) in ends.iter().flat_map(|one| ends.iter().map(move |o| (one, o))) {
                assert_eq!(one.0 == other.0, one.1 == other.1, "one cell for each thread");
            }
            ends.len()
        });
        assert_eq!(sum, 40);
    }
}

#[test]
fn a_guard_is_dropped_on_its_thread() {
    /// As std's guards: bound to its thread.
    struct Bound(ThreadId, PhantomData<*const ()>);
    impl Drop for Bound {
        fn drop(&mut self) {
            assert_eq!(self.0, here());
        }
    }

    for mode in staying() {
        mode.run(|| {
            let lock = Arc::new([const { std::sync::Mutex::new(0) }; 30]);
            let handles: Vec<_> = (0..30)
                .map(|i| {
                    let lock = lock.clone();
                    gort::spawn(move || {
                        let _bound = Bound(here(), PhantomData);
                        // Nobody else wants this one, so it may be kept over a wait.
                        let mut count = lock[i].lock().unwrap();
                        wait(i);
                        *count += 1;
                    })
                })
                .collect();
            handles.into_iter().for_each(|handle| handle.join().unwrap());
            assert!(lock.iter().all(|count| *count.lock().unwrap() == 1));
        });
    }
}

#[test]
fn forgotten_handles_end_no_borrow() {
    everywhere(|mode| {
        let mut words = vec![String::from("a"); 8];
        gort::scope(|s| {
            for word in &mut words {
                std::mem::forget(s.spawn(move || {
                    yield_now();
                    word.push('b');
                }));
            }
        });
        assert!(words.iter().all(|word| word == "ab"), "{mode:?}");
    });
}

#[test]
fn others_see_an_unwinding_thread() {
    struct Parks(chan::Sender<()>, chan::Receiver<()>);
    impl Drop for Parks {
        fn drop(&mut self) {
            self.0.send(()).unwrap();
            self.1.recv().unwrap();
        }
    }

    hide_expected_panics();
    Mode::Stays(1).run(|| {
        let (begun, begins) = chan::bounded(0);
        let (end, ends) = chan::bounded(0);
        let unwinding = gort::spawn(move || {
            let _parks = Parks(begun, ends);
            panic!("expected");
        });
        begins.recv().unwrap();
        let lock = Mutex::new(1);
        assert!(std::thread::panicking(), "another unwinds on this thread");
        drop(lock.lock().unwrap());
        assert!(!lock.is_poisoned());
        end.send(()).unwrap();
        assert!(unwinding.join().is_err());
        assert!(!std::thread::panicking());
    });
}

thread_local! {
    /// What a library of the kind of scoped-tls keeps: where the innermost call has its value.
    static SCOPED: Cell<*const usize> = const { Cell::new(std::ptr::null()) };
}

/// Such a library: `value` is what `current` has as long as `f` runs, on this thread.
fn scoped<R>(value: &usize, f: impl FnOnce() -> R) -> R {
    let outer = SCOPED.replace(value);
    let result = f();
    SCOPED.set(outer);
    result
}

/// The value whose address is there; the library would follow it.
fn is_current(value: &usize) -> bool {
    std::ptr::eq(SCOPED.get(), value)
}

#[test]
fn calls_on_one_thread_need_not_nest() {
    Mode::Stays(1).run(|| {
        let fooled = Arc::new(AtomicBool::new(false));
        let theirs = fooled.clone();
        let first = gort::spawn(move || {
            let value = 1;
            scoped(&value, || {
                yield_now();
                // Meanwhile the other has begun, and has not ended.
                theirs.store(!is_current(&value), Ordering::Relaxed);
            });
        });
        let second = gort::spawn(|| {
            let value = 2;
            scoped(&value, || {
                yield_now();
                yield_now();
            });
        });
        // They begin in order.
        yield_now();
        first.join().unwrap();
        second.join().unwrap();
        assert!(fooled.load(Ordering::Relaxed), "the gap is closed: say so in docs/safety.md");
        // The address of a frame that is gone stays behind.
        assert!(!SCOPED.get().is_null());
    });
}

#[test]
fn they_nest_on_a_thread_of_ones_own() {
    everywhere(|mode| {
        let right = Arc::new(AtomicUsize::new(0));
        let alone = |value: usize| {
            let right = right.clone();
            let body = move || {
                scoped(&value, || {
                    for i in 0..5 {
                        wait(i);
                        right.fetch_add(usize::from(is_current(&value)), Ordering::Relaxed);
                    }
                });
            };
            gort::thread::Builder::new().lock_os_thread().spawn(body).unwrap()
        };
        let handles: Vec<_> = (0..4).map(alone).collect();
        handles.into_iter().for_each(|handle| handle.join().unwrap());
        assert_eq!(right.load(Ordering::Relaxed), 20, "{mode:?}");
        if mode.procs() > 1 {
            let value = 5;
            let locked = lock_os_thread(|| {
                scoped(&value, || {
                    wait(2);
                    is_current(&value)
                })
            });
            assert_ne!(locked, Ok(false), "{mode:?}");
        }
    });
}
