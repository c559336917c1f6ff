//! The monotonic clock, and deadlines as the kernel takes them.
#![forbid(unsafe_code)]

use rt_core::FOREVER;
use rustix::time::{ClockId, Timespec, clock_gettime};

const NANOS: u64 = 1_000_000_000;

/// Nanoseconds of `CLOCK_MONOTONIC`, read without a system call where the kernel lends its code.
pub(crate) fn now() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec as u64 * NANOS + now.tv_nsec as u64
}

/// A span, or a point in time, in the kernel's two words.
pub(crate) fn timespec(nanos: u64) -> Timespec {
    Timespec { tv_sec: (nanos / NANOS) as i64, tv_nsec: (nanos % NANOS) as i64 }
}

/// The deadline for a call that takes an absolute one; `None` is [`FOREVER`].
pub(crate) fn absolute(until: u64) -> Option<Timespec> {
    (until != FOREVER).then(|| timespec(until))
}

/// The nanoseconds left for a call that takes a span; `None` is [`FOREVER`]. Reads no clock when
/// there is none to read: for [`FOREVER`], and for 0, which is over for sure.
pub(crate) fn remaining(until: u64) -> Option<u64> {
    match until {
        FOREVER => None,
        0 => Some(0),
        _ => Some(until.saturating_sub(now())),
    }
}
