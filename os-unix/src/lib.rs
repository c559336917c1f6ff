//! What the backends of Unix systems have in common. This is no backend: a backend of a Unix system
//! says in [`Unix`] what is its own, and calls these functions for the rest.
//!
//! | file | what |
//! |---|---|
//! | `threads`, `signal_stack` | threads on mappings of ours, and the stacks their fault handlers run on |
//! | `faults` | the handler of SIGSEGV and SIGBUS, and whoever was there before it |
//! | `net` | sockets |
//! | `poll` | what a poller keeps |
//! | `clock`, `output` | spans as the system takes them; text that has to go out |
//! | `hosted` | threads, signals, forks and the end as libc has them: the [`Host`] of its programs |
//!
//! A backend may have another [`Host`]: a program without libc makes its threads by itself.

#![no_std]

extern crate alloc;

pub mod clock;
pub mod faults;
mod host;
#[cfg(feature = "hosted")]
pub mod hosted;
pub mod net;
pub mod output;
pub mod poll;
pub mod signal_stack;
pub mod threads;

pub use host::{Action, Host, Thread};

use rt_core::{Os, OsError};

/// What is a Unix backend's own.
pub trait Unix: Os + Sized + 'static {
    /// Who makes its threads and keeps its signals.
    type Host: Host;

    /// Its one record of who handled faults before us.
    fn faults() -> &'static faults::Faults<Self::Host>;

    /// The bytes that the kernel needs on an alternate stack to save the registers.
    fn signal_frame_bytes() -> usize;

    /// Called by each thread that [`threads::start`] made, before it runs what it is for.
    fn thread_begins() {}

    /// Called in a child of `fork`, on its only thread, before the core's function.
    fn forked() {}
}

/// rustix's error as the core's.
pub fn error(errno: rustix::io::Errno) -> OsError {
    OsError(errno.raw_os_error())
}

/// The names that [`impl_net!`] writes.
#[doc(hidden)]
pub mod core_types {
    pub use rt_core::{
        Direction, Net, OsError, OsResult, Shutdown, Socket, SocketKind, SocketOption,
    };
}
