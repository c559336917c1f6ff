//! The core's own lock: held for a few dozen instructions.
//!
//! Taking it is one `xchg`, giving it back is one plain store that touches nothing afterwards; so a
//! goroutine can switch away *holding* a lock, and whoever comes up on the other side gives it back
//! as the commit of its parking (`Leave::Park`). The price of the plain store is that nobody can be
//! woken by it: a contender spins a little and then naps for a time that doubles up to 1 ms.
//!
//! A lock that one worker takes again and again becomes that worker's own, which then takes it without
//! a locked instruction (`own`).
//!
//! Rejected: a third state "someone sleeps" as in a futex mutex (it makes the unlock an `xchg` too:
//! 20 ns more on a rendezvous round trip of 40); std's spin-and-`sched_yield` (it burns a processor
//! while the holder's thread is off its own).

pub(crate) mod asymmetric;
#[cfg_attr(feature = "small", path = "lock/nobodys.rs")]
mod own;

use core::cell::UnsafeCell;
use core::fmt;
use core::mem::{self, ManuallyDrop};
use core::ops::{Deref, DerefMut};

use own::Own;

use crate::seam::{AtomicU32, INSPECTED, Ordering, mutant};
use crate::worker::Inside;
use crate::{arch, os};

const FREE: u32 = 0;
/// In a simulation no other word that a thread sleeps on has this value, so that it can tell who naps
/// for a lock, and has something between its hands.
pub(crate) const HELD: u32 = if INSPECTED { u32::from_be_bytes(*b"lock") } else { 1 };

/// How many doubling rounds of `pause` come before the first nap: 255 pauses in all.
const SPIN_ROUNDS: u32 = 8;
/// The first and the longest nap, in nanoseconds.
const NAP: (u64, u64) = (20_000, 1_000_000);

/// A lock without data. Not fair, and not to be held across a call that can sleep.
pub(crate) struct Lock {
    /// Written by everyone; a swap that reads `FREE` proves that the caller is the holder.
    word: AtomicU32,
    /// Whose own it is. While it is somebody's, `word` is held.
    own: Own,
}

impl Lock {
    pub(crate) const fn new() -> Lock {
        Lock { word: AtomicU32::new(FREE), own: Own::new() }
    }

    /// One that is never anybody's own: for what all threads share, or what is to be tried.
    const fn ordinary() -> Lock {
        Lock { word: AtomicU32::new(FREE), own: Own::never() }
    }

    #[cfg_attr(not(feature = "small"), inline(always))]
    pub(crate) fn acquire(&self) {
        self.acquire_as(os::local().addr());
    }

    /// Takes the lock, for the thread with this word.
    #[cfg_attr(not(feature = "small"), inline(always))]
    fn acquire_as(&self, me: usize) {
        let owner = self.own.read();
        if owner.is(me) {
            if self.own.take(owner) {
                return;
            }
        // Acquire: pairs with the Release in release().
        } else if self.word.swap(HELD, Ordering::Acquire) == FREE {
            self.own.count(me);
            return;
        }
        self.acquire_contended(me);
    }

    #[cold]
    fn acquire_contended(&self, me: usize) {
        let mut nap = NAP.0;
        loop {
            for round in 0..SPIN_ROUNDS {
                for _ in 0..1 << round {
                    arch::pause();
                }
                let owner = self.own.read();
                if owner.is_somebody() {
                    if self.own.revoke(owner, || self.nap(&mut nap)) {
                        return;
                    }
                // Acquire: pairs with the Release in release().
                } else if self.word.load(Ordering::Relaxed) == FREE
                    && self.word.swap(HELD, Ordering::Acquire) == FREE
                {
                    self.own.count(me);
                    return;
                }
            }
            self.nap(&mut nap);
        }
    }

    /// Lets some time pass for who holds it.
    fn nap(&self, nap: &mut u64) {
        os::wait(&self.word, HELD, os::now().saturating_add(*nap));
        *nap = (*nap * 2).min(NAP.1);
    }

    /// Gives the lock back. Touches nothing after its store: the lock may be gone at once.
    ///
    /// The caller holds it.
    #[cfg_attr(not(feature = "small"), inline(always))]
    pub(crate) fn release(&self) {
        debug_assert_eq!(self.word.load(Ordering::Relaxed), HELD, "released a lock that is free");
        if !self.own.give_back() {
            // Release: pairs with the Acquire of the next holder.
            let release = mutant!("lock-release": Ordering::Release => Ordering::Relaxed);
            self.word.store(FREE, release);
        }
    }
}

/// Data under a lock of the core's own, which is held for a few dozen instructions.
#[repr(C)]
pub struct Protected<T: ?Sized> {
    lock: Lock,
    data: UnsafeCell<T>,
}

// SAFETY: the data is reached only by the holder of the lock, one thread at a time.
unsafe impl<T: ?Sized + Send> Send for Protected<T> {}
// SAFETY: as above.
unsafe impl<T: ?Sized + Send> Sync for Protected<T> {}

impl<T> Protected<T> {
    /// Protects `data`.
    pub const fn new(data: T) -> Protected<T> {
        Protected { lock: Lock::new(), data: UnsafeCell::new(data) }
    }

