//! Go's `sync.WaitGroup`.
#![forbid(unsafe_code)]

use alloc::sync::Arc;
use core::fmt;

use rt_core::sync::WaitGroup as RawWaitGroup;

/// A count of tasks that are under way, and of those who wait until there are none.
///
/// It may be used again and again: each wait ends at the first moment, after its start, at which
/// the count is 0.
///
/// ```
/// use gort::sync::{Arc, WaitGroup};
///
/// gort::run(|| {
///     let group = Arc::new(WaitGroup::new());
///     for _ in 0..3 {
///         group.go(|| gort::yield_now());
///     }
///     group.add(1);
///     let other = group.clone();
///     gort::go(move || other.done());
///     group.wait();
/// });
/// ```
#[derive(Default)]
pub struct WaitGroup {
    raw: RawWaitGroup,
}

/// Counts a task out, however it ends.
struct Task(Arc<WaitGroup>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.done();
    }
}

impl WaitGroup {
    /// A group without tasks.
    #[must_use]
    #[inline]
    pub const fn new() -> WaitGroup {
        WaitGroup { raw: RawWaitGroup::new() }
    }

    /// Counts `n` more tasks. To be called before they are started, for a wait may end meanwhile.
    /// Never parks.
    ///
    /// # Panics
    /// If the count would be more than `usize::MAX`.
    #[inline]
    pub fn add(&self, n: usize) {
        self.raw.add(n);
    }

    /// Counts one task less, and wakes those who wait if it was the last. Never parks.
    ///
    /// # Panics
    /// If there was none.
    #[inline]
    pub fn done(&self) {
        self.raw.done();
    }

    /// Waits until the count is 0.
    ///
    /// Parks a goroutine; makes a plain thread sleep.
    #[inline]
    pub fn wait(&self) {
        self.raw.wait();
    }

    /// Counts a task, and starts a goroutine that does it and is counted out when it ends. If it
    /// panics, that is reported as for [`gort::go`](crate::go), and it is counted out too.
    ///
    /// ```
    /// use gort::sync::{Arc, WaitGroup};
    ///
    /// let group = Arc::new(WaitGroup::new());
    /// group.go(|| assert!(gort::sync::Mutex::new(1).try_lock().is_ok()));
    /// group.wait();
    /// ```
    ///
    /// # Panics
    /// As [`gort::go`](crate::go); the task is not counted then.
    #[track_caller]
    pub fn go<F>(self: &Arc<Self>, f: F)
    where
        F: FnOnce() + Send + 'static,
    {
        self.add(1);
        let task = Task(self.clone());
        crate::go(move || {
            let _task = task;
            f();
        });
    }
}

impl fmt::Debug for WaitGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.raw, f)
    }
}
