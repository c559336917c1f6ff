//! Waiting until a number of tasks have come to the same place.

use core::fmt;
use core::panic::{RefUnwindSafe, UnwindSafe};

use super::batch::{Batch, Link};
use crate::FOREVER;
use crate::lock::Protected;
use crate::seam::mutant;
use crate::wait::{WaitQueue, WaitsFor, park_on};

/// A barrier. It parks goroutines and makes plain threads sleep.
pub struct RawBarrier {
    /// How many come before they go on.
    needed: usize,
    state: Protected<State>,
}

struct State {
    /// How many of this round have come: fewer than are needed. Some of those who wait may have been
    /// abandoned by then; they have come all the same.
    come: usize,
    waiting: WaitQueue,
}

impl RawBarrier {
    /// A barrier that lets so many go on together; 0 is as 1.
    pub const fn new(needed: usize) -> RawBarrier {
        let waiting = WaitQueue::new(WaitsFor::Others);
        RawBarrier { needed, state: Protected::new(State { come: 0, waiting }) }
    }

    /// Waits until as many have come as are needed, and says whether this was the last of them.
    ///
    /// Parks a goroutine; makes a plain thread sleep.
    pub fn wait(&self) -> bool {
        let mut state = self.state.lock();
        state.come += 1;
        if state.come >= self.needed {
            state.come = 0;
            // SAFETY: whoever waits passes an empty link, below.
            let batch = unsafe { Batch::claim_all(&mut state.waiting) };
            drop(state);
            mutant!("barrier-wake": batch.wake() => ());
            return true;
        }
        let mut link = Link::default();
        // SAFETY: the queue is the barrier's own, which `self` borrows until this returns.
        unsafe { park_on(state, |state| &mut state.waiting, (&raw mut link).cast(), FOREVER) };
        false
    }
}

impl UnwindSafe for RawBarrier {}
impl RefUnwindSafe for RawBarrier {}

impl fmt::Debug for RawBarrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawBarrier").field("needed", &self.needed).finish_non_exhaustive()
    }
}
