//! A processor's queue of goroutines that any worker may take: Go's `runq`, 256 slots.
//!
//! One owner pushes at the tail with plain stores, and takes from both ends; thieves take from the
//! head.
//!
//! 1. `push` writes a slot, then publishes it by storing `tail` (Release).
//! 2. Who takes the oldest reads `head`, then `tail` (Acquire: sees the slots below it), copies
//!    slots, and claims them by a CAS of `head` (Release: its reads of the slots come before the
//!    owner, who reads `head` with Acquire, may write them again).
//! 3. The owner takes the newest by storing `tail` less one, and then claims it by a CAS of `head`
//!    that leaves the position and counts one more `RETREAT`. A thief that read `head` before can't
//!    claim anything any more; one that reads it afterwards (Acquire) sees the lower `tail`.
//! 4. A CAS that fails claimed nothing, and what was copied is forgotten.
//!
//! Positions are counters that wrap; a slot is a counter modulo the capacity. Rejected: the deque of
//! Chase and Lev, where a thief can take only one at a time.

use core::cell::Cell;
use core::ptr;

use crate::goroutine::{Goroutine, GoroutineRef, prefetch_to_run};
use crate::os;
use crate::seam::{AtomicPtr, AtomicU32, AtomicU64, MODEL, Ordering, mutant};

/// Go's number (runtime2.go): a power of two.
pub(crate) const CAPACITY: usize = if MODEL { 4 } else { 256 };

/// In `head`, above the position: once more the newest was taken.
const RETREAT: u64 = 1 << 32;

/// The ring.
pub(crate) struct RunQueue {
    /// The position of the oldest in the low half, `RETREAT`s in the high half. Written by all who
    /// take, by CAS; a successful CAS proves that the slots it claims are theirs.
    head: AtomicU64,
    /// Written by the owner only; read by thieves, to whom it proves that the slots are written.
    tail: AtomicU32,
    /// A slot is written by the owner while it lies outside of head..tail.
    slots: [AtomicPtr<Goroutine>; CAPACITY],
    /// When what is in the slots was queued, as a count of such events. The owner's.
    turns: [Cell<u64>; CAPACITY],
}

/// The ring is full.
#[derive(Debug)]
pub(crate) struct Full;

/// The position in a `head`.
#[inline(always)]
fn position(head: u64) -> u32 {
    head as u32
}

/// A `head` whose position is further by `n`.
#[inline(always)]
fn advanced(head: u64, n: u32) -> u64 {
    (head & !u64::from(u32::MAX)) | u64::from(position(head).wrapping_add(n))
}

impl RunQueue {
    pub(crate) fn new() -> RunQueue {
        RunQueue {
            head: AtomicU64::new(0),
            tail: AtomicU32::new(0),
            slots: [const { AtomicPtr::new(ptr::null_mut()) }; CAPACITY],
            turns: [const { Cell::new(0) }; CAPACITY],
        }
    }

    #[cfg_attr(not(feature = "small"), inline(always))]
    fn slot(&self, position: u32) -> &AtomicPtr<Goroutine> {
        &self.slots[position as usize % CAPACITY]
    }

    #[cfg_attr(not(feature = "small"), inline(always))]
    fn turn(&self, position: u32) -> &Cell<u64> {
        &self.turns[position as usize % CAPACITY]
    }

    /// The goroutine in a slot whose position was seen to be below `tail`.
    #[cfg_attr(not(feature = "small"), inline(always))]
    fn read(&self, position: u32) -> GoroutineRef {
        let record = self.slot(position).load(Ordering::Relaxed);
        // SAFETY: every position below a `tail` that was read with Acquire has been written by
        // `push` with a live reference (step 1); a slot is never null again after that.
        unsafe { GoroutineRef::from_raw(record) }
    }

    /// How many are queued, at some moment between call and return.
    #[cfg_attr(not(feature = "small"), inline(always))]
    pub(crate) fn len(&self) -> usize {
        let head = self.head.load(Ordering::Acquire);
        // Acquire, both: so that `tail` is not read before `head`. It can be below all the same,
        // where the owner and a thief claim the last (step 3).
        let tail = self.tail.load(Ordering::Acquire);
        (tail.wrapping_sub(position(head)) as i32).max(0) as usize
    }

    #[cfg_attr(not(feature = "small"), inline(always))]
    pub(crate) fn is_empty(&self) -> bool {
        let head = self.head.load(Ordering::Acquire);
        // As in len().
        self.tail.load(Ordering::Acquire).wrapping_sub(position(head)) as i32 <= 0
    }

    /// The turn of the oldest, or an earlier one. Owner only.
    pub(crate) fn oldest_turn(&self) -> u64 {
        // Relaxed: it grows, and where it was the turn was written by the owner.
        self.turn(position(self.head.load(Ordering::Relaxed))).get()
    }

