//! The runtime that serves plain threads, in a program without std: there is none. Such a program
//! starts on a goroutine, and its other threads belong to a runtime.

#![forbid(unsafe_code)]

use rt_core::Runtime;

use crate::base::io;
use crate::refusal;

/// # Errors
/// Always.
pub(crate) fn runtime() -> io::Result<&'static Runtime> {
    let text = "this thread belongs to no runtime: call gort::run";
    Err(refusal::sentence(io::ErrorKind::Other, text))
}

/// The process-wide runtime, if somebody has started it: nobody has.
pub(crate) fn started() -> Option<Runtime> {
    None
}
