//! `std::sync::LazyLock`, whose waiters park.

use core::cell::UnsafeCell;
use core::fmt;
use core::mem;
use core::ops::{Deref, DerefMut};
use core::panic::{RefUnwindSafe, UnwindSafe};

use super::Once;

/// A value that is made when it is first wanted.
///
/// It is [`std::sync::LazyLock`], but a goroutine that waits for it parks: it does so while another
/// makes the value, and a plain thread sleeps. If that panics, so do all who want the value.
///
/// ```
/// use gort::sync::LazyLock;
///
/// static SQUARES: LazyLock<Vec<u32>> = LazyLock::new(|| (0..4).map(|n| n * n).collect());
/// assert_eq!(LazyLock::get(&SQUARES), None);
/// assert_eq!(SQUARES[3], 9);
/// assert!(LazyLock::get(&SQUARES).is_some());
/// ```
pub struct LazyLock<T, F = fn() -> T> {
    once: Once,
    /// Written by the work of `once`, which leaves a value when it ends well; afterwards only read,
    /// but for the owner.
    data: UnsafeCell<Data<T, F>>,
}

enum Data<T, F> {
    Maker(F),
    Value(T),
    /// The maker was called, and has not returned.
    Nothing,
}

// SAFETY: who makes the value and who reads it may be on different threads, so the maker and the
// value cross over (`Send`), and the value is shared (`Sync`); `once` orders the two.
unsafe impl<T: Sync + Send, F: Send> Sync for LazyLock<T, F> {}

impl<T: RefUnwindSafe + UnwindSafe, F: UnwindSafe> RefUnwindSafe for LazyLock<T, F> {}
impl<T: UnwindSafe, F: UnwindSafe> UnwindSafe for LazyLock<T, F> {}

impl<T, F: FnOnce() -> T> LazyLock<T, F> {
    /// A value that `f` makes when it is first wanted.
    #[inline]
    pub const fn new(f: F) -> LazyLock<T, F> {
        LazyLock { once: Once::new(), data: UnsafeCell::new(Data::Maker(f)) }
    }

    /// The value, which is made now if nobody has. `*lazy` does the same.
    ///
    /// While another makes it, this parks a goroutine and makes a plain thread sleep.
    ///
    /// ```
    /// use gort::sync::LazyLock;
    ///
    /// let lazy = LazyLock::new(|| 6 * 7);
    /// assert_eq!(LazyLock::force(&lazy), &42);
    /// ```
    ///
    /// # Panics
    /// If the maker does, now or when another called it.
    #[inline]
    pub fn force(this: &LazyLock<T, F>) -> &T {
        if !this.once.is_completed() {
            this.make();
        }
        LazyLock::get(this).unwrap_or_else(|| poisoned())
    }

    /// The value, which is made now if nobody has; nobody else can reach it.
    ///
    /// ```
    /// use gort::sync::LazyLock;
    ///
    /// let mut lazy = LazyLock::new(|| 6 * 7);
    /// *LazyLock::force_mut(&mut lazy) += 1;
    /// assert_eq!(*lazy, 43);
    /// ```
    ///
    /// # Panics
    /// As for [`force`](Self::force).
    #[inline]
    pub fn force_mut(this: &mut LazyLock<T, F>) -> &mut T {
        LazyLock::force(this);
        LazyLock::get_mut(this).unwrap_or_else(|| poisoned())
    }

    #[cold]
    fn make(&self) {
        self.once.call_once_force(|_| {
            // SAFETY: the work of `once` is done by one at a time, and nobody reads before its end.
            let maker = mem::replace(unsafe { &mut *self.data.get() }, Data::Nothing);
            let Data::Maker(make) = maker else { poisoned() };
            let value = Data::Value(make());
            // SAFETY: as above; and what was borrowed there is not borrowed any more.
            let data = unsafe { &mut *self.data.get() };
            *data = value;
        });
    }
}

impl<T, F> LazyLock<T, F> {
    /// The value, if it has been made. Never parks.
    #[inline]
    pub fn get(this: &LazyLock<T, F>) -> Option<&T> {
        if !this.once.is_completed() {
            return None;
        }
        // SAFETY: the work of `once` is done, so nobody writes while `this` is borrowed.
        match unsafe { &*this.data.get() } {
            Data::Value(value) => Some(value),
            Data::Maker(_) | Data::Nothing => None,
        }
    }

    /// The value, if it has been made; nobody else can reach it.
    #[inline]
    pub fn get_mut(this: &mut LazyLock<T, F>) -> Option<&mut T> {
        match this.data.get_mut() {
            Data::Value(value) => Some(value),
            Data::Maker(_) | Data::Nothing => None,
        }
    }
}

#[cold]
#[inline(never)]
fn poisoned() -> ! {
    panic!("LazyLock instance has previously been poisoned")
}

impl<T, F: FnOnce() -> T> Deref for LazyLock<T, F> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        LazyLock::force(self)
    }
}

impl<T, F: FnOnce() -> T> DerefMut for LazyLock<T, F> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        LazyLock::force_mut(self)
    }
}

impl<T: Default> Default for LazyLock<T> {
    fn default() -> LazyLock<T> {
        LazyLock::new(T::default)
    }
}

impl<T: fmt::Debug, F> fmt::Debug for LazyLock<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut d = f.debug_tuple("LazyLock");
        match LazyLock::get(self) {
            Some(value) => d.field(value),
            None => d.field(&format_args!("<uninit>")),
        };
        d.finish()
    }
}