    /// Queues a goroutine if there is room. Owner only.
    #[cfg_attr(not(feature = "small"), inline(always))]
    pub(crate) fn push(&self, g: GoroutineRef, turn: u64) -> Result<(), Full> {
        // Acquire: pairs with the Release of a taker's CAS (step 2).
        let head = self.head.load(Ordering::Acquire);
        let tail = self.tail.load(Ordering::Relaxed);
        if tail.wrapping_sub(position(head)) as usize >= CAPACITY {
            return Err(Full);
        }
        self.turn(tail).set(turn);
        self.slot(tail).store(g.as_ptr(), Ordering::Relaxed);
        // Release: pairs with the Acquire of a taker's load (step 1).
        let publish = mutant!("queue-publish": Ordering::Release => Ordering::Relaxed);
        self.tail.store(tail.wrapping_add(1), publish);
        Ok(())
    }

    /// Claims by changing `head`; true if that was as expected.
    #[cfg_attr(not(feature = "small"), inline(always))]
    fn claim(&self, head: u64, new: u64) -> bool {
        // AcqRel: steps 2 and 3; the Acquire half keeps the goroutine's record from being read early.
        self.head.compare_exchange(head, new, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    /// Takes the oldest, unless it was queued after `before`. Owner only.
    #[cfg_attr(not(feature = "small"), inline(always))]
    pub(crate) fn pop_oldest(&self, before: u64) -> Option<GoroutineRef> {
        loop {
            let head = self.head.load(Ordering::Relaxed);
            let oldest = position(head);
            // Relaxed: the owner wrote it.
            if oldest == self.tail.load(Ordering::Relaxed) || self.turn(oldest).get() > before {
                return None;
            }
            let g = self.read(oldest);
            if self.claim(head, advanced(head, 1)) {
                return Some(g);
            }
        }
    }

    /// Takes the newest, unless it was queued after `before`. Owner only.
    #[cfg_attr(not(feature = "small"), inline(always))]
    pub(crate) fn pop_newest(&self, before: u64) -> Option<GoroutineRef> {
        let tail = self.tail.load(Ordering::Relaxed);
        let newest = tail.wrapping_sub(1);
        if position(self.head.load(Ordering::Relaxed)) == tail || self.turn(newest).get() > before {
            return None;
        }
        // Relaxed: the CAS publishes it (step 3).
        self.tail.store(newest, Ordering::Relaxed);
        loop {
            let head = self.head.load(Ordering::Relaxed);
            if position(head) == tail {
                // A thief had claimed it before.
                self.tail.store(tail, Ordering::Relaxed);
                return None;
            }
            let retreat = mutant!("retreat": head.wrapping_add(RETREAT) => head);
            if self.claim(head, retreat) {
                if !MODEL {
                    // It may be somebody else's by now: then this was for nothing.
                    prefetch_to_run(self.slot(newest.wrapping_sub(1)).load(Ordering::Relaxed));
                }
                return Some(self.read(newest));
            }
        }
    }

    /// Takes the older half out, and passes each with its turn to `f`. Owner only.
    pub(crate) fn take_half(&self, mut f: impl FnMut(GoroutineRef, u64)) {
        loop {
            let head = self.head.load(Ordering::Relaxed);
            let n = self.tail.load(Ordering::Relaxed).wrapping_sub(position(head)) / 2;
            if self.claim(head, advanced(head, n)) {
                // The owner alone writes slots, so they still hold what was claimed.
                for i in 0..n {
                    let position = position(head).wrapping_add(i);
                    f(self.read(position), self.turn(position).get());
                }
                return;
            }
        }
    }

    /// Moves the older half of this queue to `to`, which the caller owns and which is empty, and
    /// returns the last of them, to be run at once. The others count as queued at `turn`. None when
    /// there is nothing to take.
    #[doc(alias = "runqsteal")]
    pub(crate) fn steal_into(&self, to: &RunQueue, turn: u64) -> Option<GoroutineRef> {
        loop {
            // Acquire, both: step 2, in this order.
            let head = self.head.load(Ordering::Acquire);
            let see = mutant!("queue-see": Ordering::Acquire => Ordering::Relaxed);
            let tail = self.tail.load(see);
            let queued = tail.wrapping_sub(position(head));
            if queued as i32 <= 0 {
                return None;
            }
            let n = queued - queued / 2;
            if n as usize > CAPACITY / 2 {
                // The two were read at different moments: look again.
                continue;
            }
            let base = to.tail.load(Ordering::Relaxed);
            for i in 0..n {
                let g = self.slot(position(head).wrapping_add(i)).load(Ordering::Relaxed);
                to.slot(base.wrapping_add(i)).store(g, Ordering::Relaxed);
                to.turn(base.wrapping_add(i)).set(turn);
            }
            os::point();
            let claimed = self.head.compare_exchange(
                head,
                advanced(head, n),
                Ordering::AcqRel,
                Ordering::Relaxed,
            );
            if mutant!("steal-claim": claimed.is_err() => false) {
                continue;
            }
            let last = to.read(base.wrapping_add(n - 1));
            // Release: pairs with the Acquire of those who steal from `to`.
            to.tail.store(base.wrapping_add(n - 1), Ordering::Release);
            return Some(last);
        }
    }
}
