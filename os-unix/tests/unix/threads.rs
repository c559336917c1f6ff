//! Threads, their words, their sleep, and what is left of them.

use super::System;
use super::{MILLI, child, entries, maps, role};
use rt_core::{FOREVER, Os, ThreadHandle};
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::thread;

/// Starts a thread that runs `body`, which must outlive it.
fn start<F: Fn() + Sync>(body: &F) -> ThreadHandle {
    unsafe extern "C" fn entry<F: Fn()>(arg: *mut ()) {
        // SAFETY: `start` passed a reference to an `F` that outlives the thread.
        let body = unsafe { &*arg.cast::<F>() };
        body();
    }
    let arg = core::ptr::from_ref(body).cast_mut().cast();
    // SAFETY: the tests join before `body` goes, and it may be used from any thread.
    unsafe { System::start(entry::<F>, arg) }.expect("a thread")
}

fn join(thread: ThreadHandle) {
    // SAFETY: each test joins each handle once.
    unsafe { System::join(thread) };
}

/// The calling thread's alternate signal stack.
fn alternate() -> libc::stack_t {
    let mut now = std::mem::MaybeUninit::uninit();
    // SAFETY: asks only, and `now` is writable.
    let result = unsafe { libc::sigaltstack(std::ptr::null(), now.as_mut_ptr()) };
    assert_eq!(result, 0);
    // SAFETY: written by the successful call above.
    unsafe { now.assume_init() }
}

#[test]
fn each_thread_has_its_word() {
    let word = |n: usize| std::ptr::without_provenance_mut::<()>(n);
    let next = AtomicUsize::new(1);
    let ready = std::sync::Barrier::new(8);
    let body = || {
        assert!(System::local().is_null(), "null at first");
        let mine = next.fetch_add(1, Ordering::Relaxed);
        for round in 1..1000 {
            System::set_local(word(mine * round));
            ready.wait();
            assert_eq!(System::local(), word(mine * round));
        }
    };
    let threads: Vec<_> = (0..8).map(|_| start(&body)).collect();
    threads.into_iter().for_each(join);
    assert!(thread::spawn(|| System::local().is_null()).join().expect("no panic"));
}

#[test]
fn a_thread_has_room_for_its_faults() {
    let body = || {
        let stack = alternate();
        assert_eq!(stack.ss_flags & libc::SS_DISABLE, 0);
        assert!(stack.ss_size >= 32 * 1024);
    };
    join(start(&body));
}

#[test]
fn a_thread_has_a_deep_stack() {
    /// Goes on until the stack is this much deeper than `from`, and returns how much.
    fn deep(from: usize, bytes: usize) -> usize {
        let frame = std::hint::black_box([0_u8; 512]);
        let depth = from - frame.as_ptr().addr();
        if depth < bytes { std::hint::black_box(deep(from, bytes)) } else { depth }
    }
    let depth = AtomicUsize::new(0);
    let body = || {
        let here = 0_u8;
        let reached = deep(std::hint::black_box(&raw const here).addr(), 1024 * 1024);
        depth.store(reached, Ordering::Relaxed);
    };
    join(start(&body));
    assert!(depth.load(Ordering::Relaxed) >= 1024 * 1024);
}

#[test]
fn a_wake_ends_a_wait() {
    let word = AtomicU32::new(0);
    let body = || {
        while word.load(Ordering::Acquire) < 1000 {
            let seen = word.load(Ordering::Acquire);
            if seen.is_multiple_of(2) {
                System::wait(&word, seen, FOREVER);
                continue;
            }
            word.store(seen + 1, Ordering::Release);
            System::wake(&word, u32::MAX);
        }
    };
    let thread = start(&body);
    for round in (0..1000).step_by(2) {
        word.store(round + 1, Ordering::Release);
        System::wake(&word, 1);
        while word.load(Ordering::Acquire) == round + 1 {
            System::wait(&word, round + 1, FOREVER);
        }
    }
    join(thread);
}

#[test]
fn a_wait_for_another_value_does_not_sleep() {
    System::wait(&AtomicU32::new(1), 0, FOREVER);
    // Nobody waits, and the word may be gone.
    System::wake(std::ptr::without_provenance(64), 1);
}

