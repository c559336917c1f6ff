//! Goroutines with the names of `std::thread`.
//!
//! All of it works on plain threads too: what parks a goroutine makes such a thread sleep.

mod current;
mod handle;
mod local;
mod lock;
mod spawn;
mod store;

/// What a goroutine returned, or the payload of its panic.
pub type Result<T> = crate::base::thread::Result<T>;

pub use crate::scope::{Scope, ScopedJoinHandle, scope};
pub use current::{
    Thread, ThreadId, available_parallelism, current, panicking, park, park_timeout, sleep,
    sleep_until, yield_now,
};
pub(crate) use current::{identity, name_main};
pub use handle::JoinHandle;
pub(crate) use handle::{Asked, never_ran};
pub use local::{AccessError, LocalKey};
pub use lock::{LockError, lock_os_thread};
pub use spawn::{Builder, blocking, go, spawn, spawn_local};
pub(crate) use spawn::{Known, start_joinable};
pub(crate) use store::end as end_locals;
