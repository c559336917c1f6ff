//! Something to do again and again.

use core::fmt;
use core::time::Duration;

use rt_core::sleep_until;

use super::Instant;

/// A beat: see [`interval`].
pub struct Interval {
    next: Instant,
    period: Duration,
}

/// A beat of this period, whose first tick is now.
///
/// Ticks are a period apart, however long it takes in between. One who comes late gets the tick that
/// was missed at once; if more than one was missed, the others are left out, and the next tick is
/// where it would have been anyway: it never gets two for one.
///
/// # Panics
/// If the period is zero.
///
/// ```
/// use gort::time::{Duration, interval};
///
/// let mut beat = interval(Duration::from_millis(2));
/// let first = beat.tick();
/// let third = { beat.tick(); beat.tick() };
/// // Two periods, or more of them if this was held up for that long.
/// assert!(third - first >= Duration::from_millis(4));
/// assert_eq!((third - first).as_nanos() % 2_000_000, 0);
/// ```
pub fn interval(period: Duration) -> Interval {
    interval_at(Instant::now(), period)
}

/// As [`interval`], with its first tick at `start`.
///
/// # Panics
/// If the period is zero.
///
/// ```
/// use gort::time::{Duration, Instant, interval_at};
///
/// let start = Instant::now() + Duration::from_millis(1);
/// assert_eq!(interval_at(start, Duration::from_secs(1)).tick(), start);
/// ```
pub fn interval_at(start: Instant, period: Duration) -> Interval {
    assert!(!period.is_zero(), "an interval of no time has no ticks");
    Interval { next: start, period }
}

impl Interval {
    /// Waits for the next tick, and returns the moment that it stands for. Parks; makes a plain thread
    /// sleep; neither if it is late.
    ///
    /// # Panics
    /// If the tick after it would be beyond the range of [`Instant`].
    pub fn tick(&mut self) -> Instant {
        sleep_until(self.next.as_nanos());
        let missed = Instant::now().duration_since(self.next).as_nanos() / self.period.as_nanos();
        let missed = u32::try_from(missed).unwrap_or(u32::MAX);
        let tick = self.next + self.period * missed;
        self.next = tick + self.period;
        tick
    }

    /// The time between ticks.
    pub fn period(&self) -> Duration {
        self.period
    }

    /// Makes the next tick come a period from now.
    pub fn reset(&mut self) {
        self.next = Instant::now() + self.period;
    }
}

impl fmt::Debug for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interval").field("period", &self.period).finish_non_exhaustive()
    }
}
