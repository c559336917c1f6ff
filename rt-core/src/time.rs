//! Instants of the platform's clock.
#![forbid(unsafe_code)]

use core::fmt;
use core::ops::{Add, AddAssign, Sub, SubAssign};
use core::time::Duration;

use crate::{FOREVER, os};

/// A moment on the platform's clock, which never goes back: `std::time::Instant`'s counterpart, name
/// for name. In a simulation the clock is the simulated one.
///
/// Every call that takes a deadline takes an `Instant` of `std` as well, and converts it by how far
/// off it is at that moment. It counts nanoseconds, and its range is 584 years.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(u64);

impl Instant {
    /// The present moment.
    pub fn now() -> Instant {
        Instant(os::now())
    }

    /// The moment at which the platform's clock shows this many nanoseconds.
    pub const fn from_nanos(nanos: u64) -> Instant {
        Instant(nanos)
    }

    /// What the platform's clock shows at this moment, in nanoseconds.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// The time from `earlier` to this; zero if that is later.
    pub fn duration_since(&self, earlier: Instant) -> Duration {
        self.saturating_duration_since(earlier)
    }

    /// The time from `earlier` to this; none if that is later.
    pub fn checked_duration_since(&self, earlier: Instant) -> Option<Duration> {
        self.0.checked_sub(earlier.0).map(Duration::from_nanos)
    }

    /// The time from `earlier` to this; zero if that is later.
    pub fn saturating_duration_since(&self, earlier: Instant) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// The time that has passed since.
    pub fn elapsed(&self) -> Duration {
        Instant::now().duration_since(*self)
    }

    /// The moment `duration` later; none if it is beyond the range.
    pub fn checked_add(&self, duration: Duration) -> Option<Instant> {
        let nanos = u64::try_from(duration.as_nanos()).ok()?;
        self.0.checked_add(nanos).filter(|&at| at != FOREVER).map(Instant)
    }

    /// The moment `duration` earlier; none if it is beyond the range.
    pub fn checked_sub(&self, duration: Duration) -> Option<Instant> {
        let nanos = u64::try_from(duration.as_nanos()).ok()?;
        self.0.checked_sub(nanos).map(Instant)
    }
}

/// When `timeout` from this moment has passed, on the platform's clock in nanoseconds; [`FOREVER`] if
/// that is beyond its range.
pub fn deadline_after(timeout: Duration) -> u64 {
    Instant::now().checked_add(timeout).map_or(FOREVER, Instant::as_nanos)
}

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Instant").field(&Duration::from_nanos(self.0)).finish()
    }
}

impl Add<Duration> for Instant {
    type Output = Instant;

    /// # Panics
    /// If the moment is beyond the range; see [`checked_add`](Instant::checked_add).
    fn add(self, duration: Duration) -> Instant {
        self.checked_add(duration).expect("overflow when adding duration to instant")
    }
}

impl AddAssign<Duration> for Instant {
    fn add_assign(&mut self, duration: Duration) {
        *self = *self + duration;
    }
}

impl Sub<Duration> for Instant {
    type Output = Instant;

    /// # Panics
    /// If the moment is beyond the range; see [`checked_sub`](Instant::checked_sub).
    fn sub(self, duration: Duration) -> Instant {
        self.checked_sub(duration).expect("overflow when subtracting duration from instant")
    }
}

impl SubAssign<Duration> for Instant {
    fn sub_assign(&mut self, duration: Duration) {
        *self = *self - duration;
    }
}

impl Sub<Instant> for Instant {
    type Output = Duration;

    /// As [`duration_since`](Instant::duration_since): zero if `earlier` is later.
    fn sub(self, earlier: Instant) -> Duration {
        self.duration_since(earlier)
    }
}

#[cfg(feature = "std")]
impl From<std::time::Instant> for Instant {
    /// By how far off it is at this moment. One before the clock's beginning becomes that.
    fn from(at: std::time::Instant) -> Instant {
        let (theirs, ours) = (std::time::Instant::now(), Instant::now());
        let converted = match at.checked_duration_since(theirs) {
            Some(ahead) => ours.checked_add(ahead),
            None => Some(ours.checked_sub(theirs - at).unwrap_or(Instant(0))),
        };
        converted.unwrap_or(Instant(FOREVER))
    }
}

#[cfg(feature = "std")]
impl From<Instant> for std::time::Instant {
    /// By how far off it is at this moment. One that `std` can't say becomes the present moment.
    fn from(at: Instant) -> std::time::Instant {
        let (theirs, ours) = (std::time::Instant::now(), Instant::now());
        let converted = match at.checked_duration_since(ours) {
            Some(ahead) => theirs.checked_add(ahead),
            None => theirs.checked_sub(ours - at),
        };
        converted.unwrap_or(theirs)
    }
}
