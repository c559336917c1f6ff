//! Time, with the names of `std::time`: [`Instant`] is of the runtime's own clock, which in a
//! simulation is the simulated one.

pub use core::time::Duration;
pub use rt_core::Instant;