#[test]
fn a_wait_ends_at_its_deadline() {
    let word = AtomicU32::new(0);
    let late = (0..20).map(|_| {
        let until = System::now() + 2 * MILLI;
        while System::now() < until {
            System::wait(&word, 0, until);
        }
        System::now() - until
    });
    let least = late.min().expect("some rounds");
    assert!(least < MILLI, "{least} ns late at best");
    let start = System::now();
    System::wait(&word, 0, 0);
    System::wait(&word, 0, start);
    assert!(System::now() - start < 500 * MILLI, "the past has come");
}

#[test]
fn the_clock_goes_on() {
    let mut last = System::now();
    for _ in 0..100_000 {
        let now = System::now();
        assert!(now >= last);
        last = now;
    }
    assert_ne!(System::seed(), System::seed());
}

#[test]
fn a_fence_is_had_or_not() {
    let first = System::fence_all();
    let same = (0..4).map(|_| thread::spawn(System::fence_all)).map(thread::JoinHandle::join);
    assert!(same.into_iter().all(|answer| answer.is_ok_and(|answer| answer == first)));
}

#[test]
fn a_fence_orders_the_others() {
    /// Two threads that each announce themselves and then look for the other. With a full fence on
    /// one side for both, at least one of them sees the other.
    const ROUNDS: u32 = 20_000;
    if !System::fence_all() {
        return;
    }
    let (a, b, seen) = (AtomicU32::new(0), AtomicU32::new(0), AtomicU32::new(0));
    let done = AtomicU32::new(0);
    let body = || {
        for round in 1..=ROUNDS {
            while b.load(Ordering::Relaxed) < round - 1 || done.load(Ordering::Relaxed) < round - 1
            {
                std::hint::spin_loop();
                if std::hint::black_box(round).is_multiple_of(64) {
                    thread::yield_now();
                }
            }
            a.store(round, Ordering::Relaxed);
            std::sync::atomic::compiler_fence(Ordering::SeqCst);
            let other = b.load(Ordering::Relaxed) >= round;
            seen.store(round << 1 | u32::from(other), Ordering::Release);
        }
    };
    let thread = start(&body);
    for round in 1..=ROUNDS {
        b.store(round, Ordering::Relaxed);
        assert!(System::fence_all());
        let mine = a.load(Ordering::Relaxed) >= round;
        let theirs = loop {
            let seen = seen.load(Ordering::Acquire);
            if seen >> 1 == round {
                break seen & 1 == 1;
            }
            thread::yield_now();
        };
        assert!(mine || theirs, "round {round}: neither saw the other");
        done.store(round, Ordering::Relaxed);
    }
    join(thread);
}

#[test]
fn entering_a_thread_is_undone() {
    let before = alternate();
    let token = System::enter_thread().expect("a stack");
    let inside = alternate();
    assert_eq!(inside.ss_flags & libc::SS_DISABLE, 0);
    assert!(inside.ss_size >= 32 * 1024, "room for a report");
    let again = System::enter_thread().expect("a stack");
    assert_eq!(again, 0, "it has one that will do");
    // SAFETY: this thread's token, once.
    unsafe { System::leave_thread(again) };
    assert_eq!(alternate().ss_sp, inside.ss_sp);
    // SAFETY: this thread's token, once.
    unsafe { System::leave_thread(token) };
    let after = alternate();
    assert_eq!((after.ss_sp, after.ss_size), (before.ss_sp, before.ss_size));
}

/// In a process of its own, where nobody else starts threads or opens files.
#[test]
fn nothing_is_left() {
    if role().is_none() {
        let ended = child("threads::nothing_is_left", "alone");
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stdout));
        return;
    }
    let ran = AtomicUsize::new(0);
    let body = || {
        ran.fetch_add(1, Ordering::Relaxed);
    };
    let round = || {
        let threads = [(); 16].map(|()| start(&body));
        threads.into_iter().for_each(join);
        let token = System::enter_thread().expect("a stack");
        // SAFETY: this thread's token, once.
        unsafe { System::leave_thread(token) };
        System::guard_kind();
        let poll = <System as rt_core::Poller>::open().expect("a poller");
        <System as rt_core::Poller>::close(poll);
    };
    let count = || {
        // The kernel takes a thread out of the list a moment after it tells the joiner.
        let patience = System::now() + 2000 * MILLI;
        while entries("task") > 2 && System::now() < patience {
            thread::yield_now();
        }
        (entries("task"), maps(), entries("fd"))
    };
    // The first use may make libc and the allocator map things for good.
    round();
    let before = count();
    for _ in 0..20 {
        round();
    }
    assert_eq!(count(), before, "threads, mappings, descriptors");
    assert_eq!(ran.load(Ordering::Relaxed), 21 * 16);
}
