//! Locks that park the goroutine and not its thread, with the names of `std::sync`.
//!
//! They work between goroutines and plain threads alike. What never waits is std's own.

mod mutex;

pub use crate::base::sync::{
    Arc, LockResult, PoisonError, TryLockError, TryLockResult, Weak, atomic,
};
pub use mutex::{Mutex, MutexGuard};
pub use rt_core::sync::WaitGroup;
