//! Starting goroutines.

use alloc::string::String;
use alloc::sync::Arc;

use rt_core::{Completer, Identity, Members, OsError, Running, Runtime, Spawn};

use super::Result;
use super::current::{fresh, identity};
use super::handle::JoinHandle;
use super::store;
use crate::base::io;
use crate::base::panic::{self, AssertUnwindSafe, Location};
use crate::refusal::refused;
use crate::scope::{Scope, ScopedJoinHandle};
use crate::{default, panics};

/// Makes a goroutine, on the current runtime or the process-wide one.
///
/// # Safety
/// - As for [`rt_core::spawn`].
#[inline(always)]
unsafe fn start<F: FnOnce(&Running)>(spawn: &Spawn, f: F) -> io::Result<()> {
    // SAFETY: the caller's contract is the same.
    match unsafe { rt_core::spawn(spawn, f) }.map_err(refused_here)? {
        Ok(_) => Ok(()),
        // SAFETY: as above.
        Err(f) => unsafe { start_outside(spawn, f) },
    }
}

/// Makes a goroutine on the process-wide runtime.
///
/// # Safety
/// - As for [`rt_core::spawn`].
unsafe fn start_outside<F: FnOnce(&Running)>(spawn: &Spawn, f: F) -> io::Result<()> {
    let runtime = default::runtime()?;
    // SAFETY: the caller's contract is the same.
    let spawned = unsafe { runtime.spawn(spawn, f) };
    spawned.map(drop).map_err(|error| refused("a goroutine", error, Some(runtime.held())))
}

/// Why the caller's runtime makes no goroutine.
#[cold]
fn refused_here(error: OsError) -> io::Error {
    refused("a goroutine", error, Runtime::current().map(|runtime| runtime.held()))
}

/// Who a goroutine belongs to, and is.
#[derive(Default)]
pub(crate) struct Known<'a> {
    pub(crate) members: Option<&'a Members>,
    pub(crate) identity: Option<Arc<Identity>>,
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
    known: Known<'_>,
    f: F,
    after: impl FnOnce(bool),
) -> io::Result<JoinHandle<T>>
where
    F: FnOnce() -> T,
{
    let body = |mut completer: Completer<Result<T>>| {
        move |running: &Running| {
            if let Err(panic) = panic::catch_unwind(AssertUnwindSafe(|| completer.put(Ok(f())))) {
                completer.put(Err(panic));
            }
            store::end(running);
            let unclaimed = completer.complete(running);
            after(unclaimed.is_some_and(|result| drop_unclaimed(result, running)));
        }
    };
    // SAFETY: no panic leaves what `body` makes; the caller vouches for the rest.
    let spawned = unsafe { rt_core::spawn_joinable(spawn, known.members, known.identity, body) };
    let (joiner, spawned) = spawned.map_err(refused_here)?;
    if let Err(body) = spawned {
        let spawn = Spawn { packet: Some(joiner.packed()), ..*spawn };
        // SAFETY: as above.
        unsafe { start_outside(&spawn, body) }?;
    }
    Ok(JoinHandle::new(joiner))
}

/// Drops a result that nobody asks for; true if it is a panic.
#[cold]
fn drop_unclaimed<T>(result: Result<T>, running: &Running) -> bool {
    let is_panic = result.is_err();
    if let Err(panic) = panic::catch_unwind(AssertUnwindSafe(|| drop(result))) {
        panics::discard(panic);
    }
    // It may have made values of its own.
    store::end(running);
    is_panic
}

