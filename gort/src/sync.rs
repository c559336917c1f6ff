//! Locks that park the goroutine and not its thread, with the names of `std::sync`; and beyond it a
//! [`WaitGroup`] and a [`Semaphore`].
//!
//! They work between goroutines and plain threads alike. What never waits is std's own.
//!
//! Without the feature `std` nothing is ever poisoned, and there is no `mpsc`, whose errors are std's.

mod barrier;
mod condvar;
mod lazy_lock;
#[cfg(feature = "std")]
pub mod mpsc;
mod mutex;
mod once;
mod once_lock;
mod poison;
mod rwlock;
mod semaphore;
mod wait_group;

pub use crate::base::sync::{
    Arc, LockResult, PoisonError, TryLockError, TryLockResult, Weak, atomic,
};
pub use barrier::{Barrier, BarrierWaitResult};
pub use condvar::{Condvar, WaitTimeoutResult};
pub use lazy_lock::LazyLock;
pub use mutex::{Mutex, MutexGuard};
pub use once::{Once, OnceState};
pub use once_lock::OnceLock;
pub use rwlock::{RwLock, RwLockReadGuard, RwLockWriteGuard};
pub use semaphore::{Semaphore, SemaphoreGuard};
pub use wait_group::WaitGroup;
