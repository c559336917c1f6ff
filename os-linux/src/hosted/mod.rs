//! What libc does for a program that has one: threads and their storage, signals, the end.
//!
//! `bare` has modules with the same functions, for programs that have none. Most of what is here is
//! every Unix system's.

pub(crate) mod machine;
pub(crate) mod syscall;
pub(crate) mod thread;

pub(crate) use os_unix::hosted::{Libc as Host, abort, exit, forks};

use rt_core::OsResult;

/// As `Os::at_fork`.
pub(crate) fn at_fork(child: fn()) -> OsResult<()> {
    os_unix::hosted::at_fork::<crate::Linux>(child)
}
