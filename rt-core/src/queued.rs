//! The mark of a goroutine that is in a queue, in builds for a simulation (feature `inspect`).
//!
//! Every queue of runnable goroutines sets and clears it, and ends the process when a goroutine is
//! about to be in two of them, or to run while it is in one. In other builds it is nothing.

use crate::goroutine::GoroutineRef;
use crate::seam::{AtomicBool, INSPECTED, Ordering};

/// Whether a goroutine is in a queue, if anybody wants to know.
pub(crate) struct Queued {
    #[cfg(feature = "inspect")]
    yes: AtomicBool,
}

impl Queued {
    pub(crate) const fn new() -> Queued {
        Queued {
            #[cfg(feature = "inspect")]
            yes: AtomicBool::new(false),
        }
    }

    #[cfg(feature = "inspect")]
    fn word(&self) -> Option<&AtomicBool> {
        Some(&self.yes)
    }

    #[cfg(not(feature = "inspect"))]
    #[cfg_attr(not(feature = "small"), inline(always))]
    fn word(&self) -> Option<&AtomicBool> {
        None
    }

    /// `g`, whose mark this is, goes into a queue. By whoever queues it, before others can see it.
    #[cfg_attr(not(feature = "small"), inline(always))]
    pub(crate) fn enter(&self, g: GoroutineRef) {
        // Relaxed, here and below: the queue orders it.
        if self.word().is_some_and(|word| word.swap(true, Ordering::Relaxed)) {
            crate::fatal!("{g:?} is queued twice");
        }
    }

    /// `g`, whose mark this is, was taken out of a queue. By whoever took it.
    #[cfg_attr(not(feature = "small"), inline(always))]
    pub(crate) fn leave(&self, g: GoroutineRef) {
        if self.word().is_some_and(|word| !word.swap(false, Ordering::Relaxed)) {
            crate::fatal!("{g:?} was taken from a queue that it was not in");
        }
    }

    /// `g`, whose mark this is, is about to run.
    #[cfg_attr(not(feature = "small"), inline(always))]
    pub(crate) fn assert_left(&self, g: GoroutineRef) {
        if self.is_set() {
            crate::fatal!("{g:?} runs while it is queued");
        }
    }

    /// `g`, whose mark this is, is said to be in a queue.
    #[cfg(not(feature = "small"))]
    pub(crate) fn assert_entered(&self, g: GoroutineRef) {
        if INSPECTED && !self.is_set() {
            crate::fatal!("{g:?} is in no queue, and expected in one");
        }
    }

    #[cfg_attr(not(feature = "small"), inline(always))]
    pub(crate) fn is_set(&self) -> bool {
        self.word().is_some_and(|word| word.load(Ordering::Relaxed))
    }
}

/// What was taken from a queue, as having left it.
#[cfg_attr(not(feature = "small"), inline(always))]
pub(crate) fn left(taken: Option<GoroutineRef>) -> Option<GoroutineRef> {
    if INSPECTED && let Some(g) = taken {
        g.queued.leave(g);
    }
    taken
}
