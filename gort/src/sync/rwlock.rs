//! `std::sync::RwLock`, whose waiters park.

use crate::base::sync::{LockResult, TryLockError, TryLockResult};
use core::cell::UnsafeCell;
use core::fmt;
use core::marker::PhantomData;
use core::mem;
use core::ops::{Deref, DerefMut};
use core::panic::{RefUnwindSafe, UnwindSafe};
use core::ptr::NonNull;

use rt_core::sync::RawRwLock;

use super::poison::{Poison, Since};

/// A lock around a value that many can read at once, or one can change.
///
/// It is [`std::sync::RwLock`], but a goroutine that waits for it parks. Readers that come wait for
/// a writer that was there before them, and a writer that leaves lets in all readers that wait: so
/// neither starves the other. Among writers, one that has waited for 1 ms is next. A reader that
/// reads again while a writer waits, waits for ever.
///
/// ```
/// use gort::sync::{Arc, RwLock};
///
/// gort::run(|| {
///     let list = Arc::new(RwLock::new(vec![1, 2]));
///     let other = list.clone();
///     gort::spawn(move || other.write().unwrap().push(3)).join().unwrap();
///     let (one, two) = (list.read().unwrap(), list.read().unwrap());
///     assert_eq!(*one, [1, 2, 3]);
///     assert_eq!(*one, *two);
/// });
/// ```
///
/// # Poisoning
///
/// As of a [`Mutex`](super::Mutex), by guards of writers alone.
pub struct RwLock<T: ?Sized> {
    raw: RawRwLock,
    poison: Poison,
    data: UnsafeCell<T>,
}

// SAFETY: with the lock goes its value, and nothing else that is bound to a thread.
unsafe impl<T: ?Sized + Send> Send for RwLock<T> {}
// SAFETY: the value is reached by one writer, and so it is `Send`, or by readers on many threads, and
// so it is `Sync`; `raw` keeps them apart.
unsafe impl<T: ?Sized + Send + Sync> Sync for RwLock<T> {}

impl<T: ?Sized> UnwindSafe for RwLock<T> {}
impl<T: ?Sized> RefUnwindSafe for RwLock<T> {}

/// The right to read the value of a [`RwLock`], until dropped.
#[must_use = "if unused the RwLock will immediately unlock"]
#[clippy::has_significant_drop]
pub struct RwLockReadGuard<'a, T: ?Sized> {
    /// The lock's value. No reference to the lock, so that a guard of a `&'static str` is one of a
    /// `&str`, as with std; and a pointer, so that it is not `Send`.
    data: NonNull<T>,
    raw: &'a RawRwLock,
}

// SAFETY: a shared guard gives out shared references to the value, which is `Sync`.
unsafe impl<T: ?Sized + Sync> Sync for RwLockReadGuard<'_, T> {}

/// The right to the value of a [`RwLock`], alone, until dropped.
#[must_use = "if unused the RwLock will immediately unlock"]
#[clippy::has_significant_drop]
pub struct RwLockWriteGuard<'a, T: ?Sized> {
    lock: &'a RwLock<T>,
    since: Since,
    /// As std's guard it is not `Send`.
    not_send: PhantomData<*const ()>,
}

// SAFETY: a shared guard gives out shared references to the value, which is `Sync`.
unsafe impl<T: ?Sized + Sync> Sync for RwLockWriteGuard<'_, T> {}

impl<T> RwLock<T> {
    /// An unlocked lock around `t`.
    ///
    /// ```
    /// static NAMES: gort::sync::RwLock<Vec<&str>> = gort::sync::RwLock::new(Vec::new());
    /// NAMES.write().unwrap().push("gopher");
    /// assert_eq!(*NAMES.read().unwrap(), ["gopher"]);
    /// ```
    #[inline]
    pub const fn new(t: T) -> RwLock<T> {
        RwLock { raw: RawRwLock::new(), poison: Poison::new(), data: UnsafeCell::new(t) }
    }

