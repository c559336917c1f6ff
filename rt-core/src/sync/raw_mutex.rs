//! The mutex without data: one word and a queue.
//!
//! The word has three bits:
//!
//! - `LOCKED`: somebody holds the mutex.
//! - `WAITING`: somebody waits in the queue. Set and cleared under the queue's lock, and only while
//!   `LOCKED` is set: so the holder, who reads it when it unlocks, can't miss a waiter.
//! - `WOKEN`: a waiter was woken to compete for the mutex and has neither got it nor gone back to
//!   wait. Meanwhile unlocking wakes nobody else.
//!
//! 1. Who finds the mutex free takes it, even past those who wait: that keeps it busy while a woken
//!    one is on its way. Who finds it held spins a little, then sets `WAITING` and waits.
//! 2. The holder clears `LOCKED`. If somebody waits and nobody is `WOKEN`, it takes out the one who
//!    has waited longest, sets `WOKEN`, and wakes it to compete.
//! 3. One who has waited for [`PATIENCE_NS`] is handed the mutex instead: `LOCKED` stays set.
//! 4. A `WOKEN` one that has not come for that long is not waited for any more (step 2).
//!
//! Rejected: always handing over (each pass of the mutex costs a wake-up, and a short critical
//! section becomes a convoy); never (a waiter can lose every race).

use core::fmt;
use core::panic::{RefUnwindSafe, UnwindSafe};
use core::ptr::NonNull;

use crate::lock::Protected;
use crate::seam::{AtomicU32, AtomicU64, Ordering, mutant};
use crate::switch::enter;
use crate::wait::{About, Holder, WaitQueue, WaitsFor, park};
use crate::{FOREVER, arch, os};

const LOCKED: u32 = 1;
const WAITING: u32 = 2;
const WOKEN: u32 = 4;

/// How long one can lose before the mutex is handed over; Go's number.
const PATIENCE_NS: u64 = 1_000_000;

/// How often the mutex is looked at before waiting, and how many pauses come in between.
const SPINS: (u32, u32) = (4, 30);

/// A mutual exclusion lock without data. It parks goroutines and makes plain threads sleep.
pub struct RawMutex {
    /// Written by everyone, as the file's head says. A successful change from "not `LOCKED`" to
    /// `LOCKED` proves that the caller holds the mutex.
    word: AtomicU32,
    /// When `WOKEN` was last set, in nanoseconds. Written under the queue's lock by holders.
    woken_at: AtomicU64,
    /// For reports.
    holder: Holder,
    queue: Protected<WaitQueue>,
}

/// What a waiter shows to the one who wakes it.
struct Turn {
    /// When it began to wait, in nanoseconds.
    since: u64,
    /// Set by the waker: the mutex is yours (step 3).
    handed: bool,
}

impl RawMutex {
    /// A free mutex.
    pub const fn new() -> RawMutex {
        RawMutex {
            word: AtomicU32::new(0),
            woken_at: AtomicU64::new(0),
            holder: Holder::nobody(),
            queue: Protected::new(WaitQueue::new(WaitsFor::Lock)),
        }
    }

    /// Takes the mutex, and waits until that is possible.
    ///
    /// Parks a goroutine; makes a plain thread sleep. A holder that locks again waits for ever.
    #[inline]
    pub fn lock(&self) {
        if self.change(0, LOCKED).is_err() {
            self.lock_slow::<true>();
        }
        self.holder.note();
    }

    /// As [`lock`](RawMutex::lock), but not cut short by the caller's limit: for one that can't end
    /// without the mutex.
    pub fn lock_whatever_the_limit(&self) {
        if self.change(0, LOCKED).is_err() {
            self.lock_slow::<false>();
        }
        self.holder.note();
    }

    /// Takes the mutex if it is free, and says whether it was. Never parks.
    #[inline]
    pub fn try_lock(&self) -> bool {
        let mut word = self.word.load(Ordering::Relaxed);
        while word & LOCKED == 0 {
            match self.change(word, word | LOCKED) {
                Ok(_) => {
                    self.holder.note();
                    return true;
                }
                Err(seen) => word = seen,
            }
        }
        false
    }

    /// Gives the mutex back. Never parks.
    ///
    /// # Safety
    /// - The caller holds it: by `lock`, or by a `try_lock` that returned true.
    #[inline]
    pub unsafe fn unlock(&self) {
        self.holder.clear();
        // Release: pairs with the Acquire in change().
        let change = self.word.compare_exchange(LOCKED, 0, Ordering::Release, Ordering::Relaxed);
        if change.is_err() {
            self.unlock_slow();
        }
    }

