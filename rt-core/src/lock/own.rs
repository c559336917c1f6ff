//! A lock's owner: the worker that takes it without a locked instruction.
//!
//! A lock that one worker takes again and again becomes that worker's *own*: from then on it is two
//! plain stores to take it and to give it back, and no locked instruction. (The idea is that of
//! biased locking: Kawachiya, Koseki and Onodera, "Lock reservation", OOPSLA 2002. It is revoked
//! without the owner's help, by an asymmetric fence, as Dice, Moir and Scherer do in "Quickly
//! reacquirable locks", 2003.)
//!
//! 1. Who becomes the owner keeps the lock's word, for good: to all others the lock is held.
//! 2. The owner takes it by setting `mine`, and looking *then* whether it still is the owner.
//! 3. Anybody else, who finds it held and owned, marks the owner as revoked, makes every thread pass a
//!    fence, and waits until `mine` is not set. Either the owner sees the mark and goes without, or
//!    the other one sees `mine`. After that it has the lock, with the word that the owner has kept.
//! 4. An owner that comes very late, with a store to `mine` for a time that is long over, must not
//!    disturb the next: each time that the lock is owned it has another `mine`. There are four; after
//!    that it is nobody's own any more. Each time it takes eight times as many uses.
//!
//! Rejected: an owner from the first use on (what two workers use would be revoked once, and that
//! costs as much as a thousand locked instructions).

use super::asymmetric;
use crate::os;
use crate::seam::{AtomicBool, AtomicUsize, Gauge, INSPECTED, Ordering, mutant};
use crate::worker::{Local, Worker};

/// How many times a lock can be owned.
const TURNS: u32 = 4;

/// After so many uses in a row by one worker the lock is its own, the first time.
const STREAK: u32 = asymmetric::WORTH;
/// How much more it takes each further time, as a power of two.
const GROWTH: u32 = 3;
/// For a lock that is nobody's own any more: practically never.
const NEVER: u32 = u32::MAX;

/// Whether a lock is somebody's own, and whose: the word of the thread, and beside it ..
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Owner(usize);

impl Owner {
    /// .. that it is not only the one who had the lock last ..
    const OWNED: usize = 64;
    /// .. that somebody else wants it ..
    const REVOKED: usize = 32;
    /// .. and for the how manieth time it is owned.
    const TURN: usize = TURNS as usize - 1;
    const BITS: usize = Owner::OWNED | Owner::REVOKED | Owner::TURN;

    /// Whether it is the own lock of the thread with this word, and nobody else wants it.
    #[inline(always)]
    pub(super) fn is(self, me: usize) -> bool {
        (self.0 ^ me) & !Owner::TURN == Owner::OWNED
    }

    /// Whether it is somebody's own.
    #[inline(always)]
    pub(super) fn is_somebody(self) -> bool {
        self.0 & Owner::OWNED != 0
    }
}

const _: () =
    assert!(Local::IN_WORKERS_WORD & Owner::BITS == 0 && align_of::<Worker>() > Owner::BITS);

/// Whose own a lock is.
pub(super) struct Own {
    /// Step 2. Each is written by one owner alone.
    mine: [AtomicBool; TURNS as usize],
    /// An [`Owner`]. Written by who has the lock's word, and by who revokes it.
    owner: AtomicUsize,
    // Protected by the lock's word.
    /// How many uses by the last user are left until it is its own.
    left: Gauge,
    /// How many it takes in all, this time.
    streak: Gauge,
}

impl Own {
    pub(super) const fn new() -> Own {
        Own::after(STREAK)
    }

    /// Nobody's, ever.
    pub(super) const fn never() -> Own {
        Own::after(NEVER)
    }

    const fn after(streak: u32) -> Own {
        Own {
            mine: [const { AtomicBool::new(false) }; TURNS as usize],
            owner: AtomicUsize::new(0),
            left: Gauge::new(streak),
            streak: Gauge::new(streak),
        }
    }

    /// Relaxed: who is not the owner then looks at the word; and the owner looks again.
    #[inline(always)]
    pub(super) fn read(&self) -> Owner {
        Owner(self.owner.load(Ordering::Relaxed))
    }

