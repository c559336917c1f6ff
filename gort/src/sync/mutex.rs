//! `std::sync::Mutex`, whose waiters park.

use crate::base::panic::{RefUnwindSafe, UnwindSafe};
use crate::base::sync::{LockResult, TryLockError, TryLockResult};
use core::cell::UnsafeCell;
use core::fmt;
use core::marker::PhantomData;
use core::ops::{Deref, DerefMut};

use rt_core::sync::RawMutex;

use super::poison::{Poison, Since};

/// A mutual exclusion lock around a value.
///
/// It is [`std::sync::Mutex`], but a goroutine that waits for it parks. It is not fair: who comes
/// while the lock is free takes it. But one that was woken too late, after 1 ms of waiting, gets it
/// next.
///
/// ```
/// use gort::sync::{Arc, Mutex};
///
/// gort::run(|| {
///     let total = Arc::new(Mutex::new(0));
///     let adders: Vec<_> = (1..=4)
///         .map(|n| {
///             let total = total.clone();
///             gort::spawn(move || *total.lock().unwrap() += n)
///         })
///         .collect();
///     adders.into_iter().for_each(|adder| adder.join().unwrap());
///     assert_eq!(*total.lock().unwrap(), 10);
/// });
/// ```
///
/// # Poisoning
///
/// A panic that begins while a guard is held, and drops it, poisons the mutex: from then on
/// [`lock`](Mutex::lock) and [`try_lock`](Mutex::try_lock) return an error with the guard inside.
/// Panics are counted by thread, as std does. So while a goroutine is parked in the middle of its
/// unwinding, a guard that another goroutine of the same thread drops does not poison if the lock
/// was taken after that unwinding began, and poisons if it was taken before.
pub struct Mutex<T: ?Sized> {
    raw: RawMutex,
    poison: Poison,
    data: UnsafeCell<T>,
}

// SAFETY: with the mutex goes its value, and nothing else that is bound to a thread.
unsafe impl<T: ?Sized + Send> Send for Mutex<T> {}
// SAFETY: the value is reached only by the holder of `raw`, one thread at a time.
unsafe impl<T: ?Sized + Send> Sync for Mutex<T> {}

impl<T: ?Sized> UnwindSafe for Mutex<T> {}
impl<T: ?Sized> RefUnwindSafe for Mutex<T> {}

/// The right to the value of a [`Mutex`], which is unlocked when this is dropped.
#[must_use = "if unused the Mutex will immediately unlock"]
#[clippy::has_significant_drop]
pub struct MutexGuard<'a, T: ?Sized> {
    mutex: &'a Mutex<T>,
    since: Since,
    /// As std's guard it is not `Send`.
    not_send: PhantomData<*const ()>,
}

// SAFETY: a shared guard gives out shared references to the value, which is `Sync`.
unsafe impl<T: ?Sized + Sync> Sync for MutexGuard<'_, T> {}

impl<T> Mutex<T> {
    /// An unlocked mutex around `t`.
    #[inline]
    pub const fn new(t: T) -> Mutex<T> {
        Mutex { raw: RawMutex::new(), poison: Poison::new(), data: UnsafeCell::new(t) }
    }

    /// The value.
    ///
    /// # Errors
    /// If the mutex is poisoned; the value is in the error.
    pub fn into_inner(self) -> LockResult<T> {
        self.poison.wrap(self.data.into_inner())
    }
}