    /// The value.
    ///
    /// ```
    /// assert_eq!(gort::sync::RwLock::new(1).into_inner().unwrap(), 1);
    /// ```
    ///
    /// # Errors
    /// If the lock is poisoned; the value is in the error.
    pub fn into_inner(self) -> LockResult<T> {
        self.poison.wrap(self.data.into_inner())
    }
}

impl<T: ?Sized> RwLock<T> {
    /// Locks it to read, beside others who read, and waits until that is possible.
    ///
    /// Parks a goroutine; makes a plain thread sleep.
    ///
    /// # Errors
    /// If the lock is poisoned; it is locked all the same, and the guard is in the error.
    ///
    /// # Panics
    /// If 2³⁰ - 2 read already, as std's.
    #[inline]
    pub fn read(&self) -> LockResult<RwLockReadGuard<'_, T>> {
        self.raw.read();
        self.read_guard()
    }

    /// Locks it to read if that is possible at once: no writer has it or waits for it. Never parks.
    ///
    /// ```
    /// let lock = gort::sync::RwLock::new(1);
    /// let writer = lock.write().unwrap();
    /// assert!(lock.try_read().is_err());
    /// drop(writer);
    /// assert_eq!(*lock.try_read().unwrap(), 1);
    /// ```
    ///
    /// # Errors
    /// [`TryLockError::WouldBlock`] if it is not possible; [`TryLockError::Poisoned`] if it is
    /// poisoned, and then it is locked, and the guard is in the error.
    #[inline]
    pub fn try_read(&self) -> TryLockResult<RwLockReadGuard<'_, T>> {
        if self.raw.try_read() { Ok(self.read_guard()?) } else { Err(TryLockError::WouldBlock) }
    }

    /// Locks it alone, and waits until that is possible.
    ///
    /// Parks a goroutine; makes a plain thread sleep. A holder that does so waits for ever.
    ///
    /// # Errors
    /// If the lock is poisoned; it is locked all the same, and the guard is in the error.
    #[inline]
    pub fn write(&self) -> LockResult<RwLockWriteGuard<'_, T>> {
        self.raw.write();
        self.write_guard()
    }

    /// Locks it alone if it is free. Never parks.
    ///
    /// ```
    /// let lock = gort::sync::RwLock::new(1);
    /// let reader = lock.read().unwrap();
    /// assert!(lock.try_write().is_err());
    /// drop(reader);
    /// *lock.try_write().unwrap() = 2;
    /// ```
    ///
    /// # Errors
    /// [`TryLockError::WouldBlock`] if it is not free, or another `try_write` is about to find
    /// that; [`TryLockError::Poisoned`] if it is poisoned, and then it is locked, and the guard is in
    /// the error.
    #[inline]
    pub fn try_write(&self) -> TryLockResult<RwLockWriteGuard<'_, T>> {
        if self.raw.try_write() { Ok(self.write_guard()?) } else { Err(TryLockError::WouldBlock) }
    }

    /// The guard of a caller that has just locked `raw` to read.
    #[inline(always)]
    fn read_guard(&self) -> LockResult<RwLockReadGuard<'_, T>> {
        self.poison.wrap(self.reader())
    }

    /// The guard of a caller that holds `raw` as a reader.
    #[inline(always)]
    fn reader(&self) -> RwLockReadGuard<'_, T> {
        // SAFETY: a cell's pointer is not null.
        let data = unsafe { NonNull::new_unchecked(self.data.get()) };
        RwLockReadGuard { data, raw: &self.raw }
    }

    /// The guard of a caller that has just locked `raw` alone.
    #[inline(always)]
    fn write_guard(&self) -> LockResult<RwLockWriteGuard<'_, T>> {
        let guard = RwLockWriteGuard { lock: self, since: Since::now(), not_send: PhantomData };
        self.poison.wrap(guard)
    }

    /// True if a panic of a writer has poisoned the lock. Without the lock this is only a hint.
    #[inline]
    pub fn is_poisoned(&self) -> bool {
        self.poison.is_set()
    }

    /// Makes a poisoned lock an ordinary one again.
    ///
    /// ```
    /// use gort::sync::{Arc, RwLock};
    ///
    /// let lock = Arc::new(RwLock::new(1));
    /// let other = lock.clone();
    /// let task = gort::spawn(move || {
    ///     let _guard = other.write().unwrap();
    ///     panic!("poisons it");
    /// });
    /// assert!(task.join().is_err());
    /// assert!(lock.is_poisoned());
    /// lock.clear_poison();
    /// assert_eq!(*lock.read().unwrap(), 1);
    /// ```
    #[inline]
    pub fn clear_poison(&self) {
        self.poison.clear();
    }

    /// The value, which nobody else can reach.
    ///
    /// ```
    /// let mut lock = gort::sync::RwLock::new(1);
    /// *lock.get_mut().unwrap() = 2;
    /// assert_eq!(lock.into_inner().unwrap(), 2);
    /// ```
    ///
    /// # Errors
    /// If the lock is poisoned; the reference is in the error.
    pub fn get_mut(&mut self) -> LockResult<&mut T> {
        self.poison.wrap(self.data.get_mut())
    }
}

