//! What libc does for a program that has one: threads and their storage, signals, the end.
//!
//! `bare` has the same modules with the same functions, for programs that have none.

mod fork;
pub(crate) mod machine;
pub(crate) mod process;
pub(crate) mod signals;
pub(crate) mod syscall;
pub(crate) mod thread;

pub(crate) use fork::{at_fork, forks};