impl<T: ?Sized> Mutex<T> {
    /// Locks the mutex, and waits until that is possible.
    ///
    /// Parks a goroutine; makes a plain thread sleep. A holder that locks again waits for ever.
    ///
    /// # Errors
    /// If the mutex is poisoned; it is locked all the same, and the guard is in the error.
    #[inline(always)]
    pub fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        self.raw.lock();
        self.guard()
    }

    /// Locks the mutex if it is free. Never parks.
    ///
    /// ```
    /// let mutex = gort::sync::Mutex::new(1);
    /// let guard = mutex.lock().unwrap();
    /// assert!(mutex.try_lock().is_err());
    /// drop(guard);
    /// assert_eq!(*mutex.try_lock().unwrap(), 1);
    /// ```
    ///
    /// # Errors
    /// [`TryLockError::WouldBlock`] if it is held; [`TryLockError::Poisoned`] if it is poisoned,
    /// and then it is locked, and the guard is in the error.
    #[inline]
    pub fn try_lock(&self) -> TryLockResult<MutexGuard<'_, T>> {
        if self.raw.try_lock() { Ok(self.guard()?) } else { Err(TryLockError::WouldBlock) }
    }

    /// The guard of a caller that has just locked `raw`.
    #[inline(always)]
    fn guard(&self) -> LockResult<MutexGuard<'_, T>> {
        self.poison.wrap(MutexGuard { mutex: self, since: Since::now(), not_send: PhantomData })
    }

    /// True if a panic has poisoned the mutex. Without the lock this is only a hint.
    #[inline]
    pub fn is_poisoned(&self) -> bool {
        self.poison.is_set()
    }

    /// Makes a poisoned mutex an ordinary one again.
    ///
    /// ```
    /// use gort::sync::{Arc, Mutex};
    ///
    /// let mutex = Arc::new(Mutex::new(1));
    /// let other = mutex.clone();
    /// let task = gort::spawn(move || {
    ///     let _guard = other.lock().unwrap();
    ///     panic!("poisons it");
    /// });
    /// assert!(task.join().is_err());
    /// assert_eq!(*mutex.lock().unwrap_err().into_inner(), 1);
    /// mutex.clear_poison();
    /// assert!(!mutex.is_poisoned());
    /// ```
    #[inline]
    pub fn clear_poison(&self) {
        self.poison.clear();
    }

    /// The value, which nobody else can reach.
    ///
    /// ```
    /// let mut mutex = gort::sync::Mutex::new(1);
    /// *mutex.get_mut().unwrap() = 2;
    /// assert_eq!(mutex.into_inner().unwrap(), 2);
    /// ```
    ///
    /// # Errors
    /// If the mutex is poisoned; the reference is in the error.
    pub fn get_mut(&mut self) -> LockResult<&mut T> {
        self.poison.wrap(self.data.get_mut())
    }
}

impl<'a, T: ?Sized> MutexGuard<'a, T> {
    /// The lock that this holds, and what it remembers of panics.
    pub(super) fn parts(&self) -> (&'a RawMutex, &'a Poison) {
        (&self.mutex.raw, &self.mutex.poison)
    }
}

impl<T: ?Sized> Deref for MutexGuard<'_, T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: a guard exists from `Mutex::guard` until `raw` is unlocked in `drop`, and `raw`
        // has one holder.
        unsafe { &*self.mutex.data.get() }
    }
}

impl<T: ?Sized> DerefMut for MutexGuard<'_, T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in `deref`, and `&mut self` is the only way to this guard.
        unsafe { &mut *self.mutex.data.get() }
    }
}

impl<T: ?Sized> Drop for MutexGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.mutex.poison.done(self.since);
        // SAFETY: a guard is made by a holder (`Mutex::guard`), and dropped once.
        unsafe { self.mutex.raw.unlock() };
    }
}

impl<T> From<T> for Mutex<T> {
    fn from(t: T) -> Mutex<T> {
        Mutex::new(t)
    }
}

impl<T: Default> Default for Mutex<T> {
    fn default() -> Mutex<T> {
        Mutex::new(T::default())
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut d = f.debug_struct("Mutex");
        match self.try_lock() {
            Ok(guard) => d.field("data", &&*guard),
            Err(TryLockError::Poisoned(error)) => d.field("data", &&**error.get_ref()),
            Err(TryLockError::WouldBlock) => d.field("data", &format_args!("<locked>")),
        };
        d.field("poisoned", &self.is_poisoned()).finish_non_exhaustive()
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
