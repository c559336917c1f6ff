//! Spans and deadlines as the system takes them.
#![forbid(unsafe_code)]

use rt_core::{FOREVER, Os};
use rustix::time::Timespec;

const NANOS: u64 = 1_000_000_000;

/// The nanoseconds that the system's two words say.
pub fn nanos(time: Timespec) -> u64 {
    time.tv_sec as u64 * NANOS + time.tv_nsec as u64
}

/// A span, or a point in time, in the system's two words.
pub fn timespec(nanos: u64) -> Timespec {
    Timespec { tv_sec: (nanos / NANOS) as i64, tv_nsec: (nanos % NANOS) as i64 }
}

/// The deadline for a call that takes an absolute one; `None` is [`FOREVER`].
pub fn absolute(until: u64) -> Option<Timespec> {
    (until != FOREVER).then(|| timespec(until))
}

/// The nanoseconds left for a call that takes a span; `None` is [`FOREVER`]. Reads no clock when
/// there is none to read: for [`FOREVER`], and for 0, which is over for sure.
pub fn remaining<O: Os>(until: u64) -> Option<u64> {
    match until {
        FOREVER => None,
        0 => Some(0),
        _ => Some(until.saturating_sub(O::now())),
    }
}
