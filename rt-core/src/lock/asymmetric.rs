//! A fence of two halves: one is free, and the other is everybody's.
//!
//! Where two sides each write and then look, each must pass a fence between, or both look too early.
//! If one side comes a million times for the other's once, its fence can be the other's to pay: who
//! comes seldom makes every thread of the process pass one ([`os::fence_all`]).

use crate::os;
use crate::seam::{AtomicU32, INSPECTED, MODEL, Ordering, compiler_fence, fence};
use crate::worker::Local;

/// How many locked instructions [`heavy`] costs, on two processors: so many must have been saved by it
/// before. A simulation does not live as long.
pub(crate) const WORTH: u32 = if INSPECTED { 4 } else { 1024 };

/// What is waited instead of a fence that the system has stopped giving, in nanoseconds: no store
/// stays unseen, and no thread on its way, for nearly as long.
const SETTLED: u64 = 20_000_000;

/// Whether the system gives [`heavy`]. Asked by a worker's thread; any other is told that it does not.
pub(crate) fn is_given() -> bool {
    MODEL || Local::passes_fences()
}

/// The half of who comes often.
#[inline(always)]
pub(crate) fn light() {
    if MODEL {
        // A model has no other.
        fence(Ordering::SeqCst);
    } else {
        compiler_fence(Ordering::SeqCst);
    }
}

/// The half of who comes seldom.
pub(crate) fn heavy() {
    if MODEL {
        fence(Ordering::SeqCst);
    } else if !os::fence_all() {
        // It was given when the other side began to rely on it: a sandbox has been closed since.
        fence(Ordering::SeqCst);
        os::wait(&AtomicU32::new(0), 0, os::now().saturating_add(SETTLED));
    }
}
