//! A backend that is Linux, but for one thing.

mod arch;
mod net;
mod os;
mod poller;

pub(crate) use os::release_kept;

/// Linux on x86-64 with the fault of that number. What a fault remembers stands in statics: one
/// test looks for it.
#[derive(Debug)]
pub(crate) struct Broken<const FAULT: usize>;
