//! All who wait in a queue, claimed at one moment and woken after its lock is given back.
//!
//! They are strung together through their slots, for there is no other memory that would suffice
//! for any number of them. Rejected: claiming and waking one by one (a waiter that came after the
//! event would be woken by it); waking under the lock (each of the woken would run into it).

use core::ptr::NonNull;

use crate::wait::{Claimed, WaitQueue};

/// What a waiter that can be part of a [`Batch`] passes to `park_on` as its slot.
#[derive(Default)]
pub(super) struct Link(Option<Claimed>);

/// Claimed waiters, in the order in which they came.
pub(super) struct Batch {
    first: Link,
    len: u32,
}

impl Batch {
    /// Claims all who wait.
    ///
    /// # Safety
    /// - The slot of everyone in the queue points at an empty [`Link`] of its own.
    #[inline]
    pub(super) unsafe fn claim_all(queue: &mut WaitQueue) -> Batch {
        let mut batch = Batch { first: Link(None), len: 0 };
        let mut end = NonNull::from(&mut batch.first);
        while let Some(claimed) = queue.claim_first() {
            batch.len += 1;
            let next = NonNull::new(claimed.slot().cast::<Link>());
            // SAFETY: the end is `batch`, or the link of a waiter that was claimed by this loop and
            // is not woken yet.
            unsafe { end.write(Link(Some(claimed))) };
            match next {
                Some(next) => end = next,
                None => crate::fatal!("a waiter without a link"),
            }
        }
        batch
    }

    /// How many they are.
    pub(super) fn len(&self) -> u32 {
        self.len
    }

    /// Wakes them, first come first.
    #[inline]
    pub(super) fn wake(self) {
        let mut rest = self.first;
        while let Some(claimed) = rest.0 {
            let link = claimed.slot().cast::<Link>();
            // SAFETY: the slot is a link (`claim_all`), which its waiter keeps until it is woken
            // on the next line.
            rest = unsafe { link.read() };
            claimed.wake();
        }
    }
}
