//! What the locks of the API are made of, and the wait group.

mod batch;
mod raw_mutex;
mod wait_group;

pub use raw_mutex::RawMutex;
pub use wait_group::WaitGroup;
