//! Code that switches stacks inside of a virtual thread, as the core does.

use core::cell::Cell;
use core::ptr;
use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use rt_core::{Context, FOREVER, arch, os};

use crate::{Config, Thread, pass, spawn, wait_while, word};

/// A coroutine: it runs by turns with whoever resumes it.
struct Coroutine {
    /// Owned for its memory.
    _stack: Box<[u8]>,
    inner: Cell<Context>,
    outer: Cell<Context>,
    /// The words of the threads that it ran on.
    seen: [Cell<usize>; 2],
}

// SAFETY: the test hands it from one virtual thread to another, which are one real thread.
unsafe impl Send for Coroutine {}

/// How a pointer to it gets to another thread.
struct Handed(*const Coroutine);

// SAFETY: as for `Coroutine`.
unsafe impl Send for Handed {}

impl Handed {
    /// Runs it until it pauses.
    fn resume(&self) {
        // SAFETY: the test frees it when all threads are joined.
        let coroutine = unsafe { &*self.0 };
        let to = coroutine.inner.replace(Context::NONE);
        // SAFETY: `outer` is in the coroutine; `to` was prepared, or saved by `pause`.
        unsafe { arch::switch(coroutine.outer.as_ptr(), to, 0) };
    }
}

impl Coroutine {
    fn new() -> Box<Coroutine> {
        let mut stack = vec![0; 64 << 10].into_boxed_slice();
        let top = stack.as_mut_ptr_range().end;
        let coroutine = Box::new(Coroutine {
            _stack: stack,
            inner: Cell::new(Context::NONE),
            outer: Cell::new(Context::NONE),
            seen: Default::default(),
        });
        let arg = ptr::from_ref(&*coroutine).cast_mut().cast();
        // SAFETY: the stack just made is larger than 256 bytes and is not used otherwise.
        coroutine.inner.set(unsafe { arch::prepare(top, body, arg) });
        coroutine
    }

    fn pause(&self) {
        // SAFETY: `inner` is in the coroutine; `outer` was saved by the `resume` that led here.
        unsafe { arch::switch(self.inner.as_ptr(), self.outer.get(), 0) };
    }
}

unsafe extern "C" fn body(_message: usize, arg: *mut ()) -> ! {
    // SAFETY: `new` passes the coroutine, which lives until the test's end.
    let coroutine = unsafe { &*arg.cast::<Coroutine>() };
    for seen in &coroutine.seen {
        for _ in 0..5 {
            os::now();
            os::fence_all();
        }
        seen.set(os::local().addr());
        coroutine.pause();
    }
    unreachable!("resumed once too often");
}

#[test]
fn a_stack_may_call_in_from_one_thread_and_then_another() {
    for seed in 0..50 {
        pass(&Config { seed, ..Config::default() }, || {
            let coroutine = Coroutine::new();
            let turn = word();
            let threads = [1, 2].map(|me| {
                let handed = Handed(&*coroutine);
                let turn = Arc::clone(&turn);
                spawn(move || {
                    os::set_local(ptr::without_provenance_mut(me * 8));
                    let handed = handed;
                    while turn.load(Ordering::Relaxed) != me as u32 - 1 {
                        os::wait(&turn, 0, FOREVER);
                    }
                    handed.resume();
                    turn.store(me as u32, Ordering::Relaxed);
                    os::wake(Arc::as_ptr(&turn), u32::MAX);
                })
            });
            wait_while(&turn, 0);
            wait_while(&turn, 1);
            threads.into_iter().for_each(Thread::join);
            assert_eq!(coroutine.seen.each_ref().map(Cell::get), [8, 16]);
        });
    }
}

#[test]
fn stacks_are_used_again() {
    let places: Arc<Mutex<BTreeSet<usize>>> = Arc::default();
    for seed in 0..20 {
        let places = Arc::clone(&places);
        pass(&Config { seed, ..Config::default() }, move || {
            for _ in 0..50 {
                let places = Arc::clone(&places);
                let place = move || {
                    let here = 0;
                    places.lock().expect("poisoned").insert(ptr::from_ref(&here).addr() >> 18);
                };
                spawn(place).join();
            }
        });
    }
    // A stack can lie across two such units of its size.
    let places = places.lock().expect("poisoned").len();
    assert!(places <= 2, "a thousand threads in turn had {places} stacks");
}
