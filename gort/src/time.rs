//! Time, with the names of `std::time`: [`Instant`] is of the runtime's own clock, which in a
//! simulation is the simulated one. And what waits for it.

mod interval;
#[cfg(feature = "std")]
mod timeout;

pub use crate::thread::{sleep, sleep_until};
pub use core::time::Duration;
pub use interval::{Interval, interval, interval_at};
pub use rt_core::Instant;
#[cfg(feature = "std")]
pub use timeout::{Elapsed, timeout};
