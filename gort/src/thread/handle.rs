//! The right to wait for a goroutine.

use alloc::boxed::Box;
use core::any::Any;
use core::fmt;
use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};

use rt_core::{JoinPoll, Joiner};

use super::Result;
use super::current::{Thread, fresh};

/// The right to wait for a goroutine's result. Dropped, the goroutine goes on by itself.
///
/// It is a future's beginning too: `handle.await`, on any executor, is the result.
///
/// ```
/// let handle = gort::spawn(|| 6 * 7);
/// assert_eq!(handle.join().unwrap(), 42);
/// ```
pub struct JoinHandle<T> {
    joiner: Joiner<Result<T>>,
    thread: Asked,
}

impl<T> JoinHandle<T> {
    pub(crate) fn new(joiner: Joiner<Result<T>>) -> JoinHandle<T> {
        JoinHandle { joiner, thread: Asked::not_yet() }
    }

    pub(crate) fn into_joiner(self) -> Joiner<Result<T>> {
        self.joiner
    }

    pub(crate) fn into_poll(self) -> JoinPoll<Result<T>> {
        JoinPoll::new(self.joiner)
    }

    /// The goroutine. It may have ended.
    ///
    /// ```
    /// let handle = gort::spawn(gort::thread::park);
    /// handle.thread().unpark();
    /// handle.join().unwrap();
    /// ```
    pub fn thread(&self) -> &Thread {
        self.thread.of(&self.joiner)
    }

    /// Waits until the goroutine has ended and returns what it returned. Parks; makes a plain thread
    /// sleep. Who joins many that have ended lets others run in between. A
    /// [`timeout`](crate::time::timeout) doesn't cut it short.
    ///
    /// # Errors
    /// The payload of the goroutine's panic; a text that says so when its runtime has ended without
    /// it.
    ///
    /// ```
    /// # std::panic::set_hook(Box::new(|_| ()));
    /// let handle = gort::spawn(|| panic!("oh"));
    /// let panic = handle.join().unwrap_err();
    /// assert_eq!(panic.downcast_ref(), Some(&"oh"));
    /// ```
    #[cfg_attr(not(feature = "small"), inline(always))]
    pub fn join(self) -> Result<T> {
        self.joiner.join().unwrap_or_else(|| Err(never_ran()))
    }

    /// Whether the goroutine has ended. Never parks.
    ///
    /// ```
    /// let handle = gort::spawn(|| ());
    /// while !handle.is_finished() {
    ///     gort::yield_now();
    /// }
    /// handle.join().unwrap();
    /// ```
    pub fn is_finished(&self) -> bool {
        self.joiner.is_finished()
    }
}

/// What a handle's goroutine is known by, made when it is first asked for. One word, for handles are
/// moved about, and few are ever asked.
pub(crate) struct Asked(
    /// Null, or from `Box::into_raw`: swung once. A read with Acquire proves that it is made.
    AtomicPtr<Thread>,
);

impl Asked {
    pub(crate) const fn not_yet() -> Asked {
        Asked(AtomicPtr::new(ptr::null_mut()))
    }

    pub(crate) fn of<T>(&self, joiner: &Joiner<Result<T>>) -> &Thread {
        self.get_or(|| Thread(joiner.identity(|| fresh(None))))
    }

    pub(crate) fn get_or(&self, make: impl FnOnce() -> Thread) -> &Thread {
        // Acquire, here and below: pairs with the Release of whoever has swung it.
        let mut known = self.0.load(Ordering::Acquire);
        if known.is_null() {
            let made = Box::into_raw(Box::new(make()));
            let none = ptr::null_mut();
            known = match self.0.compare_exchange(none, made, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => made,
                Err(other) => {
                    // SAFETY: made above, and nobody else has seen it.
                    drop(unsafe { Box::from_raw(made) });
                    other
                }
            };
        }
        // SAFETY: what was swung stays until this is dropped, and is only read.
        unsafe { &*known }
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        let known = *self.0.get_mut();
        if !known.is_null() {
            // SAFETY: from `Box::into_raw`, and nobody else's by now.
            drop(unsafe { Box::from_raw(known) });
        }
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle").finish_non_exhaustive()
    }
}

/// The payload for one who joins a goroutine that its runtime has left behind.
#[cold]
pub(crate) fn never_ran() -> Box<dyn Any + Send> {
    Box::new("the runtime ended before this goroutine did")
}
