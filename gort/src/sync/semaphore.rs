//! A semaphore whose waiters park.
#![forbid(unsafe_code)]

use core::fmt;
use core::mem;
use core::panic::{RefUnwindSafe, UnwindSafe};
use core::time::Duration;

use rt_core::sync::RawSemaphore;
use rt_core::{FOREVER, deadline_after};

/// A number of permits, so that no more than so many are at something at once.
///
/// Permits are given out in the order in which they are asked for: one that comes back goes to the
/// one who has waited longest.
///
/// ```
/// use gort::sync::Semaphore;
/// use std::sync::atomic::{AtomicUsize, Ordering};
///
/// gort::run(|| {
///     let (two_at_once, inside) = (Semaphore::new(2), AtomicUsize::new(0));
///     gort::scope(|s| {
///         for _ in 0..8 {
///             s.spawn(|| {
///                 let _permit = two_at_once.acquire();
///                 assert!(inside.fetch_add(1, Ordering::Relaxed) < 2);
///                 gort::yield_now();
///                 inside.fetch_sub(1, Ordering::Relaxed);
///             });
///         }
///     });
///     assert_eq!(two_at_once.available(), 2);
/// });
/// ```
pub struct Semaphore {
    raw: RawSemaphore,
}

impl UnwindSafe for Semaphore {}
impl RefUnwindSafe for Semaphore {}

/// A permit of a [`Semaphore`], which it gets back when this is dropped.
///
/// ```
/// use gort::sync::Semaphore;
///
/// let one = Semaphore::new(1);
/// let permit = one.acquire();
/// assert!(one.try_acquire().is_none());
/// drop(permit);
/// assert!(one.try_acquire().is_some());
/// ```
#[must_use = "if unused the permit is given back at once"]
#[clippy::has_significant_drop]
pub struct SemaphoreGuard<'a> {
    semaphore: &'a Semaphore,
}

impl Semaphore {
    /// A semaphore with so many permits.
    #[must_use]
    #[inline]
    pub const fn new(permits: usize) -> Semaphore {
        Semaphore { raw: RawSemaphore::new(permits) }
    }

    /// Takes a permit, and waits for one.
    ///
    /// Parks a goroutine; makes a plain thread sleep.
    #[inline]
    pub fn acquire(&self) -> SemaphoreGuard<'_> {
        self.raw.acquire(FOREVER);
        SemaphoreGuard { semaphore: self }
    }

    /// Takes a permit if one is free. Never parks.
    #[inline]
    pub fn try_acquire(&self) -> Option<SemaphoreGuard<'_>> {
        self.raw.try_acquire().then(|| SemaphoreGuard { semaphore: self })
    }

    /// As [`acquire`](Self::acquire), but gives up after `timeout`. It tries at least once.
    ///
    /// ```
    /// use gort::time::Duration;
    ///
    /// let none = gort::sync::Semaphore::new(0);
    /// assert!(none.acquire_timeout(Duration::from_millis(1)).is_none());
    /// ```
    pub fn acquire_timeout(&self, timeout: Duration) -> Option<SemaphoreGuard<'_>> {
        self.raw.acquire(deadline_after(timeout)).then(|| SemaphoreGuard { semaphore: self })
    }

    /// Adds a permit: a new one, or one that was [forgotten](SemaphoreGuard::forget). Never parks.
    ///
    /// ```
    /// let events = gort::sync::Semaphore::new(0);
    /// events.release();
    /// events.acquire().forget();
    /// assert_eq!(events.available(), 0);
    /// ```
    ///
    /// # Panics
    /// If there would be more than `usize::MAX`.
    #[inline]
    pub fn release(&self) {
        assert!(self.raw.release(), "a Semaphore can't have more than usize::MAX permits");
    }

    /// How many permits are free. That may have changed by the time one looks at it. Never parks.
    pub fn available(&self) -> usize {
        self.raw.available()
    }
}

impl SemaphoreGuard<'_> {
    /// Keeps the permit for good. [`Semaphore::release`] makes up for it.
    pub fn forget(self) {
        mem::forget(self);
    }
}

impl Drop for SemaphoreGuard<'_> {
    #[inline]
    fn drop(&mut self) {
        // Refused only if so many were added meanwhile that this one is not missed.
        self.semaphore.raw.release();
    }
}

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Semaphore").field("available", &self.available()).finish()
    }
}

impl fmt::Debug for SemaphoreGuard<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SemaphoreGuard").field("semaphore", self.semaphore).finish()
    }
}
