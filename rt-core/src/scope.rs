//! Who belongs to a scope: the goroutines that it waits for.
//!
//! A goroutine of a scope counts itself out as the last thing that it does with anything of the
//! scope. When the runtime ends without it, the closer does that in its place (`close`, step 2):
//! first it takes the goroutine out of the queues that it waits in, which may end with the scope.

use core::fmt;

use crate::FOREVER;
use crate::lock::Protected;
use crate::seam::mutant;
use crate::switch::{Entered, enter};
use crate::wait::{WaitQueue, WaitsFor, park_on};

/// How many goroutines of a scope are still to end, and who waits for that.
pub struct Members(Protected<State>);

struct State {
    count: usize,
    /// How many the runtime has ended without.
    lost: usize,
    waiting: WaitQueue,
}

impl Members {
    /// A scope without goroutines.
    pub const fn new() -> Members {
        let waiting = WaitQueue::new(WaitsFor::Scope);
        Members(Protected::new(State { count: 0, lost: 0, waiting }))
    }

    /// Counts one more, before it is spawned.
    pub fn count_in(&self) {
        self.0.lock().count += 1;
    }

    /// Counts one out that was not spawned after all.
    pub fn take_back(&self) {
        self.count_out(false);
    }

    /// Counts the current goroutine out, which was spawned as one of the scope.
    ///
    /// The scope may be gone on return.
    pub fn leave(&self) {
        if let Some((_, g)) = enter().and_then(Entered::on_goroutine) {
            // From here on the closer must not do it.
            g.packet.set(None);
        }
        self.count_out(false);
    }

    /// Counts one out that never runs again.
    pub(crate) fn lose(&self) {
        mutant!("strand-scope": self.count_out(true) => ());
    }

    fn count_out(&self, lost: bool) {
        let mut state = self.0.lock();
        state.count -= 1;
        state.lost += usize::from(lost);
        let waiter = if state.count == 0 { state.waiting.claim_first() } else { None };
        // From here on the scope may be gone, unless somebody waits and is still to be woken.
        drop(state);
        if let Some(waiter) = waiter {
            waiter.wake();
        }
    }

    /// Waits until all have been counted out, and says how many of them the runtime has ended
    /// without.
    ///
    /// Parks a goroutine; makes a plain thread sleep.
    pub fn wait(&self) -> usize {
        let state = self.0.lock();
        if state.count > 0 {
            // SAFETY: the queue is the scope's own, which `self` borrows until this returns.
            unsafe { park_on(state, |s| &mut s.waiting, core::ptr::null_mut(), FOREVER) };
        } else {
            drop(state);
        }
        self.0.lock().lost
    }

    /// How many are still to end.
    pub fn count(&self) -> usize {
        self.0.lock().count
    }
}

impl Default for Members {
    fn default() -> Members {
        Members::new()
    }
}

impl fmt::Debug for Members {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Members({})", self.count())
    }
}
