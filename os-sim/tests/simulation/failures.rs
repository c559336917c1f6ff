//! What a check finds, and how it says so.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rt_core::{FOREVER, os};

use crate::{Config, check, exact, fail, pass, spawn, word};

/// Looks at a flag, then sleeps without a value that would tell that the flag was set in between.
fn lost_wake_up() {
    let (flag, door) = (word(), word());
    let thread = {
        let (flag, door) = (Arc::clone(&flag), Arc::clone(&door));
        spawn(move || {
            flag.store(1, Ordering::Relaxed);
            os::wake(Arc::as_ptr(&door), 1);
        })
    };
    if flag.load(Ordering::Relaxed) == 0 {
        os::wait(&door, 0, FOREVER);
    }
    thread.join();
}

#[test]
fn a_lost_wake_up_is_found() {
    let outcomes = (0..100).map(|seed| check(&exact(seed), lost_wake_up));
    let (good, bad): (Vec<_>, Vec<_>) = outcomes.partition(|outcome| outcome.failure.is_none());
    assert!(!good.is_empty() && !bad.is_empty(), "{} of 100 failed", bad.len());
    for outcome in bad {
        let failure = outcome.failure.unwrap_or_default();
        assert!(failure.starts_with("deadlock"), "{failure}");
        assert!(failure.ends_with("\n  thread 0 waits on word 0"), "{failure}");
        // The seed is a repro.
        assert_eq!(fail(&exact(outcome.seed), lost_wake_up), failure);
    }
}

#[test]
fn a_deadlock_lists_who_waits_for_what() {
    let failure = fail(&exact(0), || {
        let shared = word();
        let theirs = Arc::clone(&shared);
        let one = spawn(move || os::wait(&theirs, 0, FOREVER));
        spawn(move || os::wait(&shared, 0, FOREVER));
        spawn(|| os::wait(&AtomicU32::new(0), 0, FOREVER));
        one.join();
    });
    let expected = "deadlock: nobody can run and nobody has a deadline\
        \n  thread 0 waits for the end of thread 1\
        \n  thread 1 waits on word 0\
        \n  thread 2 waits on word 0\
        \n  thread 3 waits on word 1";
    assert_eq!(failure, expected);
}

#[test]
fn threads_that_never_end_are_reported() {
    let failure = fail(&exact(0), || {
        spawn(|| os::wait(&AtomicU32::new(0), 0, FOREVER));
    });
    let expected = "left behind: the program returned, but these threads never ended\
        \n  thread 1 waits on word 0";
    assert_eq!(failure, expected);
}

#[test]
fn threads_that_end_later_are_not() {
    let ended = word();
    let theirs = Arc::clone(&ended);
    pass(&exact(0), || {
        spawn(move || {
            crate::sleep(1000 * crate::MS);
            theirs.store(1, Ordering::Relaxed);
        });
    });
    assert_eq!(ended.load(Ordering::Relaxed), 1);
}

/// Only with this variable set is the test below the program that stands still.
const STANDS_STILL: &str = "GORT_TEST_STANDS_STILL";

#[test]
fn a_program_without_switch_points_is_named() {
    if std::env::var_os(STANDS_STILL).is_some() {
        let config = Config { patience: Duration::from_millis(500), ..exact(7) };
        let forever = || {
            let still = spawn(|| {
                loop {
                    std::hint::spin_loop();
                }
            });
            still.join();
        };
        let outcome = check(&config, forever);
        unreachable!("{outcome:?}");
    }
    let mut again = Command::new(std::env::current_exe().expect("it runs"));
    again.args(["--exact", "failures::a_program_without_switch_points_is_named"]);
    let output = again.env(STANDS_STILL, "1").output().expect("it runs again");
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{text}");
    let expected = "fatal: the simulation stands still under seed 7: thread 1 has run for 0.5 s";
    assert!(text.contains(expected), "{text}");
}

