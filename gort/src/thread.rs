//! Goroutines with the names of `std::thread`.

use crate::base::io;
use crate::base::panic::{self, AssertUnwindSafe, Location};
use alloc::boxed::Box;
use core::any::Any;
use core::fmt;
use core::time::Duration;

use rt_core::{Joiner, Runtime, Spawn, os};

use crate::refusal::refused;
use crate::{default, panics};

pub use crate::scope::{Scope, ScopedJoinHandle, scope};

/// What a goroutine returned, or the payload of its panic.
pub type Result<T> = crate::base::thread::Result<T>;

/// The right to wait for a goroutine's result. Dropped, the goroutine goes on by itself.
pub struct JoinHandle<T>(pub(crate) Joiner<Result<T>>);

impl<T> JoinHandle<T> {
    /// Waits until the goroutine has ended and returns what it returned. Parks.
    ///
    /// # Errors
    /// The payload of the goroutine's panic; a text that says so when its runtime has ended without
    /// it.
    pub fn join(self) -> Result<T> {
        self.0.join().unwrap_or_else(|| Err(never_ran()))
    }

    /// Whether the goroutine has ended. Doesn't park.
    pub fn is_finished(&self) -> bool {
        self.0.is_finished()
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

/// Makes a goroutine, on the current runtime or the process-wide one.
///
/// # Safety
/// - As for [`rt_core::spawn`].
#[inline(always)]
pub(crate) unsafe fn start<F: FnOnce()>(spawn: &Spawn, f: F) -> io::Result<()> {
    // SAFETY: the caller's contract is the same.
    let f = match unsafe { rt_core::spawn(spawn, f) } {
        Ok(Ok(_)) => return Ok(()),
        Ok(Err(f)) => f,
        Err(error) => {
            let held = Runtime::current().map(|runtime| runtime.held());
            return Err(refused("a goroutine", error, held));
        }
    };
    let runtime = default::runtime()?;
    // SAFETY: as above.
    let spawned = unsafe { runtime.spawn(spawn, f) };
    spawned.map(drop).map_err(|error| refused("a goroutine", error, Some(runtime.held())))
}

/// Makes a goroutine that completes a packet with what `f` returns, and then calls `after`, saying
/// whether `f` panicked and nobody will ever ask for that.
///
/// # Safety
/// - `f` and `after` may borrow only what lives until `after` has returned.
/// - They may be called on another thread, unless `spawn.local`.
#[inline(always)]
pub(crate) unsafe fn start_joinable<F, T>(
    spawn: &Spawn,
    f: F,
    after: impl FnOnce(bool),
) -> io::Result<JoinHandle<T>>
where
    F: FnOnce() -> T,
{
    let (completer, joiner) = rt_core::packet();
    let spawn = Spawn { packet: Some(completer.packed()), ..*spawn };
    let body = move || {
        let result = panic::catch_unwind(AssertUnwindSafe(f));
        let unclaimed = completer.complete(result);
        let lost_panic = matches!(&unclaimed, Some(Err(_)));
        if let Err(panic) = panic::catch_unwind(AssertUnwindSafe(|| drop(unclaimed))) {
            panics::discard(panic);
        }
        after(lost_panic);
    };
    // SAFETY: no panic leaves `body`; the caller vouches for the rest.
    unsafe { start(&spawn, body) }?;
    Ok(JoinHandle(joiner))
}

/// Starts a goroutine and returns the right to wait for its result.
///
/// On a plain thread that belongs to no runtime, it runs on a process-wide one.
///
/// # Panics
/// When the system gives no memory for its stack, or no thread to the first worker, with a message
/// that says what ran out; [`Builder::spawn`] returns an error instead.
#[doc(alias = "newproc")]
#[track_caller]
pub fn spawn<F, T>(f: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    match Builder::new().spawn(f) {
        Ok(handle) => handle,
        Err(error) => panic!("gort::spawn: {error}"),
    }
}

/// Starts a goroutine that nobody waits for: Go's `go f()`.
///
/// If it panics, what it said and where it was spawned goes to the error stream, and the others go
/// on.
///
/// # Panics
/// As [`spawn`].
#[track_caller]
pub fn go<F>(f: F)
where
    F: FnOnce() + Send + 'static,
{
    let at = Location::caller();
    let body = move || {
        if let Err(panic) = panic::catch_unwind(AssertUnwindSafe(f)) {
            panics::report(rt_core::current_id().unwrap_or(0), at, panic);
        }
    };
    let spawn = Spawn { stack_bytes: None, local: false, packet: None, at };
    // SAFETY: no panic leaves `body`; it is `Send` and `'static`, for `f` is.
    if let Err(error) = unsafe { start(&spawn, body) } {
        panic!("gort::go: {error}");
    }
}

/// Starts a goroutine that stays on the current worker's thread, so that it need not be `Send`.
///
/// # Panics
/// Outside of a goroutine; and when the system gives no memory for its stack.
#[track_caller]
pub fn spawn_local<F, T>(f: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + 'static,
    T: 'static,
{
    if !rt_core::on_goroutine() {
        panic!("gort::spawn_local: this is no goroutine, so it has no worker to stay with");
    }
    let spawn = Spawn { stack_bytes: None, local: true, packet: None, at: Location::caller() };
    // SAFETY: `'static`, and at home on this thread from birth, where `f` was made.
    match unsafe { start_joinable(&spawn, f, |_| ()) } {
        Ok(handle) => handle,
        Err(error) => panic!("gort::spawn_local: {error}"),
    }
}

/// What a goroutine is to be.
#[derive(Debug, Default)]
#[must_use = "a builder starts nothing until it is told to spawn"]
pub struct Builder {
    stack_bytes: Option<usize>,
}

impl Builder {
    /// A goroutine as [`spawn`] makes it.
    pub fn new() -> Builder {
        Builder::default()
    }

    /// Sets how many bytes of stack it can use; rounded up. Memory is used as it is touched.
    pub fn stack_size(mut self, bytes: usize) -> Builder {
        self.stack_bytes = Some(bytes);
        self
    }

    /// Starts it.
    ///
    /// # Errors
    /// The system gives no memory for its stack, or no thread to the first worker of the
    /// process-wide runtime: the error says what ran out, how many there were and what to raise.
    /// Nothing is left behind, and what was running goes on.
    #[track_caller]
    pub fn spawn<F, T>(self, f: F) -> io::Result<JoinHandle<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let spawn = self.placed(Location::caller());
        // SAFETY: `f` and `T` are `Send` and `'static`.
        unsafe { start_joinable(&spawn, f, |_| ()) }
    }

    pub(crate) fn placed(&self, at: &'static Location<'static>) -> Spawn {
        Spawn { stack_bytes: self.stack_bytes, local: false, packet: None, at }
    }
}

/// Gives way to the other goroutines of this worker; on a plain thread, to other threads.
#[doc(alias = "Gosched")]
#[inline]
pub fn yield_now() {
    if !rt_core::yield_now() {
        crate::base::thread::yield_now();
    }
}

/// Waits for a time. Parks; on a plain thread, sleeps.
pub fn sleep(duration: Duration) {
    let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
    rt_core::sleep_until(os::now().saturating_add(nanos));
}

/// Calls `f` where it may block its thread: file system, name look-up, C libraries, long
/// computations. The goroutine parks meanwhile and its worker goes on with others; on a plain
/// thread, `f` is just called.
///
/// # Panics
/// When `f` panics, its panic goes on in the caller.
pub fn blocking<F, R>(f: F) -> R
where
    F: FnOnce() -> R + Send,
    R: Send,
{
    let result = rt_core::blocking(|| panic::catch_unwind(AssertUnwindSafe(f)));
    match result {
        Ok(value) => value,
        Err(panic) => panic::resume_unwind(panic),
    }
}
