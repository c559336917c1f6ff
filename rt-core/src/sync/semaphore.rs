//! A number of permits, given out in the order in which they are asked for.
//!
//! A permit that is given back goes to the one who has waited longest, past those who come: so one
//! who waits for a permit gets it, however many others come and go.

use core::fmt;
use core::panic::{RefUnwindSafe, UnwindSafe};
use core::ptr;

use crate::lock::Protected;
use crate::seam::mutant;
use crate::wait::{WaitQueue, WaitsFor, Wake, park_limited};

/// A semaphore without guards. It parks goroutines and makes plain threads sleep.
pub struct RawSemaphore {
    state: Protected<State>,
}

struct State {
    /// How many permits are free: none while anybody waits who is not abandoned.
    permits: usize,
    waiting: WaitQueue,
}

impl RawSemaphore {
    /// A semaphore of so many permits.
    pub const fn new(permits: usize) -> RawSemaphore {
        let waiting = WaitQueue::new(WaitsFor::Permit);
        RawSemaphore { state: Protected::new(State { permits, waiting }) }
    }

    /// Takes a permit, and waits for one until `deadline` ([`FOREVER`](crate::FOREVER): no limit).
    /// False if there was none by then.
    ///
    /// Parks a goroutine; makes a plain thread sleep.
    #[inline]
    pub fn acquire(&self, deadline: u64) -> bool {
        let mut state = self.state.lock();
        if state.permits > 0 {
            state.permits -= 1;
            return true;
        }
        let nothing = ptr::null_mut();
        // SAFETY: the queue is the semaphore's own, which `self` borrows until this returns.
        let wake = unsafe { park_limited(state, |state| &mut state.waiting, nothing, deadline) };
        wake == Wake::Claimed
    }

    /// Takes a permit if one is free. Never parks.
    #[inline]
    pub fn try_acquire(&self) -> bool {
        let mut state = self.state.lock();
        let free = state.permits > 0;
        state.permits -= usize::from(free);
        free
    }

    /// Gives a permit back, or adds one. False if there can't be so many, and then nothing has
    /// changed. Never parks.
    #[inline]
    pub fn release(&self) -> bool {
        let mut state = self.state.lock();
        let first = mutant!("permit-pass": state.waiting.claim_first() => None);
        if let Some(waiter) = first {
            mutant!("permit-wake": waiter.wake_after(state) => drop((waiter, state)));
            return true;
        }
        let more = state.permits.checked_add(1);
        state.permits = more.unwrap_or(state.permits);
        more.is_some()
    }

    /// How many permits are free at this moment.
    pub fn available(&self) -> usize {
        self.state.lock().permits
    }
}

impl UnwindSafe for RawSemaphore {}
impl RefUnwindSafe for RawSemaphore {}

impl fmt::Debug for RawSemaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawSemaphore").field("permits", &self.available()).finish()
    }
}
