//! What the tests of a mirrored crate take from elsewhere, in terms of gort. `cargo ci mirror` puts
//! this beside the tests that it rewrites.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{LockResult, PoisonError};

use gort::chan::{Sender, bounded};

/// Runs a test as it was meant.
pub fn threads(test: fn()) {
    test();
}

/// Runs a test as a goroutine.
pub fn goroutines(test: fn()) {
    gort::Builder::new().procs(4).run(test).expect("a runtime starts");
}

/// Runs a test as a goroutine that may move from thread to thread.
pub fn migratory(test: fn()) {
    // SAFETY: the rewritten tests hold nothing of a thread's across a wait: `cargo ci mirror` leaves
    // out those that do.
    let builder = unsafe { gort::Builder::new().procs(4).migratory() };
    builder.run(test).expect("a runtime starts");
}

/// `crossbeam_utils::thread::Scope`.
#[derive(Clone, Copy)]
pub struct Scope<'scope, 'env>(&'scope gort::Scope<'scope, 'env>);

impl<'scope, 'env> Scope<'scope, 'env> {
    /// `crossbeam_utils::thread::Scope::spawn`.
    pub fn spawn<F, T>(&self, f: F) -> gort::ScopedJoinHandle<'scope, T>
    where
        F: FnOnce(&Scope<'scope, 'env>) -> T + Send + 'scope,
        T: Send + 'scope,
    {
        let scope = *self;
        self.0.spawn(move || f(&scope))
    }
}

/// `crossbeam_utils::thread::scope`.
pub fn scope<'env, F, R>(f: F) -> std::thread::Result<R>
where
    F: for<'scope> FnOnce(&Scope<'scope, 'env>) -> R,
{
    catch_unwind(AssertUnwindSafe(|| gort::scope(|scope| f(&Scope(scope)))))
}

/// `std::sync::Mutex`.
#[derive(Default)]
pub struct Mutex<T>(gort::sync::Mutex<T>);

/// `std::sync::MutexGuard`.
pub struct MutexGuard<'a, T> {
    guard: gort::sync::MutexGuard<'a, T>,
    of: &'a Mutex<T>,
}

impl<T> Mutex<T> {
    /// A lock that is free.
    pub fn new(value: T) -> Mutex<T> {
        Mutex(gort::sync::Mutex::new(value))
    }

    /// Takes the lock.
    pub fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        match self.0.lock() {
            Ok(guard) => Ok(MutexGuard { guard, of: self }),
            Err(error) => {
                Err(PoisonError::new(MutexGuard { guard: error.into_inner(), of: self }))
            }
        }
    }
}

impl<T> std::ops::Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.guard
    }
}

impl<T> std::ops::DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.guard
    }
}

/// `std::sync::Condvar`.
pub struct Condvar(gort::sync::Mutex<Vec<Sender<()>>>);

impl Condvar {
    /// One that nobody waits for.
    #[expect(clippy::new_without_default, reason = "the tests need no more")]
    pub fn new() -> Condvar {
        Condvar(gort::sync::Mutex::new(Vec::new()))
    }

    /// Waits to be notified.
    pub fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> LockResult<MutexGuard<'a, T>> {
        let (tx, rx) = bounded(1);
        self.0.lock().expect("nothing panics here").push(tx);
        let of = guard.of;
        drop(guard);
        rx.recv().expect("a sender is kept until it has sent");
        of.lock()
    }

    /// Notifies all who wait.
    pub fn notify_all(&self) {
        for waiting in self.0.lock().expect("nothing panics here").drain(..) {
            waiting.send(()).expect("it waits");
        }
    }
}
