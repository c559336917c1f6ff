//! `std::sync::OnceLock`, whose waiters park.

use core::cell::UnsafeCell;
use core::fmt;
use core::panic::{RefUnwindSafe, UnwindSafe};

use super::Once;

/// A place that is filled once, and read by everyone afterwards.
///
/// It is [`std::sync::OnceLock`], but a goroutine that waits for it parks.
///
/// ```
/// use gort::sync::OnceLock;
///
/// static NAME: OnceLock<String> = OnceLock::new();
/// assert_eq!(NAME.get(), None);
/// assert_eq!(NAME.get_or_init(|| "gopher".to_owned()), "gopher");
/// assert_eq!(NAME.set("mole".to_owned()), Err("mole".to_owned()));
/// assert_eq!(NAME.wait(), "gopher");
/// ```
pub struct OnceLock<T> {
    once: Once,
    /// Written by the work of `once`, which fills it before it ends well; afterwards only read, but
    /// for the owner. So it is filled exactly if `once` is completed.
    value: UnsafeCell<Option<T>>,
}

// SAFETY: who fills it and who reads it may be on different threads, so the value crosses over
// (`Send`) and is shared (`Sync`); `once` orders the two.
unsafe impl<T: Sync + Send> Sync for OnceLock<T> {}

impl<T: RefUnwindSafe + UnwindSafe> RefUnwindSafe for OnceLock<T> {}
impl<T: UnwindSafe> UnwindSafe for OnceLock<T> {}

impl<T> OnceLock<T> {
    /// An empty place.
    #[must_use]
    #[inline]
    pub const fn new() -> OnceLock<T> {
        OnceLock { once: Once::new(), value: UnsafeCell::new(None) }
    }

    /// The value, if it is there. Never parks.
    #[inline]
    pub fn get(&self) -> Option<&T> {
        if !self.once.is_completed() {
            return None;
        }
        // SAFETY: the work of `once` is done, so nobody writes while `self` is borrowed.
        unsafe { &*self.value.get() }.as_ref()
    }

    /// The value, if it is there; nobody else can reach it.
    ///
    /// ```
    /// let mut place = gort::sync::OnceLock::from(1);
    /// *place.get_mut().unwrap() = 2;
    /// assert_eq!(place.get(), Some(&2));
    /// ```
    #[inline]
    pub fn get_mut(&mut self) -> Option<&mut T> {
        self.value.get_mut().as_mut()
    }

    /// The value, once somebody has filled the place.
    ///
    /// Until then it parks a goroutine and makes a plain thread sleep.
    ///
    /// ```
    /// use gort::sync::{Arc, OnceLock};
    ///
    /// let place = Arc::new(OnceLock::new());
    /// let other = place.clone();
    /// gort::go(move || assert_eq!(other.set(1), Ok(())));
    /// assert_eq!(place.wait(), &1);
    /// ```
    #[inline]
    pub fn wait(&self) -> &T {
        self.once.wait_force();
        self.filled()
    }

    /// Fills the place.
    ///
    /// While another fills it, this parks a goroutine and makes a plain thread sleep.
    ///
    /// # Errors
    /// If it was filled by another; the value comes back.
    #[inline]
    pub fn set(&self, value: T) -> Result<(), T> {
        let mut value = Some(value);
        self.fill(|| value.take());
        value.map_or(Ok(()), Err)
    }

    /// The value; `f` makes it if nobody has.
    ///
    /// While another makes it, this parks a goroutine and makes a plain thread sleep. A call from
    /// within `f` waits for ever.
    ///
    /// # Panics
    /// If `f` does; the place stays empty, and the next one tries.
    #[inline]
    pub fn get_or_init<F>(&self, f: F) -> &T
    where
        F: FnOnce() -> T,
    {
        if !self.once.is_completed() {
            self.fill(|| Some(f()));
        }
        self.filled()
    }

    /// The value, if it is there.
    ///
    /// ```
    /// assert_eq!(gort::sync::OnceLock::from(1).into_inner(), Some(1));
    /// ```
    #[inline]
    pub fn into_inner(self) -> Option<T> {
        self.value.into_inner()
    }

    /// Takes the value out, if it is there; then the place can be filled again.
    ///
    /// ```
    /// let mut place = gort::sync::OnceLock::from(1);
    /// assert_eq!((place.take(), place.take()), (Some(1), None));
    /// assert_eq!(place.set(2), Ok(()));
    /// ```
    #[inline]
    pub fn take(&mut self) -> Option<T> {
        core::mem::take(self).into_inner()
    }

    /// Puts in what `make` returns, which is not `None`, unless the place is filled.
    fn fill(&self, make: impl FnOnce() -> Option<T>) {
        self.once.call_once_force(|_| {
            let value = make();
            // SAFETY: the work of `once` is done by one at a time, and nobody reads before its end.
            let place = unsafe { &mut *self.value.get() };
            *place = value;
        });
    }

    /// The value of a place that is filled.
    #[inline]
    fn filled(&self) -> &T {
        self.get().expect("a completed OnceLock is filled")
    }
}

impl<T> Default for OnceLock<T> {
    #[inline]
    fn default() -> OnceLock<T> {
        OnceLock::new()
    }
}

impl<T: fmt::Debug> fmt::Debug for OnceLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut d = f.debug_tuple("OnceLock");
        match self.get() {
            Some(value) => d.field(value),
            None => d.field(&format_args!("<uninit>")),
        };
        d.finish()
    }
}

impl<T: Clone> Clone for OnceLock<T> {
    fn clone(&self) -> OnceLock<T> {
        self.get().map_or_else(OnceLock::new, |value| OnceLock::from(value.clone()))
    }
}

impl<T> From<T> for OnceLock<T> {
    fn from(value: T) -> OnceLock<T> {
        let place = OnceLock::new();
        place.get_or_init(|| value);
        place
    }
}

impl<T: PartialEq> PartialEq for OnceLock<T> {
    fn eq(&self, other: &OnceLock<T>) -> bool {
        self.get() == other.get()
    }
}

impl<T: Eq> Eq for OnceLock<T> {}
