//! What checks are made with.

pub(crate) mod probe;
pub(crate) mod region;
pub(crate) mod socket;
pub(crate) mod stack;
pub(crate) mod thread;
pub(crate) mod time;
