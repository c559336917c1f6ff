//! A processor's queue of goroutines that any worker may take: Go's `runq`, 256 slots.
//!
//! One owner pushes at the tail with plain stores; the owner and thieves take from the head.
//!
//! 1. `push` writes a slot, then publishes it by storing `tail` (Release).
//! 2. A taker reads `head`, then `tail` (Acquire: sees the slots below it), copies slots, and
//!    claims them by a CAS of `head` (Release: its reads of the slots come before the owner, who
//!    reads `head` with Acquire, may write them again).
//! 3. A CAS that fails claimed nothing, and what was copied is forgotten.
//!
//! Positions are counters that wrap; a slot is a counter modulo the capacity.

use core::ptr;

use crate::goroutine::{Goroutine, GoroutineRef};
use crate::os;
use crate::seam::{AtomicPtr, AtomicU32, MODEL, Ordering, mutant};

/// Go's number (runtime2.go): a power of two.
pub(crate) const CAPACITY: usize = if MODEL { 4 } else { 256 };

/// The ring.
pub(crate) struct RunQueue {
    /// Written by all who take, by CAS; a successful CAS proves that the slots below are theirs.
    head: AtomicU32,
    /// Written by the owner only; read by thieves, to whom it proves that the slots are written.
    tail: AtomicU32,
    /// A slot is written by the owner while it lies outside of head..tail.
    slots: [AtomicPtr<Goroutine>; CAPACITY],
}

/// The ring is full.
#[derive(Debug)]
pub(crate) struct Full;

impl RunQueue {
    pub(crate) fn new() -> RunQueue {
        RunQueue {
            head: AtomicU32::new(0),
            tail: AtomicU32::new(0),
            slots: [const { AtomicPtr::new(ptr::null_mut()) }; CAPACITY],
        }
    }

    #[cfg_attr(not(feature = "small"), inline(always))]
    fn slot(&self, position: u32) -> &AtomicPtr<Goroutine> {
        &self.slots[position as usize % CAPACITY]
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
    pub(crate) fn len(&self) -> usize {
        let head = self.head.load(Ordering::Acquire);
        // Acquire, both: so that `tail` is not read before `head`, and the difference not negative.
        self.tail.load(Ordering::Acquire).wrapping_sub(head) as usize
    }

    #[cfg_attr(not(feature = "small"), inline(always))]
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Queues a goroutine if there is room. Owner only.
    #[cfg_attr(not(feature = "small"), inline(always))]
    pub(crate) fn push(&self, g: GoroutineRef) -> Result<(), Full> {
        // Acquire: pairs with the Release of a taker's CAS (step 2).
        let head = self.head.load(Ordering::Acquire);
        let tail = self.tail.load(Ordering::Relaxed);
        if tail.wrapping_sub(head) as usize >= CAPACITY {
            return Err(Full);
        }
        self.slot(tail).store(g.as_ptr(), Ordering::Relaxed);
        // Release: pairs with the Acquire of a taker's load (step 1).
        let publish = mutant!("queue-publish": Ordering::Release => Ordering::Relaxed);
        self.tail.store(tail.wrapping_add(1), publish);
        Ok(())
    }

    /// Takes the oldest. Owner only.
    #[cfg_attr(not(feature = "small"), inline(always))]
    pub(crate) fn pop(&self) -> Option<GoroutineRef> {
        loop {
            let head = self.head.load(Ordering::Relaxed);
            // Relaxed: the owner wrote it.
            if head == self.tail.load(Ordering::Relaxed) {
                return None;
            }
            let g = self.read(head);
            // AcqRel: step 2; the Acquire half keeps the goroutine's record from being read early.
            let claimed = self.head.compare_exchange(
                head,
                head.wrapping_add(1),
                Ordering::AcqRel,
                Ordering::Relaxed,
            );
            if claimed.is_ok() {
                return Some(g);
            }
        }
    }

    /// Moves the older half of this queue to `to`, which the caller owns and which is empty, and
    /// returns the last of them, to be run at once. None when there is nothing to take.
    #[doc(alias = "runqsteal")]
    pub(crate) fn steal_into(&self, to: &RunQueue) -> Option<GoroutineRef> {
        loop {
            // Acquire, both: step 2, in this order.
            let head = self.head.load(Ordering::Acquire);
            let see = mutant!("queue-see": Ordering::Acquire => Ordering::Relaxed);
            let tail = self.tail.load(see);
            let queued = tail.wrapping_sub(head);
            if queued == 0 {
                return None;
            }
            let n = queued - queued / 2;
            if n as usize > CAPACITY / 2 {
                // The two were read at different moments: look again.
                continue;
            }
            let base = to.tail.load(Ordering::Relaxed);
            for i in 0..n {
                let g = self.slot(head.wrapping_add(i)).load(Ordering::Relaxed);
                to.slot(base.wrapping_add(i)).store(g, Ordering::Relaxed);
            }
            os::point();
            let claimed = self.head.compare_exchange(
                head,
                head.wrapping_add(n),
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
