//! Goroutines for Rust: cheap stackful tasks, written as plain blocking code and spread over the
//! machine's processors.
//!
//! ```
//! use gort::chan;
//!
//! let total = gort::run(|| {
//!     let (tx, rx) = chan::bounded(0);
//!     for worker in 1..=3 {
//!         let tx = tx.clone();
//!         gort::go(move || tx.send(worker * 10).unwrap());
//!     }
//!     drop(tx);
//!     rx.iter().sum::<i32>()
//! });
//! assert_eq!(total, 60);
//! ```
//!
//! A program written for threads ports by its `use` lines: [`thread`] mirrors `std::thread`,
//! [`sync`] mirrors `std::sync`, [`chan`] mirrors `crossbeam_channel`, [`net`] mirrors `std::net`.
//! All of it works on plain threads too, where a goroutine parks and a thread sleeps.
//!
//! # What stays on its thread
//!
//! A goroutine is free until it first runs; from then on it stays on that worker's thread. So
//! whatever is sound on a thread is sound on a goroutine: an `Rc` from a `thread_local!`, a guard
//! held over a wait. [`Builder::migratory`] trades that for Go's rules.
//!
//! # Without std
//!
//! Without the feature `std`, and with `os-linux-bare`, the same API serves programs that have neither
//! std nor libc: see `boot`. A panic ends such a program.
//!
//! # A missing platform
//!
//! The core calls the platform through linked symbols. A program that takes `gort` without any
//! platform feature, or with `platform-custom` and no `rt_core::platform!`, fails to link with
//! `undefined symbol: gort0_wait` and its like.

#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

mod base;
#[cfg(feature = "os-linux-bare")]
pub mod boot;
mod builder;
mod debug;
#[cfg_attr(not(feature = "std"), path = "default/none.rs")]
mod default;
pub mod future;
mod lent;
mod panics;
mod platform;
mod refusal;
mod scope;

pub mod chan;
pub mod io;
pub mod net;
pub mod runtime;
#[cfg(feature = "os-sim")]
pub mod sim;
pub mod sync;
pub mod thread;
pub mod time;

pub use builder::{Builder, run};
pub use future::block_on;
/// Runs `main` as the first goroutine of a runtime.
///
/// `procs = n` and `stack_size = bytes` set what [`Builder`] would; another option is an error that
/// names these, at compile time. The function takes no arguments, and may return what a `main` may.
///
/// # Panics
/// When the runtime can't be started: see [`Builder::run`].
///
/// ```
/// #[gort::main(procs = 2, stack_size = 1 << 20)]
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     assert_eq!(gort::thread::available_parallelism()?.get(), 2);
///     Ok(())
/// }
/// ```
///
/// ```compile_fail
/// #[gort::main(processors = 2)]
/// fn main() {}
/// ```
///
/// ```compile_fail
/// #[gort::main]
/// fn main(argument: i32) {}
/// ```
#[cfg(feature = "std")]
pub use gort_macros::main;
#[cfg(feature = "os-sim")]
pub use gort_macros::sim_test;
/// A test that runs as the first goroutine of a runtime. Takes the options of [`macro@main`].
///
/// ```
/// # mod tests {
/// #[gort::test(procs = 4)]
/// fn goroutines_add_up() {
///     assert_eq!(gort::spawn(|| 1).join().unwrap(), 1);
/// }
/// # }
/// ```
#[cfg(feature = "std")]
pub use gort_macros::test;
pub use scope::{Scope, ScopedJoinHandle, scope};
pub use thread::{JoinHandle, blocking, go, lock_os_thread, sleep, spawn, spawn_local, yield_now};

/// The programs of the README and of the pages beside it are tests.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;

#[cfg(doctest)]
#[doc = include_str!("../../docs/safety.md")]
struct Safety;

#[cfg(doctest)]
#[doc = include_str!("../../docs/coming-from.md")]
struct ComingFrom;
