//! The one place from which the core's lock-free code takes its atomics, so that a model checker
//! can be put underneath.
//!
//! In the model tests (`cargo ci loom`) they are loom's, and [`MODEL`] is true. Nothing else in the
//! core knows of it, save a constant that is made small.

#[cfg(not(all(test, loom)))]
pub use core::sync::atomic::AtomicU32;
pub(crate) use core::sync::atomic::Ordering;
#[cfg(not(all(test, loom)))]
pub(crate) use core::sync::atomic::{
    AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, compiler_fence, fence,
};
/// Numbers that one thread writes and others look at, where nothing hangs on what they see: the
/// model checker is not told of them.
pub(crate) use core::sync::atomic::{AtomicU32 as Gauge, AtomicU64 as LongGauge};
/// Numbers that change in no model, such as how many processors there are: the model checker is not told
/// of them.
pub(crate) use core::sync::atomic::{
    AtomicU32 as Choice, AtomicU64 as Mask, AtomicUsize as Extent,
};

#[cfg(all(test, loom))]
#[path = "models/atomics.rs"]
mod atomics;
#[cfg(all(test, loom))]
pub use atomics::AtomicU32;
#[cfg(all(test, loom))]
pub(crate) use atomics::{
    AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, begin, compiler_fence, fence,
};

/// Whether this is a build for the model checker, which can look only at what is small.
pub(crate) const MODEL: bool = cfg!(all(test, loom));

/// Whether this is a build for a simulation, which looks at every goroutine from outside.
pub(crate) const INSPECTED: bool = cfg!(feature = "inspect");

/// The real expression; or, in a build with `--cfg mutant="name"`, one that is wrong on purpose.
///
/// Such a build must fail a test: that shows that the line matters, and that the tests see it.
macro_rules! mutant {
    ($name:literal: $real:expr => $wrong:expr) => {
        if cfg!(mutant = $name) { $wrong } else { $real }
    };
}

pub(crate) use mutant;