    #[inline(always)]
    fn change(&self, from: u32, to: u32) -> Result<u32, u32> {
        // Acquire: pairs with the Releases in unlock() and unlock_slow().
        self.word.compare_exchange(from, to, Ordering::Acquire, Ordering::Relaxed)
    }

    #[cold]
    fn lock_slow<const LIMITED: bool>(&self) {
        if self.spin() {
            return;
        }
        let since = os::now();
        // `WOKEN` once this caller was woken to compete: it clears the bit with its next change.
        let mut woken = 0;
        loop {
            let word = self.word.load(Ordering::Relaxed);
            if word & LOCKED == 0 {
                if self.change(word, (word | LOCKED) & !woken).is_ok() {
                    return;
                }
                continue;
            }
            let queue = self.queue.lock();
            if mutant!("lock-recheck": self.change(word, (word | WAITING) & !woken).is_err() => false)
            {
                continue;
            }
            let mut turn = Turn { since, handed: false };
            let (slot, about) = ((&raw mut turn).cast(), About::Lock(NonNull::from(&self.holder)));
            // SAFETY: queue and holder are the mutex's own, which `self` borrows until this returns.
            unsafe { park::<_, LIMITED>(queue, |queue| queue, slot, FOREVER, about) };
            if turn.handed {
                debug_assert_ne!(self.word.load(Ordering::Relaxed) & LOCKED, 0, "handed nothing");
                return;
            }
            woken = WOKEN;
        }
    }

    /// Tries for a moment, as long as nobody waits.
    fn spin(&self) -> bool {
        // With a single processor the holder can't go on while this one spins.
        if enter().is_some_and(|entered| entered.shared().procs() == 1) {
            return false;
        }
        for _ in 0..SPINS.0 {
            let word = self.word.load(Ordering::Relaxed);
            if word & LOCKED == 0 && self.change(word, word | LOCKED).is_ok() {
                return true;
            }
            if word & WAITING != 0 {
                return false;
            }
            for _ in 0..SPINS.1 {
                arch::pause();
            }
        }
        false
    }

    #[cold]
    fn unlock_slow(&self) {
        let mut word = self.word.load(Ordering::Relaxed);
        while word & WAITING == 0 || word & WOKEN != 0 && !self.woken_is_late() {
            let free = word & !LOCKED;
            // Release: pairs with the Acquire in change().
            match self.word.compare_exchange(word, free, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return,
                Err(seen) => word = seen,
            }
        }
        self.pass_on();
    }

    fn woken_is_late(&self) -> bool {
        os::now().saturating_sub(self.woken_at.load(Ordering::Relaxed)) >= PATIENCE_NS
    }

    /// Steps 2 and 3. The caller holds the mutex, and somebody waits.
    fn pass_on(&self) {
        let mut queue = self.queue.lock();
        // Until it changes below, the word is stable: only waiters that hold the queue's lock change
        // a word that is `LOCKED`.
        let woken = self.word.load(Ordering::Relaxed) & WOKEN;
        let Some(first) = queue.claim_first() else {
            // All who waited were abandoned together with their runtime, or cancelled.
            // Release: pairs with the Acquire in change().
            self.word.store(woken, Ordering::Release);
            return;
        };
        let waiting = if queue.is_empty() { 0 } else { WAITING };
        // SAFETY: everyone in the queue passes a turn as its slot (`lock_slow`), and leaves it to
        // its claimer until it is woken.
        let turn = unsafe { &mut *first.slot().cast::<Turn>() };
        let now = os::now();
        if now.saturating_sub(turn.since) >= PATIENCE_NS {
            turn.handed = true;
            // What the mutex protects is published by waking.
            self.word.store(LOCKED | waiting | woken, Ordering::Relaxed);
        } else {
            self.woken_at.store(now, Ordering::Relaxed);
            // Release: pairs with the Acquire in change().
            self.word.store(WOKEN | waiting, Ordering::Release);
        }
        mutant!("unlock-wake": first.wake_after(queue) => drop((first, queue)));
    }
}

impl UnwindSafe for RawMutex {}
impl RefUnwindSafe for RawMutex {}

impl Default for RawMutex {
    fn default() -> RawMutex {
        RawMutex::new()
    }
}

impl fmt::Debug for RawMutex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let locked = self.word.load(Ordering::Relaxed) & LOCKED != 0;
        f.debug_struct("RawMutex").field("locked", &locked).finish()
    }
}
