//! Waiting for a notification, with a mutex given back meanwhile.
//!
//! The waiter takes the queue's lock, then gives the mutex back, then stands in the queue: who
//! changes something under the mutex and notifies afterwards finds it there. A notification claims
//! its waiter under the queue's lock, so it is for one who waited by then, and is never lost to one
//! whose deadline comes at that moment.

use core::fmt;
use core::panic::{RefUnwindSafe, UnwindSafe};

use super::RawMutex;
use super::batch::{Batch, Link};
use crate::lock::{Guard, Protected};
use crate::os;
use crate::seam::mutant;
use crate::wait::{WaitQueue, WaitsFor, Wake, park_limited};

/// A condition variable. It parks goroutines and makes plain threads sleep.
pub struct RawCondvar {
    queue: Protected<WaitQueue>,
}

/// Takes the mutex again, also when a limit cuts the wait short: the caller counts on it.
struct Again<'a>(&'a RawMutex);

impl Drop for Again<'_> {
    fn drop(&mut self) {
        self.0.lock_whatever_the_limit();
    }
}

impl RawCondvar {
    /// One that nobody waits for.
    pub const fn new() -> RawCondvar {
        RawCondvar { queue: Protected::new(WaitQueue::new(WaitsFor::Condition)) }
    }

    /// Gives the mutex back, waits for a notification or until `deadline`
    /// ([`FOREVER`](crate::FOREVER): no limit), and takes the mutex again. Is woken by nothing else.
    ///
    /// Parks a goroutine; makes a plain thread sleep.
    ///
    /// # Safety
    /// - The caller holds the mutex, and counts on what it protects only when this has returned.
    pub unsafe fn wait(&self, mutex: &RawMutex, deadline: u64) -> Wake {
        let mut link = Link::default();
        let again = Again(mutex);
        // SAFETY: the caller's contract is the same.
        let queue = unsafe { self.release(mutex) };
        // SAFETY: the queue is the condition's own, which `self` borrows until this returns.
        let wake = unsafe { park_limited(queue, |queue| queue, (&raw mut link).cast(), deadline) };
        drop(again);
        wake
    }

    /// Gives the mutex back, in such an order that no notification comes between.
    ///
    /// # Safety
    /// - The caller holds the mutex.
    #[inline(always)]
    unsafe fn release(&self, mutex: &RawMutex) -> Guard<'_, WaitQueue> {
        let queue = mutant!("wait-order": Some(self.queue.lock()) => None);
        // SAFETY: the caller holds the mutex.
        unsafe { mutex.unlock() };
        queue.unwrap_or_else(|| {
            os::point();
            self.queue.lock()
        })
    }

    /// Wakes the one who has waited longest. Never parks.
    #[inline]
    pub fn notify_one(&self) {
        let first = self.queue.lock().claim_first();
        if let Some(waiter) = first {
            mutant!("notify-one": waiter.wake() => drop(waiter));
        }
    }

    /// Wakes all who wait. Never parks.
    #[inline]
    pub fn notify_all(&self) {
        let mut queue = self.queue.lock();
        // SAFETY: whoever waits passes an empty link (`wait`).
        let all = unsafe { Batch::claim_all(&mut queue) };
        drop(queue);
        mutant!("notify-all": all.wake() => ());
    }
}

impl UnwindSafe for RawCondvar {}
impl RefUnwindSafe for RawCondvar {}

impl Default for RawCondvar {
    fn default() -> RawCondvar {
        RawCondvar::new()
    }
}

impl fmt::Debug for RawCondvar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("RawCondvar { .. }")
    }
}
