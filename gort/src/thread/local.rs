//! Goroutine-local storage: `std::thread_local!` and its `LocalKey`, name for name.
//!
//! A key is given a number when it is first used. A goroutine's identity keeps a [`Store`], a list by
//! that number; so does a plain thread, in a thread-local of std's. A value lies in a box of its own,
//! so that it stays where it is when the list grows; it is dropped before the goroutine completes,
//! in the reverse order of being made. No borrow of the lists lasts while the user's code runs.

use alloc::boxed::Box;
use core::cell::{Cell, RefCell};
use core::fmt;
use core::mem::needs_drop;
use core::sync::atomic::{AtomicUsize, Ordering};

use super::store::{Slot, drop_box, store};

/// The number of the next key that is used for the first time.
static NEXT: AtomicUsize = AtomicUsize::new(1);

/// A key for a value that each goroutine, and each plain thread, has for itself: made by
/// [`goroutine_local!`](crate::goroutine_local), used as `std::thread::LocalKey`.
///
/// The value is made when the goroutine first asks for it, and dropped when the goroutine ends,
/// before one who joins it goes on; on a plain thread, when that ends. It may be kept over a wait. A
/// destructor that panics is reported, and the others run.
///
/// ```
/// use std::cell::Cell;
///
/// gort::goroutine_local! {
///     static COUNT: Cell<u32> = const { Cell::new(0) };
/// }
///
/// COUNT.set(5);
/// let theirs = gort::spawn(|| COUNT.replace(1)).join().unwrap();
/// assert_eq!((COUNT.get(), theirs), (5, 0));
/// ```
pub struct LocalKey<T: 'static> {
    init: fn() -> T,
    /// 0 until it is first used. Written once.
    number: AtomicUsize,
}

