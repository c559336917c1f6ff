//! What libc does for a program that has one: threads, signals, forks, the end.

mod fork;
mod process;
mod signals;
mod thread;

pub use fork::{at_fork, forks};
pub use process::{abort, exit};
pub use signals::Libc;
pub use thread::PosixThread;
