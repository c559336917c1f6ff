//! `std::sync::Barrier`, whose waiters park.
#![forbid(unsafe_code)]

use core::fmt;
use core::panic::{RefUnwindSafe, UnwindSafe};

use rt_core::sync::RawBarrier;

/// A place that a number of tasks leave together.
///
/// It is [`std::sync::Barrier`], but a goroutine that waits parks.
///
/// ```
/// use gort::sync::{Arc, Barrier};
///
/// gort::run(|| {
///     let barrier = Arc::new(Barrier::new(3));
///     let others: Vec<_> = (0..2)
///         .map(|_| {
///             let barrier = barrier.clone();
///             gort::spawn(move || barrier.wait().is_leader())
///         })
///         .collect();
///     let mut leaders = usize::from(barrier.wait().is_leader());
///     leaders += others.into_iter().filter_map(|other| other.join().ok()).filter(|&l| l).count();
///     assert_eq!(leaders, 1);
/// });
/// ```
pub struct Barrier {
    raw: RawBarrier,
}

impl UnwindSafe for Barrier {}
impl RefUnwindSafe for Barrier {}

/// Whether one who has waited at a [`Barrier`] is the leader.
///
/// ```
/// assert!(gort::sync::Barrier::new(1).wait().is_leader());
/// ```
pub struct BarrierWaitResult(bool);

impl Barrier {
    /// A barrier that `n` tasks leave together; 0 is as 1.
    #[must_use]
    #[inline]
    pub const fn new(n: usize) -> Barrier {
        Barrier { raw: RawBarrier::new(n) }
    }

    /// Waits until as many have come as are needed. Then the barrier can be used again. Who comes
    /// last is the leader.
    ///
    /// Parks a goroutine; makes a plain thread sleep.
    pub fn wait(&self) -> BarrierWaitResult {
        BarrierWaitResult(self.raw.wait())
    }
}

impl BarrierWaitResult {
    /// True for one of those who have left the barrier together.
    #[must_use]
    pub fn is_leader(&self) -> bool {
        self.0
    }
}

impl fmt::Debug for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Barrier").finish_non_exhaustive()
    }
}

impl fmt::Debug for BarrierWaitResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BarrierWaitResult").field("is_leader", &self.is_leader()).finish()
    }
}
