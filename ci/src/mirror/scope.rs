//! What the tests of crossbeam-channel take from elsewhere, in terms of gort.

use std::panic::{AssertUnwindSafe, catch_unwind};

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