    /// Protects `data` by a lock that never becomes a worker's own: for what all threads share, and
    /// what is looked at from outside, by `try_lock`.
    pub(crate) const fn ordinary(data: T) -> Protected<T> {
        Protected { lock: Lock::ordinary(), data: UnsafeCell::new(data) }
    }
}

impl<T: ?Sized> Protected<T> {
    /// Takes the lock. Never parks a goroutine: the lock is held for moments only.
    #[cfg_attr(not(feature = "small"), inline(always))]
    pub fn lock(&self) -> Guard<'_, T> {
        if INSPECTED {
            // What the data says may have changed since the caller gave the lock back.
            os::point();
        }
        let word = os::local();
        let inside = Inside::stay(word);
        self.lock.acquire_as(word.addr());
        Guard { of: self, inside }
    }

    /// As [`lock`](Protected::lock), for the one lock that is taken to come inside, and for a start
    /// that comes before there is an inside.
    pub(crate) fn lock_outside(&self) -> Guard<'_, T> {
        // A start comes before there are words, too.
        self.lock.acquire_as(0);
        Guard { of: self, inside: Inside::NOT }
    }

    /// Takes the lock, an ordinary one, if it is free: for a look at a runtime that stands still, from
    /// outside, or by a worker that is inside already.
    pub(crate) fn try_lock(&self) -> Option<Guard<'_, T>> {
        debug_assert!(!self.lock.own.read().is_somebody(), "tried, and not an ordinary lock");
        // Acquire: pairs with the Release in release().
        let free = self.lock.word.swap(HELD, Ordering::Acquire) == FREE;
        // No guard of a lock that is somebody else's, not even for a moment: its end would give that back.
        free.then(|| Guard { of: self, inside: Inside::NOT })
    }

    /// As [`lock`](Protected::lock), for the thread with this word.
    #[cfg(all(test, loom))]
    pub(crate) fn lock_as(&self, me: usize) -> Guard<'_, T> {
        self.lock.acquire_as(me);
        Guard { of: self, inside: Inside::NOT }
    }

    /// The same, and it is its own.
    #[cfg(all(test, loom))]
    pub(crate) fn own_as(&self, me: usize) -> Guard<'_, T> {
        let guard = self.lock_as(me);
        self.lock.own.begin(me);
        guard
    }

    pub(crate) fn bare_lock(&self) -> &Lock {
        &self.lock
    }

    /// The data, which nobody else can reach.
    pub fn get_mut(&mut self) -> &mut T {
        self.data.get_mut()
    }
}

impl<T: ?Sized> fmt::Debug for Protected<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Protected")
    }
}

/// The right to the data of a [`Protected`], until dropped.
#[must_use]
pub struct Guard<'a, T: ?Sized> {
    of: &'a Protected<T>,
    /// Dropped after the lock was given back.
    inside: Inside,
}

impl<'a, T: ?Sized> Guard<'a, T> {
    /// The lock itself, still held: for `Leave::Park`, whose other side releases it.
    #[cfg_attr(not(feature = "small"), inline(always))]
    pub(crate) fn leave_held(this: Self) -> &'a Lock {
        let mut guard = ManuallyDrop::new(this);
        // The goroutine that leaves is inside on its own account.
        drop(mem::replace(&mut guard.inside, Inside::NOT));
        &guard.of.lock
    }

    /// What keeps the holder inside, for one who goes on with the lock held.
    #[cfg_attr(not(feature = "small"), inline(always))]
    pub(crate) fn take_inside(this: &mut Self) -> Inside {
        mem::replace(&mut this.inside, Inside::NOT)
    }

    /// The same, where it is.
    #[inline(always)]
    pub(crate) fn inside(this: &mut Self) -> &mut Inside {
        &mut this.inside
    }

    /// Gives the lock back, and stays inside.
    #[cfg_attr(not(feature = "small"), inline(always))]
    pub(crate) fn unlock(mut this: Self) -> Inside {
        Guard::take_inside(&mut this)
    }

    /// What the guard came from, to lock it again later.
    #[cfg_attr(not(feature = "small"), inline(always))]
    pub fn source(this: &Self) -> &'a Protected<T> {
        this.of
    }
}

impl<T: ?Sized> Deref for Guard<'_, T> {
    type Target = T;

    #[cfg_attr(not(feature = "small"), inline(always))]
    fn deref(&self) -> &T {
        // SAFETY: a guard exists only while its lock is held (`Protected::lock`), and the lock
        // gives the data to one holder.
        unsafe { &*self.of.data.get() }
    }
}

impl<T: ?Sized> DerefMut for Guard<'_, T> {
    #[cfg_attr(not(feature = "small"), inline(always))]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in `deref`, and `&mut self` is the only way to this guard.
        unsafe { &mut *self.of.data.get() }
    }
}

impl<T: ?Sized> Drop for Guard<'_, T> {
    #[cfg_attr(not(feature = "small"), inline(always))]
    fn drop(&mut self) {
        self.of.lock.release();
    }
}

impl<T: ?Sized> fmt::Debug for Guard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Guard")
    }
}
