//! The channels of `after`, `at` and `tick`: nobody sends, messages are made when it is time.
//!
//! Nobody is woken by a message that becomes due; who receives waits no longer than until then, and
//! looks again.
#![forbid(unsafe_code)]

use crate::{FOREVER, os};

/// When there is a message, and how it is made.
pub(super) struct Clock<T> {
    /// When the next one is due; `FOREVER` if there will be none.
    next: u64,
    /// From one to the next; none if there is only one.
    period: Option<u64>,
    make: fn(u64) -> T,
}

impl<T> Clock<T> {
    pub(super) fn new(first: u64, period: Option<u64>, make: fn(u64) -> T) -> Clock<T> {
        Clock { next: first, period, make }
    }

    pub(super) fn next(&self) -> u64 {
        self.next
    }

    pub(super) fn is_due(&self) -> bool {
        self.next != FOREVER && self.next <= os::now()
    }

    /// The moment that is due, if one is. The period begins anew where it ended, for one who has
    /// waited for it from `since` on; for one who came late, now.
    pub(super) fn take(&mut self, since: u64) -> Option<u64> {
        let (due, now) = (self.next, os::now());
        if due == FOREVER || due > now {
            return None;
        }
        self.next = match self.period {
            None => FOREVER,
            Some(period) => due.max(since.min(now)).saturating_add(period),
        };
        Some(due)
    }

    /// The message that says so.
    pub(super) fn message(&self, due: u64) -> T {
        (self.make)(due)
    }
}