/// Starts a goroutine and returns the right to wait for its result.
///
/// On a plain thread that belongs to no runtime, it runs on a process-wide one.
///
/// In which order goroutines begin is not promised. As it is, on one processor and in default mode, the
/// newest begins first when the spawner waits, so that trees of goroutines need few stacks; and all begin
/// in order when it gives way by [`yield_now`](super::yield_now).
///
/// # Panics
/// When the system gives no memory for its stack, or no thread to the first worker, with a message
/// that says what ran out; [`Builder::spawn`] returns an error instead.
///
/// ```
/// let total: u64 = (0..100).map(|i| gort::spawn(move || i)).map(|h| h.join().unwrap()).sum();
/// assert_eq!(total, 4950);
/// ```
#[doc(alias = "newproc")]
#[track_caller]
pub fn spawn<F, T>(f: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let spawn = Spawn::new(Location::caller());
    // SAFETY: `F` and `T` are `Send` and `'static`.
    match unsafe { start_joinable(&spawn, Known::default(), f, |_| ()) } {
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
///
/// ```
/// gort::run(|| {
///     let (tx, rx) = gort::chan::bounded(0);
///     gort::go(move || tx.send("hello").unwrap());
///     assert_eq!(rx.recv(), Ok("hello"));
/// });
/// ```
#[track_caller]
pub fn go<F>(f: F)
where
    F: FnOnce() + Send + 'static,
{
    let at = Location::caller();
    let body = move |running: &Running| {
        if let Err(panic) = panic::catch_unwind(AssertUnwindSafe(f)) {
            panics::report(rt_core::current_id().unwrap_or(0), at, panic);
        }
        store::end(running);
    };
    let spawn = Spawn::new(at);
    // SAFETY: no panic leaves `body`; it is `Send` and `'static`, for `f` is.
    if let Err(error) = unsafe { start(&spawn, body) } {
        panic!("gort::go: {error}");
    }
}

/// Starts a goroutine that stays on the current worker's thread, so that it need not be `Send`. In
/// [`migratory`](crate::Builder::migratory) mode too: there it is pinned to the worker that its maker
/// is on at this moment, and its maker must not go on to another with what the two share.
///
/// # Panics
/// Outside of a goroutine, and inside of [`lock_os_thread`](crate::lock_os_thread); and when the
/// system gives no memory for its stack.
///
/// ```
/// use std::cell::Cell;
/// use std::rc::Rc;
///
/// gort::run(|| {
///     let count = Rc::new(Cell::new(0));
///     let theirs = Rc::clone(&count);
///     gort::spawn_local(move || theirs.set(theirs.get() + 1)).join().unwrap();
///     assert_eq!(count.get(), 1);
/// });
/// ```
#[track_caller]
pub fn spawn_local<F, T>(f: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + 'static,
    T: 'static,
{
    if !rt_core::on_goroutine() {
        panic!(
            "gort::spawn_local: this is no goroutine, or one that has locked its thread, so there is \
             no worker to stay with"
        );
    }
    let spawn = Spawn { local: true, ..Spawn::new(Location::caller()) };
    // SAFETY: `'static`, and at home on this thread from birth, where `f` was made.
    match unsafe { start_joinable(&spawn, Known::default(), f, |_| ()) } {
        Ok(handle) => handle,
        Err(error) => panic!("gort::spawn_local: {error}"),
    }
}

/// What a goroutine is to be.
///
/// ```
/// let handle = gort::thread::Builder::new()
///     .name("deep".into())
///     .stack_size(4 << 20)
///     .spawn(|| gort::thread::current().name().map(str::to_owned))?;
/// assert_eq!(handle.join().unwrap().as_deref(), Some("deep"));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Default)]
#[must_use = "a builder starts nothing until it is told to spawn"]
pub struct Builder {
    stack_bytes: Option<usize>,
    name: Option<String>,
    locks_thread: bool,
}

impl Builder {
    /// A goroutine as [`spawn`] makes it.
    pub fn new() -> Builder {
        Builder::default()
    }

    /// Names it: for [`Thread::name`](super::Thread::name), and for reports.
    ///
    /// # Panics
    /// When it is spawned, if the name contains a null byte, as with std.
    pub fn name(mut self, name: String) -> Builder {
        self.name = Some(name);
        self
    }

    /// Sets how many bytes of stack it can use; rounded up. Memory is used as it is touched.
    pub fn stack_size(mut self, size: usize) -> Builder {
        self.stack_bytes = Some(size);
        self
    }

    /// Gives it a thread for itself from its start to its end, as
    /// [`lock_os_thread`](crate::lock_os_thread) does for a while, but without being refused. The thread
    /// is one of those of [`blocking`](crate::blocking): if there can be no more of them, it is the
    /// worker's, which is held up.
    ///
    /// ```
    /// let alone = gort::thread::Builder::new().lock_os_thread();
    /// let handle = alone.spawn(|| {
    ///     // What waits makes the thread sleep: nobody else comes onto it.
    ///     let before = std::thread::current().id();
    ///     gort::sleep(std::time::Duration::from_millis(1));
    ///     before == std::thread::current().id()
    /// })?;
    /// assert!(handle.join().unwrap());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn lock_os_thread(mut self) -> Builder {
        self.locks_thread = true;
        self
    }

    /// Starts it.
    ///
    /// # Errors
    /// The system gives no memory for its stack, or no thread to the first worker of the
    /// process-wide runtime: the error says what ran out, how many there were and what to raise.
    /// Nothing is left behind, and what was running goes on.
    ///
    /// ```
    /// let handle = gort::thread::Builder::new().spawn(|| 1)?;
    /// assert_eq!(handle.join().unwrap(), 1);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn spawn<F, T>(self, f: F) -> io::Result<JoinHandle<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        // SAFETY: `F` and `T` are `'static`.
        unsafe { self.spawn_unchecked(f) }
    }

    /// As [`spawn`](Builder::spawn), for what borrows.
    ///
    /// # Errors
    /// As for [`spawn`](Builder::spawn).
    ///
    /// # Safety
    /// - What `f` and its result borrow lives until the goroutine has ended, and been joined if its
    ///   result borrows. One whose runtime ends before never ends.
    ///
    /// ```
    /// let word = String::from("hello");
    /// // SAFETY: joined before `word` is dropped, on a runtime that doesn't end.
    /// let handle = unsafe { gort::thread::Builder::new().spawn_unchecked(|| word.len()) }?;
    /// assert_eq!(handle.join().unwrap(), 5);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub unsafe fn spawn_unchecked<F, T>(mut self, f: F) -> io::Result<JoinHandle<T>>
    where
        F: FnOnce() -> T + Send,
        T: Send,
    {
        let spawn = self.placed(Location::caller());
        let known = Known { members: None, identity: self.identity() };
        if self.locks_thread {
            // SAFETY: `f` and `T` are `Send`; the caller vouches for what they borrow.
            return unsafe { start_joinable(&spawn, known, || on_own_thread(f), |_| ()) };
        }
        // SAFETY: as above.
        unsafe { start_joinable(&spawn, known, f, |_| ()) }
    }

    /// Starts it in a scope, where it may borrow.
    ///
    /// # Errors
    /// As for [`spawn`](Builder::spawn).
    ///
    /// ```
    /// use gort::thread;
    ///
    /// let mut words = vec!["one", "two"];
    /// thread::scope(|s| {
    ///     thread::Builder::new().name("pusher".into()).spawn_scoped(s, || words.push("three"))?;
    ///     Ok::<(), std::io::Error>(())
    /// })?;
    /// assert_eq!(words.len(), 3);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn spawn_scoped<'scope, 'env, F, T>(
        mut self,
        scope: &'scope Scope<'scope, 'env>,
        f: F,
    ) -> io::Result<ScopedJoinHandle<'scope, T>>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        let spawn = self.placed(Location::caller());
        if self.locks_thread {
            return scope.start(&spawn, self.identity(), || on_own_thread(f));
        }
        scope.start(&spawn, self.identity(), f)
    }

    /// A goroutine with a name is known by it from the start.
    fn identity(&mut self) -> Option<Arc<Identity>> {
        let name = self.name.take()?;
        assert!(!name.contains('\0'), "thread name may not contain interior null bytes");
        Some(fresh(Some(name.into())))
    }

    pub(crate) fn placed(&self, at: &'static Location<'static>) -> Spawn {
        Spawn { stack_bytes: self.stack_bytes, ..Spawn::new(at) }
    }
}

