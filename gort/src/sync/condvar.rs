//! `std::sync::Condvar`, whose waiters park.

use crate::base::sync::LockResult;
use core::fmt;
use core::panic::{RefUnwindSafe, UnwindSafe};
use core::time::Duration;

use rt_core::sync::RawCondvar;
use rt_core::{FOREVER, Instant, Wake, deadline_after};

use super::MutexGuard;

/// A condition variable: waiting, with a [`Mutex`](super::Mutex) given back meanwhile, until somebody
/// says that what it protects has changed.
///
/// It is [`std::sync::Condvar`], but a goroutine that waits parks. Nobody is woken without a
/// notification; but others may take the mutex before the one who is woken.
///
/// ```
/// use gort::sync::{Arc, Condvar, Mutex};
///
/// gort::run(|| {
///     let pair = Arc::new((Mutex::new(false), Condvar::new()));
///     let other = pair.clone();
///     gort::go(move || {
///         *other.0.lock().unwrap() = true;
///         other.1.notify_one();
///     });
///     let (ready, changed) = &*pair;
///     let ready = changed.wait_while(ready.lock().unwrap(), |ready| !*ready).unwrap();
///     assert!(*ready);
/// });
/// ```
pub struct Condvar {
    raw: RawCondvar,
}

impl UnwindSafe for Condvar {}
impl RefUnwindSafe for Condvar {}

/// Whether a wait with a time limit ended by that; see [`Condvar::wait_timeout`].
///
/// ```
/// use gort::sync::{Condvar, Mutex};
/// use gort::time::Duration;
///
/// let (mutex, never) = (Mutex::new(()), Condvar::new());
/// let (_guard, result) = never.wait_timeout(mutex.lock().unwrap(), Duration::ZERO).unwrap();
/// assert!(result.timed_out());
/// ```
#[derive(Debug, PartialEq, Eq, Copy, Clone)]
pub struct WaitTimeoutResult(bool);

impl WaitTimeoutResult {
    /// True if the time came first.
    #[must_use]
    pub fn timed_out(&self) -> bool {
        self.0
    }
}

impl Condvar {
    /// One that nobody waits for.
    #[must_use]
    #[inline]
    pub const fn new() -> Condvar {
        Condvar { raw: RawCondvar::new() }
    }

    /// Waits, without the lock, to be notified, and takes the lock again.
    ///
    /// Parks a goroutine; makes a plain thread sleep. Who changes something under the lock before it
    /// notifies is not missed.
    ///
    /// # Errors
    /// If the mutex is poisoned by then; the guard is in the error.
    pub fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> LockResult<MutexGuard<'a, T>> {
        self.wait_until(&guard, FOREVER);
        guard.parts().1.wrap(guard)
    }

    /// Waits as long as `condition` is true of the value.
    ///
    /// Parks a goroutine; makes a plain thread sleep. Does neither if it is false at once.
    ///
    /// # Errors
    /// As for [`wait`](Self::wait).
    pub fn wait_while<'a, T, F>(
        &self,
        mut guard: MutexGuard<'a, T>,
        mut condition: F,
    ) -> LockResult<MutexGuard<'a, T>>
    where
        F: FnMut(&mut T) -> bool,
    {
        while condition(&mut *guard) {
            guard = self.wait(guard)?;
        }
        Ok(guard)
    }

    /// As [`wait`](Self::wait), but for no longer than `dur` until it goes for the lock again. The
    /// bool is false if the time came first.
    ///
    /// # Errors
    /// As for [`wait`](Self::wait).
    #[deprecated(note = "replaced by `Condvar::wait_timeout`, as std's")]
    pub fn wait_timeout_ms<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        ms: u32,
    ) -> LockResult<(MutexGuard<'a, T>, bool)> {
        let notified = self.wait_until(&guard, deadline_after(Duration::from_millis(ms.into())));
        guard.parts().1.wrap((guard, notified))
    }

    /// As [`wait`](Self::wait), but for no longer than `dur` until it goes for the lock again.
    ///
    /// # Errors
    /// As for [`wait`](Self::wait).
    pub fn wait_timeout<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        dur: Duration,
    ) -> LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)> {
        let notified = self.wait_until(&guard, deadline_after(dur));
        guard.parts().1.wrap((guard, WaitTimeoutResult(!notified)))
    }

    /// As [`wait_while`](Self::wait_while), but goes for the lock no later than when `dur` has
    /// passed. The time counts as having come first only if `condition` is still true then.
    ///
    /// ```
    /// use gort::sync::{Condvar, Mutex};
    /// use gort::time::Duration;
    ///
    /// let (ready, changed) = (Mutex::new(false), Condvar::new());
    /// let guard = ready.lock().unwrap();
    /// let time = Duration::from_millis(1);
    /// let (guard, result) = changed.wait_timeout_while(guard, time, |ready| !*ready).unwrap();
    /// assert!(result.timed_out() && !*guard);
    /// ```
    ///
    /// # Errors
    /// As for [`wait`](Self::wait).
    pub fn wait_timeout_while<'a, T, F>(
        &self,
        mut guard: MutexGuard<'a, T>,
        dur: Duration,
        mut condition: F,
    ) -> LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)>
    where
        F: FnMut(&mut T) -> bool,
    {
        let deadline = deadline_after(dur);
        loop {
            if !condition(&mut *guard) {
                return Ok((guard, WaitTimeoutResult(false)));
            }
            if deadline != FOREVER && Instant::now().as_nanos() >= deadline {
                return Ok((guard, WaitTimeoutResult(true)));
            }
            let notified = self.wait_until(&guard, deadline);
            let (_, poison) = guard.parts();
            if poison.is_set() {
                return poison.wrap((guard, WaitTimeoutResult(!notified)));
            }
        }
    }

    /// Wakes the one who has waited longest, if anybody waits. Never parks.
    #[inline]
    pub fn notify_one(&self) {
        self.raw.notify_one();
    }

    /// Wakes all who wait. Never parks.
    ///
    /// ```
    /// use gort::sync::{Arc, Condvar, Mutex};
    ///
    /// gort::run(|| {
    ///     let start = Arc::new((Mutex::new(false), Condvar::new()));
    ///     let runners: Vec<_> = (0..3)
    ///         .map(|_| {
    ///             let start = start.clone();
    ///             gort::spawn(move || {
    ///                 let mut started = start.0.lock().unwrap();
    ///                 while !*started {
    ///                     started = start.1.wait(started).unwrap();
    ///                 }
    ///             })
    ///         })
    ///         .collect();
    ///     *start.0.lock().unwrap() = true;
    ///     start.1.notify_all();
    ///     runners.into_iter().for_each(|runner| runner.join().unwrap());
    /// });
    /// ```
    #[inline]
    pub fn notify_all(&self) {
        self.raw.notify_all();
    }

    /// Waits until notified or until the deadline; false if that came first.
    fn wait_until<T>(&self, guard: &MutexGuard<'_, T>, deadline: u64) -> bool {
        let (mutex, _) = guard.parts();
        // SAFETY: a guard's mutex is held by its owner, who has lent it to this function and gets to
        // the value again only when that has returned.
        unsafe { self.raw.wait(mutex, deadline) == Wake::Claimed }
    }
}

impl Default for Condvar {
    fn default() -> Condvar {
        Condvar::new()
    }
}

impl fmt::Debug for Condvar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Condvar").finish_non_exhaustive()
    }
}
