//! The portable core of gort: scheduling, stacks, timers, waiting, channels and locks.
//!
//! It names no operating system and no processor. What it needs from them are the traits [`Os`],
//! [`Poller`], [`Net`] and [`Arch`]; [`platform!`] links an implementation of each. Programs use the
//! facade crate `gort`; this one is for backends, and for runtimes that embed the scheduler.
//!
//! Entries that the core is given (goroutine bodies, blocking calls) must not unwind: it has no std
//! to catch a panic with. The facade does that.
#![no_std]

extern crate alloc;
// For the conversions of `Instant`, and nothing else.
#[cfg(feature = "std")]
extern crate std;

#[path = "arch.rs"]
mod arch_trait;
mod aside;
mod blocks;
pub mod boot;
pub mod chan;
mod close;
mod deadlock;
mod fatal;
mod fiber;
mod find;
mod first;
mod fork;
mod goroutine;
mod handoff;
mod held;
mod identity;
mod idle;
mod inbox;
mod inject;
pub mod inspect;
mod io;
mod join;
mod late;
mod limit;
mod list;
mod lock;
mod locked;
mod look;
#[cfg(all(test, loom))]
mod models;
mod monitor;
#[path = "os.rs"]
mod os_trait;
mod overflow;
mod patience;
mod payer;
mod platform;
mod processor;
mod queued;
mod row;
mod run;
mod run_queue;
mod runtime;
mod scavenge;
mod schedule;
mod scope;
mod seam;
mod sleep;
mod spawn;
mod spin;
mod stack;
mod state;
mod stats;
mod surplus;
mod switch;
pub mod sync;
mod time;
mod timer;
mod wait;
mod worker;

pub use arch_trait::{Arch, Context, Entry};
pub use aside::blocking;
pub use close::Lent;
pub use deadlock::Deadlock;
pub use fatal::{fatal, report};
pub use held::Held;
pub use identity::{Identity, identity, kept, known_identity};
pub use io::{Edges, Io};
pub use join::{Completer, JoinPoll, Joiner, Packed};
pub use limit::{Limit, with_limit};
pub use lock::{Guard, Protected};
pub use locked::{NotLocked, blocking_as_itself, lock_thread};
pub use os_trait::{
    Direction, Event, FOREVER, Fault, GuardKind, Net, Os, OsError, OsResult, Poll, Poller,
    Shortage, Shutdown, Socket, SocketKind, SocketOption, ThreadHandle,
};
pub use platform::{arch, net, os, poller};
pub use runtime::{Config, Platform, Runtime, platform};
pub use scope::Members;
#[doc(hidden)]
pub use seam::AtomicU32;
pub use spawn::{Id, Running, Spawn, expect_connection, spawn, spawn_joinable};
pub use stack::DEFAULT_STACK_BYTES;
pub use state::{Change, Rule, State, TABLE};
pub use stats::WorkerStats;
pub use switch::{checkpoint, current_id, on_goroutine, yield_now};
pub use time::{Instant, deadline_after};
pub use wait::{Claimed, WaitQueue, WaitsFor, Wake, park_limited, park_on, sleep_until};
