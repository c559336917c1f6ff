//! Sleeping on a word, and waking whoever sleeps on one.
//!
//! Darwin 14.4 has calls for it, and is asked at run time. Before that it is a table of buckets, by
//! the word's address, each a mutex and a list of those who wait:
//!
//! 1. Who waits takes the bucket's mutex, compares the word, and puts itself into the list, with a
//!    condition of its own on its own stack. It sleeps on that, which lets go of the mutex.
//! 2. Who wakes has changed the word before. It takes the mutex: whoever compared before that is in
//!    the list, and whoever compares later sees the change.
//! 3. Who is taken out of the list is marked and signalled while the mutex is held, so it can't
//!    leave its stack frame before that is done.
//! 4. Who wakes up by itself takes itself out.

use core::cell::UnsafeCell;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicU32, Ordering};

use os_unix::clock;

use crate::{Darwin, system};

/// How many. A bucket is shared by the words of few sleeping threads at a time.
const BUCKETS: usize = 64;
/// The longest sleep that the system is asked for, in nanoseconds: a day. It may end for no reason.
const LONGEST: u64 = 86_400 * 1_000_000_000;

/// By the address of the word. Of the process, since a word may be woken from any runtime.
static TABLE: [Bucket; BUCKETS] = [const { Bucket::new() }; BUCKETS];

/// On lines of its own, for the threads of two buckets have nothing to do with each other.
#[repr(align(128))]
struct Bucket {
    mutex: UnsafeCell<libc::pthread_mutex_t>,
    // guarded by the mutex:
    first: UnsafeCell<*mut Waiter>,
}

// SAFETY: the mutex is for any thread, and guards the list.
unsafe impl Sync for Bucket {}

/// A thread that waits, on its own stack. Guarded by its bucket's mutex.
struct Waiter {
    word: usize,
    condition: UnsafeCell<libc::pthread_cond_t>,
    /// Whether somebody has taken it out of the list.
    woken: bool,
    next: *mut Waiter,
}

/// The mutex of a bucket, held.
struct Held<'a>(&'a Bucket);

impl Bucket {
    const fn new() -> Bucket {
        Bucket {
            mutex: UnsafeCell::new(libc::PTHREAD_MUTEX_INITIALIZER),
            first: UnsafeCell::new(null_mut()),
        }
    }

    fn of(word: usize) -> &'static Bucket {
        // Words are four bytes, and stand together in structures: the upper bits of the product
        // depend on all of them.
        let mixed = (word >> 2).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        &TABLE[mixed >> (usize::BITS - BUCKETS.ilog2())]
    }

    fn lock(&self) -> Held<'_> {
        // SAFETY: a mutex that is initialised and never moves.
        let locked = unsafe { libc::pthread_mutex_lock(self.mutex.get()) };
        debug_assert_eq!(locked, 0, "a mutex of the plain kind");
        Held(self)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        // SAFETY: this thread holds it.
        unsafe { libc::pthread_mutex_unlock(self.0.mutex.get()) };
    }
}

impl Held<'_> {
    /// Takes the waiters that `chosen` says out of the list, from the longest waiting on.
    fn take_out(&self, mut chosen: impl FnMut(*mut Waiter) -> bool) {
        let mut link = self.0.first.get();
        loop {
            // SAFETY: the head of the list, or a waiter's link, with the mutex held: a waiter stays
            // where it is while it is in the list.
            let waiter = unsafe { *link };
            if waiter.is_null() {
                return;
            }
            // SAFETY: in the list, as above.
            let next = unsafe { &raw mut (*waiter).next };
            if chosen(waiter) {
                // SAFETY: as above.
                let after = unsafe { *next };
                // SAFETY: as above; the link now leaves this waiter out.
                unsafe { *link = after };
            } else {
                link = next;
            }
        }
    }

    /// Puts a waiter at the end of the list.
    fn append(&self, waiter: *mut Waiter) {
        let mut link = self.0.first.get();
        loop {
            // SAFETY: the head of the list, or a waiter's link, with the mutex held.
            let next = unsafe { *link };
            if next.is_null() {
                break;
            }
            // SAFETY: in the list.
            link = unsafe { &raw mut (*next).next };
        }
        // SAFETY: the last link of the list.
        unsafe { *link = waiter };
    }

    /// Sleeps on the waiter's condition, without the mutex meanwhile.
    fn sleep(&self, waiter: *mut Waiter, until: u64) {
        let mutex = self.0.mutex.get();
        // SAFETY: the caller's own waiter.
        let condition = unsafe { (*waiter).condition.get() };
        match clock::remaining::<Darwin>(until) {
            // SAFETY: the mutex is held; the condition lives on this stack.
            None => drop(unsafe { libc::pthread_cond_wait(condition, mutex) }),
            Some(0) => {}
            Some(left) => {
                let left = left.min(LONGEST);
                // SAFETY: as above.
                unsafe { system::condition_wait(condition, mutex, left) };
            }
        }
    }
}

/// As `Os::wait`.
pub(crate) fn wait(word: &AtomicU32, expected: u32, until: u64) {
    if let Some(system) = system::wait_on_address() {
        let left = clock::remaining::<Darwin>(until).map(|left| left.min(LONGEST));
        // To some the span of zero is none.
        if left != Some(0) {
            system.wait(word, expected, left);
        }
        return;
    }
    let address = core::ptr::from_ref(word).addr();
    let held = Bucket::of(address).lock();
    // Relaxed: step 2. The mutex orders it.
    if word.load(Ordering::Relaxed) != expected {
        return;
    }
    let mut waiter = Waiter {
        word: address,
        condition: UnsafeCell::new(libc::PTHREAD_COND_INITIALIZER),
        woken: false,
        next: null_mut(),
    };
    let waiter = &raw mut waiter;
    held.append(waiter);
    held.sleep(waiter, until);
    // SAFETY: our own, with the mutex held.
    if !unsafe { (*waiter).woken } {
        held.take_out(|other| other == waiter);
    }
    drop(held);
    // SAFETY: our own; it is in no list, so nobody signals it any more.
    let condition = unsafe { (*waiter).condition.get() };
    // SAFETY: nobody waits for it.
    unsafe { libc::pthread_cond_destroy(condition) };
}

/// As `Os::wake`.
pub(crate) fn wake(word: *const AtomicU32, n: u32) {
    if let Some(system) = system::wait_on_address() {
        system.wake(word, n);
        return;
    }
    let mut left = n;
    Bucket::of(word.addr()).lock().take_out(|waiter| {
        // SAFETY: in the list, so its thread has not left its frame.
        if left == 0 || unsafe { (*waiter).word } != word.addr() {
            return false;
        }
        left -= 1;
        // SAFETY: as above, with the mutex held.
        unsafe { (*waiter).woken = true };
        // SAFETY: as above.
        let condition = unsafe { (*waiter).condition.get() };
        // SAFETY: step 3: the waiter can't return before we let go of the mutex.
        unsafe { libc::pthread_cond_signal(condition) };
        true
    });
}

/// In a child of `fork`: the mutexes may be held, and the lists name, threads that are not here.
pub(crate) fn forget_all() {
    for bucket in &TABLE {
        // SAFETY: this is the only thread, and it holds none of them: it came by `fork`.
        unsafe { bucket.mutex.get().write(libc::PTHREAD_MUTEX_INITIALIZER) };
        // SAFETY: as above.
        unsafe { bucket.first.get().write(null_mut()) };
    }
}
