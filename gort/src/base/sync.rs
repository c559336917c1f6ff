//! `std::sync`'s results of locks, with its names and methods. No lock is ever poisoned.
#![forbid(unsafe_code)]

pub use alloc::sync::{Arc, Weak};
pub use core::sync::atomic;

use core::error::Error;
use core::fmt;

/// The error of a lock whose holder has panicked, with the guard inside.
pub struct PoisonError<T> {
    guard: T,
}

/// The error of one who does not wait for a lock.
pub enum TryLockError<T> {
    /// It is poisoned, and locked all the same.
    Poisoned(PoisonError<T>),
    /// Somebody holds it.
    WouldBlock,
}

/// What taking a lock comes to.
pub type LockResult<T> = Result<T, PoisonError<T>>;

/// What trying to take a lock comes to.
pub type TryLockResult<T> = Result<T, TryLockError<T>>;

impl<T> PoisonError<T> {
    /// The error with this guard.
    pub fn new(guard: T) -> PoisonError<T> {
        PoisonError { guard }
    }

    /// The guard.
    pub fn into_inner(self) -> T {
        self.guard
    }

    /// A look at the guard.
    pub fn get_ref(&self) -> &T {
        &self.guard
    }

    /// A look at the guard, to change something.
    pub fn get_mut(&mut self) -> &mut T {
        &mut self.guard
    }
}

impl<T> From<PoisonError<T>> for TryLockError<T> {
    fn from(error: PoisonError<T>) -> TryLockError<T> {
        TryLockError::Poisoned(error)
    }
}

impl<T> fmt::Debug for PoisonError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoisonError").finish_non_exhaustive()
    }
}

impl<T> fmt::Display for PoisonError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("poisoned lock: another goroutine failed inside")
    }
}

impl<T> Error for PoisonError<T> {}

impl<T> fmt::Debug for TryLockError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TryLockError::Poisoned(_) => "Poisoned(..)",
            TryLockError::WouldBlock => "WouldBlock",
        })
    }
}

impl<T> fmt::Display for TryLockError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TryLockError::Poisoned(_) => "poisoned lock: another goroutine failed inside",
            TryLockError::WouldBlock => "the lock is held by another",
        })
    }
}

impl<T> Error for TryLockError<T> {}
