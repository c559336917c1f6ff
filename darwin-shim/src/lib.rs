//! Darwin's calls on Linux, with their names, arguments and results, as far as `os-darwin-stub` makes
//! them: so that the backend runs, and is tested, on a machine that is no Mac.
//!
//! What it does not do: filters other than those of [`mod@kqueue`], and whatever costs Darwin less than
//! it does here. It is no way to port programs from Darwin.

#![cfg(target_os = "linux")]

mod address;
pub mod kqueue;
mod memory;
mod threads;

pub use address::{
    os_sync_wait_on_address, os_sync_wait_on_address_with_timeout, os_sync_wake_by_address_all,
    os_sync_wake_by_address_any,
};
pub use kqueue::{close_kqueue, kevent, kqueue};
pub use memory::{address_kib, mappings, threads};
pub use threads::{
    _tlv_atexit, pthread_cond_timedwait_relative_np, thread_is_waiting, thread_number,
};