impl<T: 'static> LocalKey<T> {
    /// For the macro.
    #[doc(hidden)]
    pub const fn new(init: fn() -> T) -> LocalKey<T> {
        LocalKey { init, number: AtomicUsize::new(0) }
    }

    fn number(&self) -> usize {
        // Relaxed: the number is all that there is to know.
        match self.number.load(Ordering::Relaxed) {
            0 => {
                let fresh = NEXT.fetch_add(1, Ordering::Relaxed);
                let first =
                    self.number.compare_exchange(0, fresh, Ordering::Relaxed, Ordering::Relaxed);
                first.err().unwrap_or(fresh)
            }
            number => number,
        }
    }

    /// The value; made by `init` if there is none.
    fn value(&self, init: impl FnOnce() -> T) -> Result<*const T, AccessError> {
        let index = self.number();
        let store = store()?;
        // SAFETY: the store stays until its goroutine or thread, which is here, ends.
        match unsafe { &*store }.slot(index) {
            Slot::Full(value, _) => return Ok(value.cast_const().cast()),
            Slot::Destroyed => return Err(AccessError(())),
            Slot::Empty => {}
        }
        let value: *mut T = Box::into_raw(Box::new(init()));
        // SAFETY: as above.
        let store = unsafe { &*store };
        let older = store.slot(index);
        store.set(index, Slot::Full(value.cast(), drop_box::<T>));
        match older {
            // Made by `init` itself, which nobody refers to after it has returned.
            // SAFETY: from a box of `T`, put there for this key, and not found there any more.
            Slot::Full(older, drop) => unsafe { drop(older) },
            _ if needs_drop::<T>() => store.order.borrow_mut().push(index),
            _ => {}
        }
        Ok(value)
    }

    /// Calls `f` with the value.
    ///
    /// # Panics
    /// Where [`try_with`](LocalKey::try_with) returns an error.
    pub fn with<F, R>(&'static self, f: F) -> R
    where
        F: FnOnce(&T) -> R,
    {
        match self.try_with(f) {
            Ok(result) => result,
            Err(error) => gone(error),
        }
    }

    /// Calls `f` with the value.
    ///
    /// # Errors
    /// If the value's destructor runs or has run, because the goroutine or thread ends.
    pub fn try_with<F, R>(&'static self, f: F) -> Result<R, AccessError>
    where
        F: FnOnce(&T) -> R,
    {
        let value = self.value(self.init)?;
        // SAFETY: it stays in its box until the goroutine or thread ends, which is in this call.
        Ok(f(unsafe { &*value }))
    }

    /// As `with`, making the value of `init` if there is none; what is left of `init` otherwise goes
    /// to `f` too.
    fn with_initial<R>(&'static self, init: T, f: impl FnOnce(Option<T>, &T) -> R) -> R {
        let mut init = Some(init);
        let first = || match init.take() {
            Some(value) => value,
            None => (self.init)(),
        };
        match self.value(first) {
            // SAFETY: as in `try_with`.
            Ok(value) => f(init, unsafe { &*value }),
            Err(error) => gone(error),
        }
    }
}

#[cold]
fn gone(error: AccessError) -> ! {
    panic!("cannot access a goroutine-local value during or after destruction: {error}")
}

impl<T: 'static> LocalKey<Cell<T>> {
    /// Sets the value, without making an initial one.
    ///
    /// # Panics
    /// As [`with`](LocalKey::with).
    pub fn set(&'static self, value: T) {
        self.with_initial(Cell::new(value), |value, cell| {
            if let Some(value) = value {
                cell.set(value.into_inner());
            }
        });
    }

    /// A copy of the value.
    ///
    /// # Panics
    /// As [`with`](LocalKey::with).
    pub fn get(&'static self) -> T
    where
        T: Copy,
    {
        self.with(Cell::get)
    }

    /// Takes the value, and leaves the default.
    ///
    /// # Panics
    /// As [`with`](LocalKey::with).
    pub fn take(&'static self) -> T
    where
        T: Default,
    {
        self.with(Cell::take)
    }

    /// Sets the value, and returns the older one.
    ///
    /// # Panics
    /// As [`with`](LocalKey::with).
    pub fn replace(&'static self, value: T) -> T {
        self.with(|cell| cell.replace(value))
    }
}

impl<T: 'static> LocalKey<RefCell<T>> {
    /// Calls `f` with a borrow of the value.
    ///
    /// # Panics
    /// As [`with`](LocalKey::with); and if the value is mutably borrowed.
    pub fn with_borrow<F, R>(&'static self, f: F) -> R
    where
        F: FnOnce(&T) -> R,
    {
        self.with(|cell| f(&cell.borrow()))
    }

    /// Calls `f` with a mutable borrow of the value.
    ///
    /// # Panics
    /// As [`with`](LocalKey::with); and if the value is borrowed.
    pub fn with_borrow_mut<F, R>(&'static self, f: F) -> R
    where
        F: FnOnce(&mut T) -> R,
    {
        self.with(|cell| f(&mut cell.borrow_mut()))
    }

    /// Sets the value, without making an initial one.
    ///
    /// # Panics
    /// As [`with`](LocalKey::with); and if the value is borrowed.
    pub fn set(&'static self, value: T) {
        self.with_initial(RefCell::new(value), |value, cell| {
            if let Some(value) = value {
                *cell.borrow_mut() = value.into_inner();
            }
        });
    }

    /// Takes the value, and leaves the default.
    ///
    /// # Panics
    /// As [`with`](LocalKey::with); and if the value is borrowed.
    pub fn take(&'static self) -> T
    where
        T: Default,
    {
        self.with(RefCell::take)
    }

    /// Sets the value, and returns the older one.
    ///
    /// # Panics
    /// As [`with`](LocalKey::with); and if the value is borrowed.
    pub fn replace(&'static self, value: T) -> T {
        self.with(|cell| cell.replace(value))
    }
}

impl<T: 'static> fmt::Debug for LocalKey<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalKey").finish_non_exhaustive()
    }
}

/// The value's destructor runs or has run: see [`LocalKey::try_with`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct AccessError(());

impl AccessError {
    pub(super) fn new() -> AccessError {
        AccessError(())
    }
}

impl fmt::Debug for AccessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessError").finish()
    }
}

impl fmt::Display for AccessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("already destroyed")
    }
}

impl core::error::Error for AccessError {}

/// Declares values that each goroutine, and each plain thread, has for itself, with the syntax of
/// `std::thread_local!`. See [`LocalKey`](crate::thread::LocalKey).
///
/// ```
/// use std::cell::RefCell;
///
/// gort::goroutine_local! {
///     static WORDS: RefCell<Vec<&'static str>> = RefCell::default();
///     pub static LIMIT: usize = const { 3 };
/// }
///
/// WORDS.with_borrow_mut(|words| words.push("one"));
/// assert!(WORDS.with_borrow(Vec::len) < LIMIT.with(|&limit| limit));
/// ```
#[macro_export]
macro_rules! goroutine_local {
    () => {};
    (
        $(#[$attribute:meta])* $visibility:vis static $name:ident: $type:ty = const $init:block
        $(; $($rest:tt)*)?
    ) => {
        $(#[$attribute])* $visibility static $name: $crate::thread::LocalKey<$type> =
            $crate::thread::LocalKey::new(|| const $init);
        $($crate::goroutine_local! { $($rest)* })?
    };
    (
        $(#[$attribute:meta])* $visibility:vis static $name:ident: $type:ty = $init:expr
        $(; $($rest:tt)*)?
    ) => {
        $(#[$attribute])* $visibility static $name: $crate::thread::LocalKey<$type> =
            $crate::thread::LocalKey::new(|| $init);
        $($crate::goroutine_local! { $($rest)* })?
    };
}
