//! What the locks of the API are made of: the waiting and the order, without data and poisoning.

mod barrier;
mod batch;
mod condvar;
mod once;
mod quiet;
mod raw_mutex;
mod rwlock;
mod semaphore;
mod wait_group;
mod woken;

pub use barrier::RawBarrier;
pub use condvar::RawCondvar;
pub use once::{Begin, RawOnce};
pub use raw_mutex::RawMutex;
pub use rwlock::RawRwLock;
pub use semaphore::RawSemaphore;
pub use wait_group::WaitGroup;
#[cfg(all(test, loom))]
pub(crate) use woken::Woken;
