//! The mutex without data: one word and a queue.
//!
//! The word has five bits:
//!
//! - `LOCKED`: somebody holds the mutex.
//! - `WAITING`: somebody waits in the queue. Set and cleared under the queue's lock, and only while
//!   `LOCKED` is set: so the holder, who reads it when it unlocks, can't miss a waiter.
//! - `WOKEN`: a waiter was woken to compete for the mutex and has neither got it nor gone back to
//!   wait. Meanwhile unlocking wakes nobody else.
//! - `CLAIMED`: one who has waited for long stands by, and is to be left the mutex. Only while
//!   `LOCKED` is set. Set under the queue's lock; cleared by the holder, who hands the mutex over by
//!   that, or under the queue's lock by the one who gives up.
//! - `HANDED`: the mutex was given to one who sleeps and has not come yet.
//!
//! 1. Who finds the mutex free takes it, even past those who wait: that keeps it busy while a woken
//!    one is on its way. Who finds it held spins a little, then sets `WAITING` and waits.
//! 2. The holder clears `LOCKED`. If somebody waits and nobody is `WOKEN`, it takes out the one who
//!    has waited longest, sets `WOKEN`, and wakes it to compete. After [`PATIENCE_NS`] of waiting it
//!    wakes some more goroutines, for there may be many.
//! 3. One who was woken and finds the mutex held waits again, before the others; after
//!    [`PATIENCE_NS`] it first stands by for a moment, and has the mutex as soon as it is given back.
//!    If it has stood by in vain it is handed the mutex in its sleep: `LOCKED` stays set. (It is not
//!    in vain while the mutex is `HANDED`, or the next would be handed it so as well.)
//! 4. A `WOKEN` one that has not come for that long is not waited for any more (step 2).
//! 5. As long as nobody has ever waited, step 2 is a plain store (`quiet`).
//!
//! Rejected: always handing over (each pass of the mutex costs a wake-up, and a short critical
//! section becomes a convoy); never (a waiter can lose every race); handing over, asleep, to one who
//! has only waited long: where it takes a while until one who is woken runs, all who want the mutex
//! meanwhile find it held and wait as well, and there are ever more of them.

use core::fmt;
use core::panic::{RefUnwindSafe, UnwindSafe};
use core::ptr::NonNull;

use super::quiet::Quiet;
use super::woken::{PATIENCE_NS, Woken};
use crate::lock::{Protected, asymmetric};
use crate::seam::{AtomicU32, INSPECTED, MODEL, Ordering, mutant};
use crate::switch::enter;
use crate::wait::{About, Claimed, Holder, Stands, WaitQueue, WaitsFor, park};
use crate::{FOREVER, arch, os};

const LOCKED: u32 = 1;
const WAITING: u32 = 2;
const WOKEN: u32 = 4;
const CLAIMED: u32 = 8;
const HANDED: u32 = 16;

/// How often the mutex is looked at before waiting, and how many pauses come after the first look: after each of
/// the others twice as many as before, 600 in all, 8 µs on a Xeon. (Go's are 4 and 30, and it doesn't spin when
/// somebody else could run. Where eight goroutines on two workers want the same, these take half of the time and
/// less: who waits has to be woken, and comes in between. Eight times 60 fell into step with turns that take as
/// long as 60 do: one on each side then waited at each turn, and two workers did as much as one.)
/// In a model whoever pauses lets others go on until they wait too, so that nobody would ever wait here.
const SPINS: (u32, u32) = (if MODEL { 0 } else { 4 }, 40);

/// How often one who stands by looks, and how many pauses come after each look: together as long as it takes to
/// wake another thread.
const STANDS_BY: (u32, u32) = (16, 200);

/// How many goroutines are woken beside the first, where the first has waited for long. (No threads:
/// it costs far more to wake one in vain.)
const MORE: usize = 15;

/// A mutual exclusion lock without data. It parks goroutines and makes plain threads sleep.
pub struct RawMutex {
    /// Written by everyone, as the file's head says. A successful change from "not `LOCKED`" to
    /// `LOCKED` proves that the caller holds the mutex.
    word: AtomicU32,
    /// Whether it is given back by a plain store: then the word has no bit but `LOCKED`, and one who is
    /// about to wait ends that before it relies on another.
    quiet: Quiet,
    /// For whom `WOKEN` was last set. Written under the queue's lock by holders.
    woken: Woken,
    /// For reports.
    holder: Holder,
    queue: Protected<WaitQueue>,
}