/// Calls `f` on a thread that no other goroutine runs on meanwhile, as the calling one.
fn on_own_thread<F, R>(f: F) -> R
where
    F: FnOnce() -> R + Send,
    R: Send,
{
    // Others may look at who it is while it waits, so that has to be known before.
    identity();
    let result: Result<R> =
        rt_core::blocking_as_itself(|| panic::catch_unwind(AssertUnwindSafe(f)));
    result.unwrap_or_else(|panic| panic::resume_unwind(panic))
}

/// Calls `f` where it may block its thread: file system, name look-up, C libraries, long
/// computations. The goroutine parks meanwhile and its worker goes on with others; on a plain
/// thread, `f` is just called. A [`timeout`](crate::time::timeout) doesn't cut it short.
///
/// # Panics
/// When `f` panics, its panic goes on in the caller.
///
/// ```
/// let text = gort::blocking(|| std::fs::read_to_string("Cargo.toml"))?;
/// assert!(text.contains("[package]"));
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn blocking<F, R>(f: F) -> R
where
    F: FnOnce() -> R + Send,
    R: Send,
{
    let result: Result<R> = rt_core::blocking(|| panic::catch_unwind(AssertUnwindSafe(f)));
    match result {
        Ok(value) => value,
        Err(panic) => panic::resume_unwind(panic),
    }
}
