//! Goroutines that borrow: `std::thread::scope`, name for name.

use crate::base::io;
use crate::base::panic::{self, AssertUnwindSafe, Location};
use core::fmt;
use core::marker::PhantomData;
use core::ptr;
use core::sync::atomic::{AtomicBool, Ordering};

use rt_core::{FOREVER, Joiner, Protected, WaitQueue, WaitsFor, park_on};

use crate::thread::{Builder, JoinHandle, Result, never_ran, start_joinable};

/// A scope in which goroutines may borrow what lives outside of it. Made by [`scope`].
pub struct Scope<'scope, 'env: 'scope> {
    running: Protected<Running>,
    /// Written by goroutines of the scope before they count themselves out.
    panicked: AtomicBool,
    scope: PhantomData<&'scope mut &'scope ()>,
    env: PhantomData<&'env mut &'env ()>,
}

struct Running {
    goroutines: usize,
    waiting: WaitQueue,
}

/// The right to wait for the result of a goroutine of a [`Scope`].
pub struct ScopedJoinHandle<'scope, T> {
    /// None only while `join` takes it apart.
    joiner: Option<Joiner<Result<T>>>,
    panicked: &'scope AtomicBool,
}

/// Runs `f`, which may start goroutines that borrow from its surroundings, and waits for all of
/// them. Parks.
///
/// # Panics
/// When `f` panics, its panic goes on; else when a goroutine panicked whose handle was not joined.
#[track_caller]
pub fn scope<'env, F, T>(f: F) -> T
where
    F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> T,
{
    let scope = Scope {
        running: Protected::new(Running {
            goroutines: 0,
            waiting: WaitQueue::new(WaitsFor::Scope),
        }),
        panicked: AtomicBool::new(false),
        scope: PhantomData,
        env: PhantomData,
    };
    // Goroutines may borrow until they have ended, even if `f` panics: wait in every case.
    let result = panic::catch_unwind(AssertUnwindSafe(|| f(&scope)));
    scope.wait();
    match result {
        Err(panic) => panic::resume_unwind(panic),
        // Relaxed: the lock of `running` orders it.
        Ok(_) if scope.panicked.load(Ordering::Relaxed) => panic!("a scoped goroutine panicked"),
        Ok(value) => value,
    }
}

impl<'scope> Scope<'scope, '_> {
    /// Starts a goroutine that may borrow for `'scope`.
    ///
    /// # Panics
    /// When the system gives no memory for its stack.
    #[track_caller]
    pub fn spawn<F, T>(&'scope self, f: F) -> ScopedJoinHandle<'scope, T>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        match self.start(&Builder::new(), Location::caller(), f) {
            Ok(handle) => handle,
            Err(error) => panic!("gort::Scope::spawn: {error}"),
        }
    }

    pub(crate) fn start<F, T>(
        &'scope self,
        builder: &Builder,
        at: &'static Location<'static>,
        f: F,
    ) -> io::Result<ScopedJoinHandle<'scope, T>>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        self.running.lock().goroutines += 1;
        let after = |lost_panic| self.count_out(lost_panic);
        // SAFETY: `scope` waits until `count_out` has run, which is the last that the goroutine
        // does with anything of `'scope`; `f` and `T` are `Send`.
        let started = unsafe { start_joinable(&builder.placed(at), f, after) };
        match started {
            Ok(JoinHandle(joiner)) => {
                Ok(ScopedJoinHandle { joiner: Some(joiner), panicked: &self.panicked })
            }
            Err(error) => {
                self.count_out(false);
                Err(error)
            }
        }
    }

    fn count_out(&self, panicked: bool) {
        if panicked {
            // Relaxed: the lock below orders it.
            self.panicked.store(true, Ordering::Relaxed);
        }
        let mut running = self.running.lock();
        running.goroutines -= 1;
        let waiter = if running.goroutines == 0 { running.waiting.claim_first() } else { None };
        // From here on the scope may be gone, unless somebody waits and is still to be woken.
        drop(running);
        if let Some(waiter) = waiter {
            waiter.wake();
        }
    }

    fn wait(&self) {
        let running = self.running.lock();
        if running.goroutines > 0 {
            // SAFETY: the queue is the scope's own, which `self` borrows until this returns.
            unsafe { park_on(running, |r| &mut r.waiting, ptr::null_mut(), FOREVER) };
        }
    }
}

impl<T> ScopedJoinHandle<'_, T> {
    /// Waits until the goroutine has ended and returns what it returned. Parks.
    ///
    /// # Errors
    /// The payload of the goroutine's panic.
    pub fn join(mut self) -> Result<T> {
        let result = self.joiner.take().and_then(Joiner::join);
        result.unwrap_or_else(|| Err(never_ran()))
    }

    /// Whether the goroutine has ended. Doesn't park.
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
        let goroutines = self.running.lock().goroutines;
        f.debug_struct("Scope").field("goroutines", &goroutines).finish_non_exhaustive()
    }
}