impl<'a, T: ?Sized> RwLockWriteGuard<'a, T> {
    /// Goes on as a reader, with no other writer in between. Others who wait to read come in too.
    /// Never parks.
    ///
    /// ```
    /// use gort::sync::{RwLock, RwLockWriteGuard};
    ///
    /// let lock = RwLock::new(1);
    /// let mut guard = lock.write().unwrap();
    /// *guard = 2;
    /// let guard = RwLockWriteGuard::downgrade(guard);
    /// assert_eq!(*guard, *lock.read().unwrap());
    /// assert!(lock.try_write().is_err());
    /// ```
    pub fn downgrade(s: Self) -> RwLockReadGuard<'a, T> {
        let lock = s.lock;
        lock.poison.done(s.since);
        mem::forget(s);
        // SAFETY: the guard was made by a writer (`write_guard`), and is not dropped any more; from
        // here on there is a reader's.
        unsafe { lock.raw.downgrade() };
        lock.reader()
    }
}

impl<T: ?Sized> Deref for RwLockReadGuard<'_, T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: it is the value of a lock that the guard borrows, and exists while `raw` is held by
        // a reader: then nobody writes.
        unsafe { self.data.as_ref() }
    }
}

impl<T: ?Sized> Deref for RwLockWriteGuard<'_, T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: a guard exists while `raw` is held by a writer, the only one.
        unsafe { &*self.lock.data.get() }
    }
}

impl<T: ?Sized> DerefMut for RwLockWriteGuard<'_, T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in `deref`, and `&mut self` is the only way to this guard.
        unsafe { &mut *self.lock.data.get() }
    }
}

impl<T: ?Sized> Drop for RwLockReadGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: a guard is made for a reader (`reader`), and dropped once.
        unsafe { self.raw.unlock_read() };
    }
}

impl<T: ?Sized> Drop for RwLockWriteGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.lock.poison.done(self.since);
        // SAFETY: a guard is made for a writer (`write_guard`), and dropped once.
        unsafe { self.lock.raw.unlock_write() };
    }
}

impl<T> From<T> for RwLock<T> {
    fn from(t: T) -> RwLock<T> {
        RwLock::new(t)
    }
}

impl<T: Default> Default for RwLock<T> {
    fn default() -> RwLock<T> {
        RwLock::new(T::default())
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut d = f.debug_struct("RwLock");
        match self.try_read() {
            Ok(guard) => d.field("data", &&*guard),
            Err(TryLockError::Poisoned(error)) => d.field("data", &&**error.get_ref()),
            Err(TryLockError::WouldBlock) => d.field("data", &format_args!("<locked>")),
        };
        d.field("poisoned", &self.is_poisoned()).finish_non_exhaustive()
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLockReadGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLockWriteGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for RwLockReadGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for RwLockWriteGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
