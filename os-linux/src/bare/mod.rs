//! What a program does for itself that has no libc: its start, its threads and their storage,
//! signals, memory for the heap, the end.
//!
//! `hosted` has modules of the same names, for programs whose libc does it. What is here besides:
//!
//! | file | what |
//! |---|---|
//! | `start` | what the kernel has put on the first stack, and what is done with it |
//! | `tls` | the thread control block, and what lies below it |
//! | `heap` | the global allocator |
//! | `syscall` | the one way into the kernel besides rustix's, and what must not use a stack |

pub(crate) mod heap;
pub(crate) mod machine;
pub(crate) mod process;
pub(crate) mod signals;
pub mod start;
pub(crate) mod syscall;
pub(crate) mod thread;
pub(crate) mod tls;

pub(crate) use process::{abort, exit};
pub(crate) use signals::Bare as Host;

use rt_core::OsResult;

/// As `Os::at_fork`: there is no `fork` here that could tell. A program that makes the system call
/// by itself has to exec in the child.
pub(crate) fn at_fork(_child: fn()) -> OsResult<()> {
    Ok(())
}

/// As `Os::forks`.
pub(crate) fn forks() -> u32 {
    0
}
