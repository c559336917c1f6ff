//! What other threads ready for one worker: goroutines that are at home there.
//!
//! Many push, one takes all. A push links the newcomer before the ones that are there and swings
//! the head by CAS; the owner takes the whole chain by one swap and turns it round, so that what
//! was readied first runs first.

use core::ptr::{self, NonNull};

use crate::goroutine::{Goroutine, GoroutineRef};
use crate::list::List;
use crate::os;
use crate::seam::{AtomicPtr, Ordering, mutant};

/// The inbox of a worker.
pub(crate) struct Inbox {
    /// Written by pushers (CAS) and the owner (swap to null). A non-null value taken by the owner
    /// proves that the whole chain behind it is linked.
    head: AtomicPtr<Goroutine>,
}

impl Inbox {
    pub(crate) const fn new() -> Inbox {
        Inbox { head: AtomicPtr::new(ptr::null_mut()) }
    }

    #[inline(always)]
    pub(crate) fn is_empty(&self) -> bool {
        // SeqCst: pairs with the SeqCst of push(), for the recheck before sleep (`sleep`).
        self.head.load(Ordering::SeqCst).is_null()
    }

    /// Adds a goroutine. The caller then looks whether the owner sleeps.
    pub(crate) fn push(&self, g: GoroutineRef) {
        g.queued.enter(g);
        let mut head = self.head.load(Ordering::Relaxed);
        loop {
            // SAFETY: a non-null head is a goroutine that was pushed and not yet taken: live.
            let link =
                NonNull::new(head).map(|first| unsafe { GoroutineRef::from_raw(first.as_ptr()) });
            g.link.set(link);
            os::point();
            // SeqCst: the Release half publishes the link to take_all(); the total order is for
            // the owner's recheck before sleep.
            match self.head.compare_exchange_weak(
                head,
                g.as_ptr(),
                mutant!("inbox-push": Ordering::SeqCst => Ordering::Relaxed),
                Ordering::Relaxed,
            ) {
                Ok(_) => return,
                Err(newer) => head = newer,
            }
        }
    }

    /// Takes everything, oldest first. Owner only.
    pub(crate) fn take_all(&self) -> List {
        let list = List::new();
        if self.is_empty() {
            return list;
        }
        // Acquire: pairs with the Release of every push().
        let mut next = NonNull::new(self.head.swap(ptr::null_mut(), Ordering::Acquire));
        while let Some(record) = next {
            // SAFETY: the chain holds goroutines that were pushed and are ours since the swap.
            let g = unsafe { GoroutineRef::from_raw(record.as_ptr()) };
            next = g.link.get().map(|behind| {
                // SAFETY: a reference is never null.
                unsafe { NonNull::new_unchecked(behind.as_ptr()) }
            });
            g.queued.leave(g);
            list.push_front(g);
        }
        list
    }
}
