//! What a lock remembers of panics.
#![forbid(unsafe_code)]

use core::sync::atomic::{AtomicBool, Ordering};

use crate::base::sync::{LockResult, PoisonError};
use crate::base::thread;

/// Whether a panic has poisoned a lock.
pub(super) struct Poison {
    /// Written by the holder, and by who clears it; read by each who locks. It is only a hint
    /// without the lock.
    poisoned: AtomicBool,
}

/// Whether the holder's thread was panicking already when the lock was taken.
#[derive(Clone, Copy)]
pub(super) struct Since {
    panicking: bool,
}

impl Since {
    /// For one who has just taken the lock.
    #[inline(always)]
    pub(super) fn now() -> Since {
        Since { panicking: thread::panicking() }
    }
}

impl Poison {
    pub(super) const fn new() -> Poison {
        Poison { poisoned: AtomicBool::new(false) }
    }

    #[inline(always)]
    pub(super) fn is_set(&self) -> bool {
        self.poisoned.load(Ordering::Relaxed)
    }

    #[inline]
    pub(super) fn clear(&self) {
        self.poisoned.store(false, Ordering::Relaxed);
    }

    /// To be called by a holder who may have changed the value, before it unlocks.
    #[inline(always)]
    pub(super) fn done(&self, since: Since) {
        if !since.panicking && thread::panicking() {
            self.poisoned.store(true, Ordering::Relaxed);
        }
    }

    /// What is given out, in an error if the lock is poisoned.
    #[inline(always)]
    pub(super) fn wrap<T>(&self, given: T) -> LockResult<T> {
        if self.is_set() { Err(PoisonError::new(given)) } else { Ok(given) }
    }
}