/// What a waiter shows to the one who wakes it.
struct Turn {
    /// When it began to wait, in nanoseconds.
    since: u64,
    /// Whether it was woken since, and has stood by in vain.
    in_vain: bool,
    /// Set by the waker: the mutex is yours (step 3).
    handed: bool,
}

/// What came of standing by.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stood {
    /// The mutex was given to the one who stood by.
    Got,
    /// It was not given back meanwhile.
    InVain,
    /// There was no need, or somebody else is the next to have it.
    Not,
}

impl RawMutex {
    /// A free mutex.
    pub const fn new() -> RawMutex {
        RawMutex {
            word: AtomicU32::new(0),
            quiet: Quiet::new(),
            woken: Woken::new(),
            holder: Holder::nobody(),
            queue: Protected::new(WaitQueue::new(WaitsFor::Lock)),
        }
    }

    /// One that is given back so many times before it is quiet.
    #[cfg(all(test, loom))]
    pub(crate) const fn quiet_after(times: u32) -> RawMutex {
        RawMutex { quiet: Quiet::after(times), ..RawMutex::new() }
    }

    /// Takes the mutex, and waits until that is possible.
    ///
    /// Parks a goroutine; makes a plain thread sleep. A holder that locks again waits for ever.
    #[inline]
    pub fn lock(&self) {
        if !self.take_free() {
            self.lock_slow::<true>();
        }
        self.holder.note();
    }

    /// As [`lock`](RawMutex::lock), but not cut short by the caller's limit: for one that can't end
    /// without the mutex.
    pub fn lock_whatever_the_limit(&self) {
        if !self.take_free() {
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
        if self.quiet.is_so() {
            if INSPECTED {
                os::point();
            }
            // Release: pairs with the Acquire in change().
            self.word.store(0, Ordering::Release);
            asymmetric::light();
            if INSPECTED {
                os::point();
            }
            if mutant!("quiet-look": !self.quiet.is_so() => false) {
                self.mend();
            }
            return;
        }
        self.quiet.count();
        // Looked at first: a locked instruction that fails costs as much as one that does not.
        let word = self.word.load(Ordering::Relaxed);
        // Release: pairs with the Acquire in change().
        let (release, relaxed) = (Ordering::Release, Ordering::Relaxed);
        if word != LOCKED || self.word.compare_exchange(LOCKED, 0, release, relaxed).is_err() {
            self.unlock_slow();
        }
    }

    /// Takes the mutex if it is free at the first look, whoever waits (step 1).
    #[inline(always)]
    fn take_free(&self) -> bool {
        // Looked at first, as in unlock().
        let word = self.word.load(Ordering::Relaxed);
        word & LOCKED == 0 && self.change(word, word | LOCKED).is_ok()
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
            let patient = woken == 0 || os::now().saturating_sub(since) < PATIENCE_NS;
            let stood = if patient { Stood::Not } else { self.stand_by() };
            if stood == Stood::Got {
                return;
            }
            if self.quiet.is_in_doubt() {
                self.quiet.end();
            }
            let queue = self.queue.lock();
            let word = self.word.load(Ordering::Relaxed);
            let held = word & LOCKED != 0;
            if mutant!("lock-recheck": !held => false)
                || self.change(word, (word | WAITING) & !woken).is_err()
                // Acquired with the word: it may have become quiet before, and none after.
                || mutant!("quiet-again": self.quiet.is_in_doubt() => false)
            {
                continue;
            }
            let in_vain = stood == Stood::InVain;
            let stands = if woken == 0 { Stands::Last } else { Stands::First };
            let mut turn = Turn { since, in_vain, handed: false };
            let (slot, about) = ((&raw mut turn).cast(), About::Lock(NonNull::from(&self.holder)));
            // SAFETY: queue and holder are the mutex's own, which `self` borrows until this returns.
            unsafe { park::<_, LIMITED>(queue, |queue| queue, slot, FOREVER, about, stands) };
            if turn.handed {
                // Relaxed: what the mutex protects came with being woken.
                let word = self.word.fetch_and(!HANDED, Ordering::Relaxed);
                debug_assert_eq!(word & (LOCKED | HANDED), LOCKED | HANDED, "handed nothing");
                return;
            }
            woken = WOKEN;
        }
    }

