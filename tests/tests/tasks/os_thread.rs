//! Goroutines that have an OS thread for themselves.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::ThreadId;
use std::time::Duration;

use gort::sync::Barrier;
use gort::thread::{self, Builder};
use gort::time::timeout;
use gort::{chan, lock_os_thread, yield_now};
use tests::{MODES, Mode, everywhere, hide_expected_panics, ms};

const HOUR: Duration = Duration::from_secs(3600);

fn here() -> ThreadId {
    std::thread::current().id()
}

/// The threads that others run on until `stop`, and at least once, who wait and go on all the time.
fn others(n: usize, stop: &Arc<AtomicBool>) -> Vec<gort::JoinHandle<Vec<ThreadId>>> {
    let run = |stop: Arc<AtomicBool>| {
        move || {
            let mut threads = Vec::new();
            loop {
                if !threads.contains(&here()) {
                    threads.push(here());
                }
                if stop.load(Ordering::Relaxed) {
                    return threads;
                }
                yield_now();
            }
        }
    };
    (0..n).map(|_| gort::spawn(run(stop.clone()))).collect()
}

#[test]
fn nobody_else_runs_on_a_locked_thread() {
    // In default mode one processor has to be left for the others.
    for mode in MODES.into_iter().filter(|mode| *mode != Mode::Stays(1)) {
        mode.run(|| {
            let mine = lock_os_thread(|| {
                let mine = here();
                let stop = Arc::new(AtomicBool::new(false));
                let others = others(8, &stop);
                let (tx, rx) = chan::bounded(0);
                gort::go(move || (0..20).for_each(|i| tx.send(i).unwrap()));
                for i in 0..20 {
                    assert_eq!(rx.recv(), Ok(i), "{mode:?}");
                    gort::sleep(Duration::from_micros(50));
                    assert_eq!(here(), mine, "{mode:?}");
                }
                assert_eq!(lock_os_thread(here), Ok(mine), "inside of another one");
                stop.store(true, Ordering::Relaxed);
                for other in others {
                    let threads = other.join().unwrap();
                    assert!(!threads.is_empty() && !threads.contains(&mine), "{mode:?}");
                }
                mine
            });
            let mine = mine.expect("nobody else has started here");
            // Then it is a thread like others.
            gort::spawn(|| ()).join().unwrap();
            if matches!(mode, Mode::Stays(_)) {
                assert_eq!(here(), mine);
            }
        });
    }
}

#[test]
fn the_caller_is_the_same_while_its_thread_is_locked() {
    gort::goroutine_local! { static KEPT: Cell<i32> = const { Cell::new(0) }; }

    for mode in [Mode::Stays(2), Mode::Migrates(1), Mode::Migrates(2)] {
        mode.run(|| {
            KEPT.set(1);
            let me = thread::current().id();
            let (tx, rx) = chan::bounded::<i32>(0);
            let locked = lock_os_thread(|| {
                assert_eq!(thread::current().id(), me);
                assert_eq!(KEPT.replace(2), 1);
                assert!(timeout(ms(2), || rx.recv()).is_err());
                let me = thread::current();
                gort::go(move || me.unpark());
                thread::park();
            });
            assert_eq!(locked, Ok(()), "{mode:?}");
            assert_eq!(KEPT.get(), 2);
            // A deadline from outside counts inside.
            let cut = timeout(ms(2), || lock_os_thread(|| rx.recv()));
            assert!(cut.is_err(), "{mode:?}");
            assert_eq!(lock_os_thread(|| 5), Ok(5), "unlocked by the unwinding");
            drop(tx);
            hide_expected_panics();
            let panicked = std::panic::catch_unwind(|| lock_os_thread(|| panic!("expected")));
            assert!(panicked.is_err());
            assert_eq!(lock_os_thread(|| 6), Ok(6), "unlocked by the panic");
        });
    }
}

