//! A waiter that is a future: to wake it is to call its waker.
//!
//! Nobody keeps a stack for it, so an alarm is counted: once for the future that has set it, and once
//! for where it is named, which is a queue or the word of a packet. Whoever claims it there takes
//! over that count, and gives it up by ringing; or the future takes its name out again, and the count
//! with it. An alarm rings once.

use alloc::sync::Arc;
use core::fmt;
use core::mem;
use core::ptr::NonNull;
use core::task::Waker;

use super::{About, CLAIMED, Place, WaitQueue, Waiter, WaitsFor};
use crate::lock::{Guard, Protected};

/// What a future waits with.
#[repr(C)]
pub(crate) struct Alarm {
    /// First, so that its address is the alarm's.
    waiter: Waiter,
    place: Place,
    /// None when it has rung.
    waker: Protected<Option<Waker>>,
}

// SAFETY: the waiter and the place are written under the lock of the queue that they are in, or by
// the one who has claimed the waiter.
unsafe impl Send for Alarm {}
// SAFETY: as above.
unsafe impl Sync for Alarm {}

impl Alarm {
    pub(crate) fn new(waker: &Waker, waits_for: WaitsFor) -> Arc<Alarm> {
        let mut waiter = Waiter::new(None, false, waits_for);
        waiter.ring = Some(ring);
        Arc::new(Alarm { waiter, place: Place::new(), waker: Protected::new(Some(waker.clone())) })
    }

    /// Wakes this waker in place of the older one, if it has not rung yet.
    pub(crate) fn set(&self, waker: &Waker) {
        let new = waker.clone();
        let mut current = self.waker.lock();
        let older = match &*current {
            Some(_) => current.replace(new),
            None => Some(new),
        };
        drop(current);
        // Code of the user's: not under the lock.
        drop(older);
    }

    /// The name for a word, not counted.
    pub(crate) fn named(self: &Arc<Alarm>) -> *mut Waiter {
        Arc::as_ptr(self).cast_mut().cast()
    }

    /// The name for a word, counted.
    pub(crate) fn lend(self: &Arc<Alarm>) -> *mut Waiter {
        Arc::into_raw(Arc::clone(self)).cast_mut().cast()
    }

    /// Gives up the count of a name.
    ///
    /// # Safety
    /// - It was counted, and nobody rings the alarm by it any more.
    pub(crate) unsafe fn take_back(self: &Arc<Alarm>) {
        // SAFETY: the caller's contract.
        unsafe { Arc::decrement_strong_count(Arc::as_ptr(self)) };
    }

    /// Joins a queue of the locked data, in which it is named.
    ///
    /// # Safety
    /// - The queue is inside of the locked data, and stays where it is until `leave`.
    /// - It has joined no other queue.
    pub(crate) unsafe fn join<T>(
        self: &Arc<Alarm>,
        guard: &mut Guard<'_, T>,
        queue: impl FnOnce(&mut T) -> &mut WaitQueue,
    ) {
        let waiter = NonNull::from(&self.waiter);
        // SAFETY: the alarm stays as long as it is counted, and the queue as the caller says.
        unsafe { self.place.join(waiter, guard, queue, core::ptr::null_mut(), About::Nothing) };
        mem::forget(Arc::clone(self));
    }

    /// Leaves the queue, which is inside of `source`; false if somebody has claimed it, and rings.
    ///
    /// # Safety
    /// - It has joined a queue of this `source`'s data, which has not moved.
    pub(crate) unsafe fn leave<T>(self: &Arc<Alarm>, source: &Protected<T>) -> bool {
        // SAFETY: the caller's contract is the same.
        let was_in = unsafe { self.place.leave(source) };
        if was_in && self.waiter.claim(CLAIMED) {
            // SAFETY: counted in `join`; it is out of the queue, and nobody has claimed it there.
            unsafe { self.take_back() };
            return true;
        }
        false
    }
}

/// # Safety
/// - The waiter is a claimed alarm's.
unsafe fn ring(waiter: NonNull<Waiter>) {
    // SAFETY: the waiter is the alarm's first field, and the count is that of the name by which it
    // was claimed.
    let alarm = unsafe { Arc::from_raw(waiter.as_ptr().cast::<Alarm>()) };
    let waker = alarm.waker.lock().take();
    if let Some(waker) = waker {
        // The one who rings is in the middle of something.
        let unwinds = Unwinds;
        waker.wake();
        mem::forget(unwinds);
    }
}

/// Dropped by unwinding alone.
struct Unwinds;

impl Drop for Unwinds {
    fn drop(&mut self) {
        crate::fatal!("the waker of a future panicked");
    }
}

impl fmt::Debug for Alarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Alarm")
    }
}
