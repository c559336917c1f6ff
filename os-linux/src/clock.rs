//! The monotonic clock.
#![forbid(unsafe_code)]

use rustix::time::{ClockId, clock_gettime};

pub(crate) use os_unix::clock::{absolute, timespec};

/// Nanoseconds of `CLOCK_MONOTONIC`, read without a system call where the kernel lends its code.
pub(crate) fn now() -> u64 {
    os_unix::clock::nanos(clock_gettime(ClockId::Monotonic))
}

/// The nanoseconds left for a call that takes a span; `None` is `FOREVER`.
pub(crate) fn remaining(until: u64) -> Option<u64> {
    os_unix::clock::remaining::<crate::Linux>(until)
}
