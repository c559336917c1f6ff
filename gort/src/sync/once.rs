//! `std::sync::Once`, whose waiters park.
#![forbid(unsafe_code)]

use core::fmt;
use core::panic::{RefUnwindSafe, UnwindSafe};

use rt_core::sync::{Begin, RawOnce};

const POISONED: &str = "Once instance has previously been poisoned";

/// Something that is done once, by whoever comes first.
///
/// It is [`std::sync::Once`], but a goroutine that waits for it parks. If the work panics, it is
/// poisoned: that goes on in all who come, save those who use [`call_once_force`].
///
/// ```
/// use gort::sync::Once;
///
/// static READY: Once = Once::new();
/// let mut runs = 0;
/// READY.call_once(|| runs += 1);
/// READY.call_once(|| runs += 1);
/// assert_eq!((runs, READY.is_completed()), (1, true));
/// ```
///
/// [`call_once_force`]: Once::call_once_force
pub struct Once {
    raw: RawOnce,
}

impl UnwindSafe for Once {}
impl RefUnwindSafe for Once {}

/// What the work of [`Once::call_once_force`] is told.
///
/// ```
/// gort::sync::Once::new().call_once_force(|state| assert!(!state.is_poisoned()));
/// ```
pub struct OnceState {
    poisoned: bool,
}

/// Ends the work, as a failure unless it says otherwise.
struct Work<'a> {
    raw: &'a RawOnce,
    well: bool,
}

impl Drop for Work<'_> {
    fn drop(&mut self) {
        self.raw.end(self.well);
    }
}

impl Once {
    /// For work that is not done yet.
    #[must_use]
    #[inline]
    #[expect(clippy::new_without_default, reason = "std's has no Default")]
    pub const fn new() -> Once {
        Once { raw: RawOnce::new() }
    }

    /// Does the work, unless it is done. When it returns, the work is done and can be seen.
    ///
    /// While another does it, this parks a goroutine and makes a plain thread sleep. A call from
    /// within the work waits for ever.
    ///
    /// # Panics
    /// If the work panics, now or when another did it.
    #[inline]
    #[track_caller]
    pub fn call_once<F>(&self, f: F)
    where
        F: FnOnce(),
    {
        if !self.is_completed() {
            self.call(false, |_| f());
        }
    }

    /// As [`call_once`](Self::call_once), but does the work again if it has panicked before.
    ///
    /// ```
    /// use gort::sync::{Arc, Once};
    ///
    /// let once = Arc::new(Once::new());
    /// let other = once.clone();
    /// assert!(gort::spawn(move || other.call_once(|| panic!("fails"))).join().is_err());
    /// once.call_once_force(|state| assert!(state.is_poisoned()));
    /// assert!(once.is_completed());
    /// ```
    ///
    /// # Panics
    /// If the work panics now.
    #[inline]
    pub fn call_once_force<F>(&self, f: F)
    where
        F: FnOnce(&OnceState),
    {
        if !self.is_completed() {
            self.call(true, f);
        }
    }

    /// Whether the work is done: false also while it is being done, and after a panic.
    ///
    /// Never parks.
    #[inline]
    pub fn is_completed(&self) -> bool {
        self.raw.is_completed()
    }

    /// Waits until somebody has done the work.
    ///
    /// Parks a goroutine; makes a plain thread sleep.
    ///
    /// ```
    /// use gort::sync::{Arc, Once};
    ///
    /// let once = Arc::new(Once::new());
    /// let other = once.clone();
    /// gort::go(move || other.call_once(|| ()));
    /// once.wait();
    /// assert!(once.is_completed());
    /// ```
    ///
    /// # Panics
    /// If the work has panicked, and nobody has done it since.
    pub fn wait(&self) {
        if !self.is_completed() && !self.raw.wait(false) {
            panic!("{POISONED}");
        }
    }

    /// As [`wait`](Self::wait), but waits on if the work has panicked.
    pub fn wait_force(&self) {
        if !self.is_completed() {
            self.raw.wait(true);
        }
    }

    #[cold]
    #[track_caller]
    fn call(&self, force: bool, f: impl FnOnce(&OnceState)) {
        match self.raw.begin(force) {
            Begin::Completed => (),
            Begin::Poisoned => panic!("{POISONED}"),
            Begin::Run { poisoned } => {
                let mut work = Work { raw: &self.raw, well: false };
                f(&OnceState { poisoned });
                work.well = true;
            }
        }
    }
}

impl OnceState {
    /// Whether the work has panicked before.
    #[inline]
    pub fn is_poisoned(&self) -> bool {
        self.poisoned
    }
}

impl fmt::Debug for Once {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Once").finish_non_exhaustive()
    }
}

impl fmt::Debug for OnceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnceState").field("poisoned", &self.is_poisoned()).finish()
    }
}