#[test]
fn a_program_that_never_ends_is_stopped() {
    let config = Config { step_limit: 1000, ..exact(0) };
    let forever = || {
        loop {
            os::now();
        }
    };
    let outcome = check(&config, forever);
    assert_eq!(outcome.steps, 1000);
    let expected = "no progress: 1000 switch points and no end\n  thread 0 can run";
    assert_eq!(outcome.failure.as_deref(), Some(expected));
}

#[test]
fn a_panic_is_a_failure() {
    for _ in 0..3 {
        let failure = fail(&exact(0), || {
            spawn(|| os::wait(&AtomicU32::new(0), 0, FOREVER));
            os::now();
            let three = 3;
            assert_eq!(three, 4, "of {three}");
        });
        assert!(failure.starts_with("the program panicked: "), "{failure}");
        assert!(failure.contains("of 3"), "{failure}");
    }
    assert_eq!(fail(&exact(0), || panic!("plain")), "the program panicked: plain");
    assert!(!std::thread::panicking());
    assert!(!os_sim::active());
}

#[test]
fn an_abort_is_a_failure() {
    let failure = fail(&exact(0), || {
        let thread = spawn(|| {
            os::write_error(b"fatal: ");
            os::now();
            os::write_error(b"it broke\n");
            os::abort();
        });
        thread.join();
    });
    assert_eq!(failure, "thread 1 aborted: fatal: it broke");
}

#[test]
fn an_exit_is_a_failure() {
    assert_eq!(fail(&exact(0), || os::exit(3)), "thread 0 exited with status 3: ");
}

#[test]
fn a_check_inside_of_a_check_is_a_panic() {
    let failure = fail(&exact(0), || {
        pass(&exact(1), || ());
    });
    assert!(failure.contains("inside of a check"), "{failure}");
    pass(&exact(0), || ());
}

#[test]
fn a_thread_is_joined_once() {
    let failure = fail(&exact(0), || {
        let thread = spawn(|| ());
        crate::Thread(thread.0).join();
        thread.join();
    });
    assert_eq!(failure, "thread 0 joins thread 1, which is not to be joined");
}

#[test]
fn memory_that_is_kept_is_counted() {
    let kept = |keep: bool| {
        let program = move || {
            let bytes = 4 * os::page_size();
            let at = os::reserve(bytes).expect("no memory");
            if !keep {
                // SAFETY: all of the reservation just made, of which nothing is used.
                unsafe { os::release(at, bytes) };
            }
        };
        pass(&exact(0), program).kept_bytes
    };
    assert_eq!(kept(false), 0);
    assert_eq!(kept(true), 4 * os::page_size() as u64);
}

#[test]
fn a_trace_shows_events_and_text() {
    let config = Config { trace: true, ..exact(0) };
    let outcome = pass(&config, || {
        os::write_error(b"hello\n");
        lost_wake_up_not();
    });
    let has = |part: &str| outcome.trace.iter().any(|line| line.contains(part));
    assert!(has("thread 0 wrote: hello"), "{:#?}", outcome.trace);
    assert!(has("thread 1: Started 0"), "{:#?}", outcome.trace);
    assert!(has("thread 1: Ended 0"), "{:#?}", outcome.trace);
    assert!(pass(&exact(0), lost_wake_up_not).trace.is_empty());
}

/// As [`lost_wake_up`], done right: the word that tells is the word that is slept on.
fn lost_wake_up_not() {
    let flag = word();
    let theirs = Arc::clone(&flag);
    let thread = spawn(move || {
        theirs.store(1, Ordering::Relaxed);
        os::wake(Arc::as_ptr(&theirs), 1);
    });
    crate::wait_while(&flag, 0);
    thread.join();
}

#[test]
fn the_expected_value_prevents_a_lost_wake_up() {
    for seed in 0..200 {
        pass(&exact(seed), lost_wake_up_not);
    }
}
