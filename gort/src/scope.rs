//! Goroutines that borrow: `std::thread::scope`, name for name.

use alloc::sync::Arc;
use core::fmt;
use core::marker::PhantomData;
use core::sync::atomic::{AtomicBool, Ordering};

use crate::base::io;
use crate::base::panic::{self, AssertUnwindSafe, Location};

use rt_core::{Identity, Joiner, Members, Spawn};

use crate::thread::{Asked, Builder, Known, Result, Thread, never_ran, start_joinable};

/// A scope in which goroutines may borrow what lives outside of it. Made by [`scope`].
pub struct Scope<'scope, 'env: 'scope> {
    members: Members,
    /// Written by goroutines of the scope before they count themselves out.
    panicked: AtomicBool,
    scope: PhantomData<&'scope mut &'scope ()>,
    env: PhantomData<&'env mut &'env ()>,
}

/// The right to wait for the result of a goroutine of a [`Scope`].
pub struct ScopedJoinHandle<'scope, T> {
    /// None only while `join` takes it apart.
    joiner: Option<Joiner<Result<T>>>,
    thread: Asked,
    panicked: &'scope AtomicBool,
}

/// Runs `f`, which may start goroutines that borrow from its surroundings, and waits for all of
/// them. Parks; makes a plain thread sleep. A [`timeout`](crate::time::timeout) doesn't cut it short.
///
/// # Panics
/// When `f` panics, its panic goes on; else when a goroutine panicked whose handle was not joined. A
/// scope inside of [`blocking`](crate::blocking) may see its runtime end before its goroutines do:
/// they never run again, and it panics.
///
/// ```
/// let mut numbers = [1, 2, 3];
/// gort::scope(|s| {
///     for n in &mut numbers {
///         s.spawn(move || *n *= 10);
///     }
/// });
/// assert_eq!(numbers, [10, 20, 30]);
/// ```
#[track_caller]
pub fn scope<'env, F, T>(f: F) -> T
where
    F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> T,
{
    let scope = Scope {
        members: Members::new(),
        panicked: AtomicBool::new(false),
        scope: PhantomData,
        env: PhantomData,
    };
    // Goroutines may borrow until they have ended, even if `f` panics: wait in every case.
    let result = panic::catch_unwind(AssertUnwindSafe(|| f(&scope)));
    let lost = scope.members.wait();
    match result {
        Err(panic) => panic::resume_unwind(panic),
        Ok(_) if lost > 0 => panic!("the runtime ended before {lost} scoped goroutines did"),
        // Relaxed: the lock of `running` orders it.
        Ok(_) if scope.panicked.load(Ordering::Relaxed) => panic!("a scoped goroutine panicked"),
        Ok(value) => value,
    }
}

impl<'scope> Scope<'scope, '_> {
    /// Starts a goroutine that may borrow for `'scope`.
    ///
    /// # Panics
    /// When the system gives no memory for its stack;
    /// [`Builder::spawn_scoped`](crate::thread::Builder::spawn_scoped) returns an error instead.
    ///
    /// ```
    /// let word = String::from("hello");
    /// let length = gort::scope(|s| s.spawn(|| word.len()).join().unwrap());
    /// assert_eq!(length, 5);
    /// ```
    #[track_caller]
    pub fn spawn<F, T>(&'scope self, f: F) -> ScopedJoinHandle<'scope, T>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        match self.start(&Builder::new().placed(Location::caller()), None, f) {
            Ok(handle) => handle,
            Err(error) => panic!("gort::Scope::spawn: {error}"),
        }
    }

    pub(crate) fn start<F, T>(
        &'scope self,
        spawn: &Spawn,
        identity: Option<Arc<Identity>>,
        f: F,
    ) -> io::Result<ScopedJoinHandle<'scope, T>>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        self.members.count_in();
        let after = |lost_panic| {
            if lost_panic {
                // Relaxed: the lock of the members orders it.
                self.panicked.store(true, Ordering::Relaxed);
            }
            self.members.leave();
        };
        let known = Known { members: Some(&self.members), identity };
        // SAFETY: `scope` waits until the goroutine has left, which is the last that it does with
        // anything of `'scope`, or never runs again; `f` and `T` are `Send`.
        let started = unsafe { start_joinable(spawn, known, f, after) };
        match started {
            Ok(handle) => Ok(ScopedJoinHandle {
                joiner: Some(handle.into_joiner()),
                thread: Asked::not_yet(),
                panicked: &self.panicked,
            }),
            Err(error) => {
                self.members.take_back();
                Err(error)
            }
        }
    }
}

impl<T> ScopedJoinHandle<'_, T> {
    /// The goroutine. It may have ended.
    ///
    /// ```
    /// gort::scope(|s| s.spawn(gort::thread::park).thread().unpark());
    /// ```
    pub fn thread(&self) -> &Thread {
        match &self.joiner {
            Some(joiner) => self.thread.of(joiner),
            // Only `join` and `drop` take it, and neither comes back here.
            None => self.thread.get_or(crate::thread::current),
        }
    }

    /// Waits until the goroutine has ended and returns what it returned. Parks; makes a plain thread
    /// sleep.
    ///
    /// # Errors
    /// The payload of the goroutine's panic; a text that says so when its runtime has ended without
    /// it.
    ///
    /// ```
    /// assert_eq!(gort::scope(|s| s.spawn(|| 3).join().unwrap()), 3);
    /// ```
    pub fn join(mut self) -> Result<T> {
        let result = self.joiner.take().and_then(Joiner::join);
        result.unwrap_or_else(|| Err(never_ran()))
    }

    /// Whether the goroutine has ended. Never parks.
    pub fn is_finished(&self) -> bool {
        self.joiner.as_ref().is_none_or(Joiner::is_finished)
    }
}

impl<T> Drop for ScopedJoinHandle<'_, T> {
    fn drop(&mut self) {
        if let Some(Err(_)) = self.joiner.take().and_then(Joiner::detach) {
            // Relaxed: the lock of the scope's count orders it.
            self.panicked.store(true, Ordering::Relaxed);
        }
    }
}

impl<T> fmt::Debug for ScopedJoinHandle<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScopedJoinHandle").finish_non_exhaustive()
    }
}

impl fmt::Debug for Scope<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let goroutines = self.members.count();
        f.debug_struct("Scope").field("goroutines", &goroutines).finish_non_exhaustive()
    }
}
