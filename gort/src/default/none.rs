//! The runtime that serves plain threads, in a program without std: there is none. Such a program
//! starts on a goroutine, and its other threads belong to a runtime.

#![forbid(unsafe_code)]

use rt_core::Runtime;

use crate::base::io;

/// # Errors
/// Always.
pub(crate) fn runtime() -> io::Result<&'static Runtime> {
    Err(io::Error::other("this thread belongs to no runtime: call gort::run"))
}

/// The process-wide runtime, if somebody has started it: nobody has.
pub(crate) fn started() -> Option<Runtime> {
    None
}
