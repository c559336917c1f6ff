//! Locks that park the goroutine and not its thread, with the names of `std::sync`; and beyond it a
//! [`WaitGroup`] and a [`Semaphore`].
//!
//! They work between goroutines and plain threads alike. What never waits is std's own.
//!
//! Without the feature `std` there are `Mutex` and `WaitGroup`.

#[cfg(feature = "std")]
mod barrier;
#[cfg(feature = "std")]
mod condvar;
#[cfg(feature = "std")]
mod lazy_lock;
#[cfg(feature = "std")]
pub mod mpsc;
mod mutex;
#[cfg(feature = "std")]
mod once;
#[cfg(feature = "std")]
mod once_lock;
mod poison;
#[cfg(feature = "std")]
mod rwlock;
#[cfg(feature = "std")]
mod semaphore;
#[cfg(feature = "std")]
mod wait_group;

pub use crate::base::sync::{
    Arc, LockResult, PoisonError, TryLockError, TryLockResult, Weak, atomic,
};
#[cfg(feature = "std")]
pub use barrier::{Barrier, BarrierWaitResult};
#[cfg(feature = "std")]
pub use condvar::{Condvar, WaitTimeoutResult};
#[cfg(feature = "std")]
pub use lazy_lock::LazyLock;
pub use mutex::{Mutex, MutexGuard};
#[cfg(feature = "std")]
pub use once::{Once, OnceState};
#[cfg(feature = "std")]
pub use once_lock::OnceLock;
#[cfg(not(feature = "std"))]
pub use rt_core::sync::WaitGroup;
#[cfg(feature = "std")]
pub use rwlock::{RwLock, RwLockReadGuard, RwLockWriteGuard};
#[cfg(feature = "std")]
pub use semaphore::{Semaphore, SemaphoreGuard};
#[cfg(feature = "std")]
pub use wait_group::WaitGroup;
