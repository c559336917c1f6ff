//! A thread for one goroutine alone.

use core::error::Error;
use core::fmt;

use rt_core::NotLocked;

use crate::base::panic::{self, AssertUnwindSafe};

/// Why [`lock_os_thread`] is refused: the thread is needed for others. Its text says which, and what
/// to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LockError(NotLocked);

impl fmt::Display for LockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let raise = match self.0 {
            NotLocked::Shared(_) => "",
            NotLocked::Last(_) => ", or raise `Builder::procs`",
        };
        let advice = "start it with `thread::Builder::lock_os_thread` instead";
        write!(f, "can't lock this thread: {}: {advice}{raise}", self.0)
    }
}

impl Error for LockError {}

/// Calls `f` while no other goroutine runs on the calling thread, and the caller on no other thread:
/// Go's `LockOSThread`, with its end where `f` ends.
///
/// For what belongs to a thread: a library that keeps addresses of the caller's stack in thread-locals,
/// a graphics context, a namespace or an affinity of the system's. What waits in `f` makes the thread
/// sleep, and doesn't park, as if it were a plain thread; the other goroutines go on on other threads.
/// So a wait costs what it costs a thread. Inside of another `lock_os_thread`, of
/// [`blocking`](crate::blocking), and on a plain thread, `f` is just called.
///
/// # Errors
/// Unless the runtime is [`migratory`](crate::Builder::migratory), other goroutines that have started
/// on this thread can't leave it, nor can those be without any worker that have not started: so the
/// caller has to be alone on its thread, and not to lock the last one. In migratory mode goroutines of
/// [`spawn_local`](crate::spawn_local) are in the way. One that is started with
/// [`Builder::lock_os_thread`](super::Builder::lock_os_thread) is always granted a thread.
///
/// # Panics
/// When `f` panics, its panic goes on.
///
/// ```
/// let here = || std::thread::current().id();
/// gort::Builder::new().procs(2).run(|| {
///     let thread = gort::lock_os_thread(|| {
///         let before = here();
///         gort::sleep(std::time::Duration::from_millis(1));
///         assert_eq!(here(), before);
///         before
///     });
///     assert_eq!(thread, Ok(here()));
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "LockOSThread")]
pub fn lock_os_thread<F, R>(f: F) -> Result<R, LockError>
where
    F: FnOnce() -> R,
{
    match rt_core::lock_thread(|| panic::catch_unwind(AssertUnwindSafe(f))) {
        Ok(Ok(result)) => Ok(result),
        Ok(Err(panic)) => panic::resume_unwind(panic),
        Err((why, _)) => Err(LockError(why)),
    }
}
