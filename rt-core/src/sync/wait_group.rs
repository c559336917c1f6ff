//! Waiting until a number of tasks are done.

use core::fmt;
use core::panic::{RefUnwindSafe, UnwindSafe};

use super::batch::{Batch, Link};
use crate::FOREVER;
use crate::lock::Protected;
use crate::seam::mutant;
use crate::wait::{WaitQueue, WaitsFor, park_limited};

/// A count of tasks that are under way, and of those who wait until there are none.
///
/// It may be used again and again: each wait ends at the first moment, after its start, at which
/// the count is 0.
pub struct WaitGroup {
    state: Protected<State>,
}

struct State {
    count: usize,
    waiting: WaitQueue,
}

impl WaitGroup {
    /// A group without tasks.
    pub const fn new() -> WaitGroup {
        WaitGroup {
            state: Protected::new(State { count: 0, waiting: WaitQueue::new(WaitsFor::Group) }),
        }
    }

    /// Counts `n` more tasks. To be called before they are started, for a wait may end meanwhile.
    ///
    /// # Panics
    /// If the count would be more than `usize::MAX`.
    #[inline]
    pub fn add(&self, n: usize) {
        let mut state = self.state.lock();
        match state.count.checked_add(n) {
            Some(count) => state.count = count,
            None => {
                drop(state);
                panic!("a WaitGroup can't count {n} more tasks");
            }
        }
    }

    /// Counts one task less, and wakes those who wait if it was the last.
    ///
    /// # Panics
    /// If there was none.
    #[inline]
    pub fn done(&self) {
        let mut state = self.state.lock();
        match state.count {
            0 => {
                drop(state);
                panic!("WaitGroup::done was called more often than tasks were added");
            }
            1 => {
                state.count = 0;
                // SAFETY: whoever waits passes an empty link (`wait`).
                let batch = unsafe { Batch::claim_all(&mut state.waiting) };
                drop(state);
                mutant!("group-wake": batch.wake() => ());
            }
            n => state.count = n - 1,
        }
    }

    /// Waits until the count is 0.
    ///
    /// Parks a goroutine; makes a plain thread sleep.
    #[inline]
    pub fn wait(&self) {
        let state = self.state.lock();
        if state.count != 0 {
            let mut link = Link::default();
            // SAFETY: the queue is the group's own, which `self` borrows until this returns.
            unsafe {
                park_limited(state, |state| &mut state.waiting, (&raw mut link).cast(), FOREVER)
            };
        }
    }
}

impl UnwindSafe for WaitGroup {}
impl RefUnwindSafe for WaitGroup {}

impl Default for WaitGroup {
    fn default() -> WaitGroup {
        WaitGroup::new()
    }
}

impl fmt::Debug for WaitGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.state.lock().count;
        f.debug_struct("WaitGroup").field("count", &count).finish()
    }
}
