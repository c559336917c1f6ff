//! Faults come by the seed, at their rates, and not at all when they are off.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use rt_core::{FOREVER, OsError, os, poller};

use crate::{Config, Faults, MS, exact, pass, sleep, spawn, wait_while, word};

fn with(seed: u64, faults: Faults) -> Config {
    Config { faults, ..exact(seed) }
}

/// How many of so many seeds answer yes.
fn count(faults: Faults, seeds: u64, program: impl Fn() -> bool) -> usize {
    let yes = |seed: &u64| {
        let mut yes = false;
        pass(&with(*seed, faults), || yes = program());
        yes
    };
    (0..seeds).filter(yes).count()
}

#[test]
fn a_thread_may_be_refused() {
    let refused = || {
        // SAFETY: `nothing` takes any argument.
        match unsafe { os::start(nothing, core::ptr::null_mut()) } {
            Ok(thread) => {
                // SAFETY: started above, joined once.
                unsafe { os::join(thread) };
                false
            }
            Err(error) => error == OsError(11),
        }
    };
    assert_eq!(count(Faults::NONE, 100, refused), 0);
    assert_eq!(count(Faults { no_thread: 1, ..Faults::NONE }, 10, refused), 10);
    assert!((10..50).contains(&count(Faults { no_thread: 4, ..Faults::NONE }, 100, refused)));
}

unsafe extern "C" fn nothing(_arg: *mut ()) {}

#[test]
fn memory_may_be_refused() {
    let refused = || {
        let bytes = os::page_size();
        let at = match os::reserve(bytes) {
            Ok(at) => at,
            Err(error) => return error == os::no_memory(),
        };
        // SAFETY: all of the reservation just made.
        let committed = unsafe { os::commit(at, bytes) };
        // SAFETY: as above, committed or not: a simulated guard touches nothing.
        let guarded = unsafe { os::guard(at, bytes, bytes, 1) };
        // SAFETY: all of the reservation, of which nothing is used.
        unsafe { os::release(at, bytes) };
        committed == Err(os::no_memory()) || guarded == Err(os::no_memory())
    };
    assert_eq!(count(Faults::NONE, 50, refused), 0);
    assert!((20..100).contains(&count(Faults { no_memory: 4, ..Faults::NONE }, 100, refused)));
}

#[test]
fn a_deadline_may_be_seen_late() {
    let late = Faults { late: 2, late_by: MS, ..Faults::NONE };
    let late_by = AtomicU64::new(0);
    let is_late = || {
        let until = os::now() + MS;
        os::wait(&AtomicU32::new(0), 0, until);
        late_by.store(os::now() - until, Ordering::Relaxed);
        assert!(late_by.load(Ordering::Relaxed) < MS + 10_000);
        late_by.load(Ordering::Relaxed) > 10_000
    };
    assert_eq!(count(Faults::NONE, 50, is_late), 0);
    assert!((30..70).contains(&count(late, 100, is_late)));
}

#[test]
fn who_is_woken_late_is_not_woken_twice() {
    let late = Faults { late: 1, late_by: MS, ..Faults::NONE };
    for seed in 0..50 {
        pass(&with(seed, late), || {
            let (door, through) = (word(), word());
            let threads: Vec<_> = (0..2)
                .map(|_| {
                    let (door, through) = (Arc::clone(&door), Arc::clone(&through));
                    spawn(move || {
                        os::wait(&door, 0, FOREVER);
                        through.fetch_add(1, Ordering::Relaxed);
                    })
                })
                .collect();
            sleep(MS);
            // The second wake must not be lost on one who is on the way already.
            os::wake(Arc::as_ptr(&door), 1);
            os::wake(Arc::as_ptr(&door), 1);
            threads.into_iter().for_each(crate::Thread::join);
            assert_eq!(through.load(Ordering::Relaxed), 2);
        });
    }
}

#[test]
fn a_thread_may_start_late() {
    let faults = Faults { late_start: 2, late_by: MS, ..Faults::NONE };
    let is_late = || {
        let start = os::now();
        let began = Arc::new(AtomicU64::new(0));
        let theirs = Arc::clone(&began);
        spawn(move || theirs.store(os::now(), Ordering::Relaxed)).join();
        began.load(Ordering::Relaxed) - start > 20_000
    };
    assert_eq!(count(Faults::NONE, 50, is_late), 0);
    assert!((30..70).contains(&count(faults, 100, is_late)));
}

#[test]
fn the_clock_may_step_forward() {
    let faults = Faults { clock_step: 10, clock_step_by: 1000 * MS, ..Faults::NONE };
    let steps = || {
        let start = os::now();
        (0..20).for_each(|_| os::point());
        os::now() - start > MS
    };
    assert_eq!(count(Faults::NONE, 50, steps), 0);
    assert!(count(faults, 50, steps) > 20);
}

#[test]
fn a_poll_may_be_interrupted() {
    let faults = Faults { interrupt: 2, ..Faults::NONE };
    let interrupted = || {
        let id = poller::open().expect("no poller");
        let start = os::now();
        let mut events = [rt_core::Event::default(); 1];
        assert_eq!(poller::poll(id, &mut events, start + MS), 0);
        poller::close(id);
        os::now() < start + MS
    };
    assert_eq!(count(Faults::NONE, 50, interrupted), 0);
    assert!((30..70).contains(&count(faults, 100, interrupted)));
}

#[test]
fn a_right_program_stands_the_silent_ones() {
    for seed in 0..200 {
        let config = with(seed, Faults::SILENT);
        let one = pass(&config, right);
        assert_eq!(one.hash, pass(&config, right).hash);
    }
}

fn right() {
    let flag = word();
    let theirs = Arc::clone(&flag);
    let thread = spawn(move || {
        sleep(MS);
        theirs.store(1, Ordering::Relaxed);
        os::wake(Arc::as_ptr(&theirs), 1);
    });
    wait_while(&flag, 0);
    thread.join();
}
