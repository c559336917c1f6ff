//! The one who was woken to compete for a mutex, and may never come.
//!
//! Until it comes nobody else is woken. It may have to wait for its processor, behind a goroutine that computes;
//! so whoever gives the mutex back asks whether it is late. The clock takes as long as all else that is to be done
//! then. So it is asked only once in as many turns as will pass, at their pace, until that one is late, but once
//! in [`UNASKED`] at least: long turns may follow short ones.

use crate::seam::{AtomicU32, AtomicU64, Ordering, mutant};

/// After how long it is late, and after how long one who waits has waited too long, in nanoseconds. (Go's number
/// for the latter.)
pub(super) const PATIENCE_NS: u64 = 1_000_000;

/// How many turns pass at most until the clock is asked again.
const UNASKED: u64 = 16;

/// Relaxed, all of it: it belongs to the mutex's holder.
pub(crate) struct Woken {
    /// When it was woken, in nanoseconds.
    at: AtomicU64,
    /// How many turns have passed since then.
    passed: AtomicU32,
    /// After which of them the clock is asked.
    ask: AtomicU32,
}

impl Woken {
    pub(crate) const fn new() -> Woken {
        Woken { at: AtomicU64::new(0), passed: AtomicU32::new(0), ask: AtomicU32::new(0) }
    }

    /// Somebody is woken.
    pub(crate) fn note(&self, now: u64) {
        self.at.store(now, Ordering::Relaxed);
        self.passed.store(0, Ordering::Relaxed);
        self.ask.store(0, Ordering::Relaxed);
    }

    /// Whether it should have come, when the mutex is given back once more.
    pub(crate) fn is_late(&self, now: impl FnOnce() -> u64) -> bool {
        let passed = self.passed.load(Ordering::Relaxed).saturating_add(1);
        self.passed.store(passed, Ordering::Relaxed);
        if passed < self.ask.load(Ordering::Relaxed) {
            return false;
        }
        let since = now().saturating_sub(self.at.load(Ordering::Relaxed));
        let left = PATIENCE_NS.saturating_sub(since);
        let pace = since / u64::from(passed);
        let pass = left.checked_div(pace).unwrap_or(UNASKED).min(UNASKED);
        let pass = mutant!("woken-pace": pass => left);
        self.ask.store(passed.saturating_add(pass as u32), Ordering::Relaxed);
        mutant!("woken-late": left == 0 => false)
    }
}