    /// Waits a moment for the mutex, which is given to this caller before others.
    fn stand_by(&self) -> Stood {
        if is_alone() {
            return Stood::InVain;
        }
        let queue = self.queue.lock();
        let word = self.word.load(Ordering::Relaxed);
        let claimable = word & (LOCKED | CLAIMED | HANDED) == LOCKED;
        if !claimable || self.change(word, (word | CLAIMED) & !WOKEN).is_err() {
            return Stood::Not;
        }
        drop(queue);
        for _ in 0..STANDS_BY.0 {
            os::point();
            // Acquire: pairs with the Release in unlock_slow() and pass_on().
            if self.word.load(Ordering::Acquire) & CLAIMED == 0 {
                return Stood::Got;
            }
            for _ in 0..STANDS_BY.1 {
                arch::pause();
            }
        }
        os::point();
        // Nobody else claims it meanwhile: so the bit is this caller's, or is gone.
        let _queue = self.queue.lock();
        // Acquire: as above.
        let before = self.word.fetch_and(!CLAIMED, Ordering::Acquire);
        let got = mutant!("claim-late": before & CLAIMED == 0 => false);
        if got { Stood::Got } else { Stood::InVain }
    }

    /// Tries for a moment.
    fn spin(&self) -> bool {
        for i in 0..SPINS.0 {
            let word = self.word.load(Ordering::Relaxed);
            if word & LOCKED == 0 && self.change(word, word | LOCKED).is_ok() {
                return true;
            }
            if i == 0 && is_alone() {
                return false;
            }
            for _ in 0..SPINS.1 << i {
                arch::pause();
            }
        }
        false
    }

    /// The caller has given it back by a store, while somebody was about to wait.
    #[cold]
    fn mend(&self) {
        let queue = self.queue.lock();
        if queue.is_empty() {
            return;
        }
        // Acquire: as in change(), if it is free.
        let word = self.word.fetch_or(LOCKED | WAITING, Ordering::Acquire);
        drop(queue);
        if word & LOCKED == 0 {
            self.unlock_slow();
        }
    }

    #[cold]
    fn unlock_slow(&self) {
        self.quiet.rule_out();
        let mut word = self.word.load(Ordering::Relaxed);
        loop {
            let next = if word & CLAIMED != 0 {
                word & !CLAIMED
            } else if word & WAITING == 0 || word & WOKEN != 0 && !self.woken.is_late(os::now) {
                word & !LOCKED
            } else {
                break;
            };
            // Release: pairs with the Acquire in change() and stand_by().
            match self.word.compare_exchange(word, next, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return,
                Err(seen) => word = seen,
            }
        }
        self.pass_on();
    }

    /// Steps 2 and 3. The caller holds the mutex, and somebody waits.
    fn pass_on(&self) {
        let mut queue = self.queue.lock();
        // Until it changes below, the word is stable: only those who hold the queue's lock change a
        // word that is `LOCKED`.
        let word = self.word.load(Ordering::Relaxed);
        if mutant!("claim-lost": word & CLAIMED != 0 => false) {
            // Release: pairs with the Acquire in stand_by().
            self.word.store(word & !CLAIMED, Ordering::Release);
            return;
        }
        let woken = word & WOKEN;
        let Some(first) = queue.claim_first() else {
            // All who waited were abandoned together with their runtime, or cancelled.
            // Release: pairs with the Acquire in change().
            self.word.store(woken, Ordering::Release);
            return;
        };
        // SAFETY: everyone in the queue passes a turn as its slot (`lock_slow`), and leaves it to
        // its claimer until it is woken.
        let turn = unsafe { &mut *first.slot().cast::<Turn>() };
        let now = os::now();
        let long = now.saturating_sub(turn.since) >= PATIENCE_NS;
        let mut more = [const { None }; MORE];
        if long && turn.in_vain {
            turn.handed = true;
        } else if long {
            more.fill_with(|| queue.claim_first_goroutine());
        }
        let waiting = if queue.is_empty() { 0 } else { WAITING };
        if turn.handed {
            // What the mutex protects is published by waking.
            self.word.store(LOCKED | HANDED | waiting | woken, Ordering::Relaxed);
        } else {
            self.woken.note(now);
            // Release: pairs with the Acquire in change().
            self.word.store(WOKEN | waiting, Ordering::Release);
        }
        mutant!("unlock-wake": first.wake_after(queue) => drop((first, queue)));
        more.into_iter().flatten().for_each(Claimed::wake);
    }
}

/// Whether no other thread can unlock anything while this one spins.
pub(super) fn is_alone() -> bool {
    enter().is_some_and(|entered| entered.shared().procs() == 1)
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
