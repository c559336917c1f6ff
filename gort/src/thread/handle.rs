//! The right to wait for a goroutine.

use alloc::boxed::Box;
use core::any::Any;
use core::fmt;

use rt_core::{JoinPoll, Joiner};

use super::Result;
use super::current::{Thread, fresh};
use crate::sync::OnceLock;

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
    /// Made when it is first asked for.
    thread: OnceLock<Thread>,
}

impl<T> JoinHandle<T> {
    pub(crate) fn new(joiner: Joiner<Result<T>>) -> JoinHandle<T> {
        JoinHandle { joiner, thread: OnceLock::new() }
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
        thread_of(&self.thread, &self.joiner)
    }

    /// Waits until the goroutine has ended and returns what it returned. Parks; makes a plain thread
    /// sleep. A [`timeout`](crate::time::timeout) doesn't cut it short.
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

/// What a handle's goroutine is known by.
pub(crate) fn thread_of<'a, T>(
    known: &'a OnceLock<Thread>,
    joiner: &Joiner<Result<T>>,
) -> &'a Thread {
    known.get_or_init(|| Thread(joiner.identity(|| fresh(None))))
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