    #[inline(always)]
    fn mine(&self, owner: Owner) -> &AtomicBool {
        &self.mine[mutant!("own-turn": owner.0 & Owner::TURN => 0)]
    }

    /// Step 2, by who was the owner a moment ago; false if it is no more.
    #[inline(always)]
    pub(super) fn take(&self, owner: Owner) -> bool {
        if INSPECTED {
            os::point();
        }
        let mine = self.mine(owner);
        // Relaxed: whoever held it before was this thread, or was waited for.
        mine.store(true, Ordering::Relaxed);
        mutant!("own-fence": asymmetric::light() => ());
        if INSPECTED {
            os::point();
        }
        if mutant!("own-again": self.read() == owner => true) {
            return true;
        }
        // Release: as in give_back(), for it is this store that revoke() may find.
        mine.store(false, Ordering::Release);
        false
    }

    /// Gives the lock back, if it is somebody's own. Touches nothing after its store.
    #[inline(always)]
    pub(super) fn give_back(&self) -> bool {
        // While the lock is held it becomes nobody's, and nobody's no more; whether it is revoked
        // makes no difference.
        let owner = self.read();
        if owner.is_somebody() {
            // Release: pairs with the Acquire in revoke().
            let release = mutant!("own-release": Ordering::Release => Ordering::Relaxed);
            self.mine(owner).store(false, release);
        }
        owner.is_somebody()
    }

    /// Takes note of a use by the thread with this word, which has the lock's.
    #[inline(always)]
    pub(super) fn count(&self, me: usize) {
        // Relaxed, here and below: protected by the lock's word.
        if self.owner.load(Ordering::Relaxed) == me {
            let left = self.left.load(Ordering::Relaxed) - 1;
            self.left.store(left, Ordering::Relaxed);
            if left == 0 {
                self.begin(me);
            }
        } else {
            self.owner.store(Local::worker_or_null(me), Ordering::Relaxed);
            self.left.store(self.streak.load(Ordering::Relaxed), Ordering::Relaxed);
        }
    }

    /// Step 1: makes the lock the caller's own, which has its word, if it can be.
    #[cold]
    pub(super) fn begin(&self, me: usize) {
        let streak = self.streak.load(Ordering::Relaxed);
        if streak == NEVER || !asymmetric::is_given() {
            self.left.store(NEVER, Ordering::Relaxed);
            return;
        }
        debug_assert_eq!(me & Owner::BITS, 0, "not the word of a worker's thread");
        let turn = (streak / STREAK).ilog2() / GROWTH;
        let next = if turn + 1 == TURNS { NEVER } else { streak << GROWTH };
        self.streak.store(next, Ordering::Relaxed);
        let owner = Owner(me | Owner::OWNED | turn as usize);
        self.mine(owner).store(true, Ordering::Relaxed);
        // Release: pairs with the Acquire in revoke(), which finds it held.
        self.owner.store(owner.0, Ordering::Release);
    }

    /// Step 3, unless somebody else is at it. True: the caller has the lock, and its word. Calls `nap`
    /// while the owner holds it.
    pub(super) fn revoke(&self, owner: Owner, mut nap: impl FnMut()) -> bool {
        let (new, order) = (owner.0 | Owner::REVOKED, Ordering::Acquire);
        // Acquire: pairs with the Release in begin().
        if mutant!("revoke-once": owner.0 == new => false)
            || self.owner.compare_exchange(owner.0, new, order, Ordering::Relaxed).is_err()
        {
            return false;
        }
        os::point();
        mutant!("revoke-fence": asymmetric::heavy() => ());
        // Acquire: pairs with the Release in give_back().
        while mutant!("revoke-waits": self.mine(owner).load(Ordering::Acquire) => false) {
            nap();
        }
        // Relaxed: protected by the lock's word.
        self.left.store(self.streak.load(Ordering::Relaxed), Ordering::Relaxed);
        self.owner.store(0, Ordering::Relaxed);
        true
    }
}
