//! The free regions that a processor keeps for itself.

use core::array;

use super::{CLASSES, Class, StackPool};
use crate::OsResult;
use crate::goroutine::{GoroutineRef, prefetch};
use crate::list::List;

/// The regions in a full list (Go moves its free records in batches of 32 too).
const BATCH: usize = 32;
/// The addresses in a full list at most, so that large stacks are not hoarded.
const BATCH_BYTES: usize = 32 << 20;

/// The number of regions in a full list of this class.
pub(super) fn batch(class: Class) -> usize {
    (BATCH_BYTES / class.bytes()).clamp(1, BATCH)
}

/// Two lists a class: one that regions come from and go to, and one in reserve, full or empty. With
/// two, a processor whose use swings around a full list still turns to the pool only once a batch.
#[derive(Debug)]
// A power of two, so that one is found by a shift: 1 ns of 46 that a goroutine takes (Zen 4).
#[repr(align(64))]
struct Slot {
    active: List,
    reserve: List,
    /// How many fill a list.
    full: usize,
}

/// The free regions of one processor. Owner only.
#[derive(Debug)]
pub(crate) struct StackCache {
    slots: [Slot; CLASSES],
}

impl StackCache {
    pub(crate) fn new() -> StackCache {
        let slot = |class| Slot { active: List::new(), reserve: List::new(), full: batch(class) };
        StackCache { slots: array::from_fn(|class| slot(Class(class as u8))) }
    }

    /// How many free regions are here.
    pub(crate) fn len(&self) -> usize {
        self.slots.iter().map(|slot| slot.active.len() + slot.reserve.len()).sum()
    }

    /// A free region; from the pool when there is none here.
    #[inline(always)]
    pub(crate) fn take(&self, class: Class, pool: &StackPool) -> OsResult<GoroutineRef> {
        let slot = &self.slots[class.index()];
        let Some(g) = slot.active.pop_front() else { return slot.refill(class, pool) };
        if let Some(next) = slot.active.first() {
            prefetch(next.as_ptr());
        }
        Ok(g)
    }

    /// Takes a region back from a goroutine that has ended.
    #[inline(always)]
    pub(crate) fn give(&self, g: GoroutineRef, pool: &StackPool) {
        let class = g.region.class;
        let slot = &self.slots[class.index()];
        if slot.active.len() >= slot.full {
            slot.drain(class, pool);
        }
        slot.active.push_front(g);
    }
}

impl Slot {
    #[cold]
    fn refill(&self, class: Class, pool: &StackPool) -> OsResult<GoroutineRef> {
        if self.reserve.is_empty() {
            self.active.append(pool.take(class)?);
        } else {
            self.active.append(self.reserve.take());
        }
        match self.active.pop_front() {
            Some(g) => Ok(g),
            None => crate::fatal!("the stack pool handed out an empty list"),
        }
    }

    #[cold]
    fn drain(&self, class: Class, pool: &StackPool) {
        pool.give(class, self.reserve.take());
        self.reserve.append(self.active.take());
    }
}