#[test]
fn a_thread_that_others_need_is_not_locked() {
    Mode::Stays(1).run(|| {
        let refused = lock_os_thread(|| ()).unwrap_err().to_string();
        assert_eq!(
            refused,
            "can't lock this thread: the runtime has 1 processor, and needs it for others: start it \
             with `thread::Builder::lock_os_thread` instead, or raise `Builder::procs`"
        );
    });
    Mode::Stays(2).run(|| {
        // At home here from birth.
        let other = gort::spawn_local(|| gort::sleep(ms(1)));
        let refused = lock_os_thread(|| ()).unwrap_err().to_string();
        assert!(refused.contains("another goroutine can run on this thread alone"), "{refused}");
        other.join().unwrap();
        assert_eq!(lock_os_thread(|| ()), Ok(()));
    });
    Mode::Migrates(2).run(|| {
        let ran = Arc::new(AtomicUsize::new(0));
        let theirs = ran.clone();
        // SAFETY of the promise: both have nothing that is bound to a thread.
        let other = gort::spawn_local(move || {
            while theirs.load(Ordering::Relaxed) == 0 {
                yield_now();
            }
        });
        let first = lock_os_thread(|| ());
        ran.store(1, Ordering::Relaxed);
        other.join().unwrap();
        assert!(first.is_err(), "its maker is still on the thread");
        assert_eq!(lock_os_thread(|| ()), Ok(()));
    });
    // On a plain thread there is nothing to lock.
    assert_eq!(lock_os_thread(|| 1), Ok(1));
    assert_eq!(gort::run(|| gort::blocking(|| lock_os_thread(|| 2))), Ok(2));
}

#[test]
fn one_worker_is_left_for_the_others() {
    Mode::Stays(3).run(|| {
        let locked = Arc::new(AtomicUsize::new(0));
        let all = Arc::new(Barrier::new(3));
        let lock = |locked: Arc<AtomicUsize>, all: Arc<Barrier>| {
            move || {
                let done = lock_os_thread(|| {
                    locked.fetch_add(1, Ordering::Relaxed);
                    all.wait();
                });
                if done.is_err() {
                    all.wait();
                }
            }
        };
        // Each is alone on its worker, or is refused for another reason: never more than two.
        let handles: Vec<_> =
            (0..3).map(|_| gort::spawn(lock(locked.clone(), all.clone()))).collect();
        handles.into_iter().for_each(|handle| handle.join().unwrap());
        assert!(locked.load(Ordering::Relaxed) <= 2);
        // The count is what it was before.
        assert_eq!(lock_os_thread(|| ()), Ok(()));
    });
}

#[test]
fn one_that_is_started_so_is_always_granted_a_thread() {
    gort::goroutine_local! { static KEPT: Cell<i32> = const { Cell::new(0) }; }

    everywhere(|mode| {
        let threads = Arc::new(Mutex::new(Vec::new()));
        let stop = Arc::new(AtomicBool::new(false));
        let others = others(4, &stop);
        let (tx, rx) = chan::bounded(0);
        let alone: Vec<_> = (0..3)
            .map(|i| {
                let (threads, tx) = (threads.clone(), tx.clone());
                let builder = Builder::new().name(format!("alone {i}")).lock_os_thread();
                let body = move || {
                    assert_eq!(thread::current().name(), Some(&*format!("alone {i}")));
                    assert_eq!(KEPT.replace(i), 0, "another's");
                    threads.lock().unwrap().push(here());
                    let before = here();
                    tx.send(i).unwrap();
                    thread::park();
                    assert!(timeout(ms(1), || gort::sleep(HOUR)).is_err());
                    assert_eq!(here(), before);
                    gort::spawn(move || i).join().unwrap()
                };
                builder.spawn(body).unwrap()
            })
            .collect();
        let mut got: Vec<_> = (0..3).map(|_| rx.recv().unwrap()).collect();
        got.sort_unstable();
        assert_eq!(got, [0, 1, 2]);
        alone.iter().for_each(|handle| handle.thread().unpark());
        for (i, handle) in alone.into_iter().enumerate() {
            assert_eq!(handle.join().unwrap(), i as i32, "{mode:?}");
        }
        stop.store(true, Ordering::Relaxed);
        let mut theirs = threads.lock().unwrap().clone();
        theirs.sort_unstable_by_key(|id| format!("{id:?}"));
        theirs.dedup();
        assert_eq!(theirs.len(), 3, "{mode:?}: a thread for each");
        for other in others {
            let threads = other.join().unwrap();
            assert!(threads.iter().all(|thread| !theirs.contains(thread)), "{mode:?}");
        }
    });
}

#[test]
fn one_that_is_started_so_may_borrow_and_panic() {
    hide_expected_panics();
    everywhere(|mode| {
        let mut word = String::from("one");
        thread::scope(|s| {
            let builder = Builder::new().lock_os_thread();
            builder.spawn_scoped(s, || word.push_str(" two")).unwrap();
        });
        assert_eq!(word, "one two", "{mode:?}");
        let panic = Builder::new().lock_os_thread().spawn(|| panic!("expected")).unwrap();
        assert_eq!(panic.join().unwrap_err().downcast_ref(), Some(&"expected"));
    });
}
