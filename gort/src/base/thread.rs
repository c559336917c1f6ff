//! `std::thread`, as far as the facade needs it.
#![forbid(unsafe_code)]

use alloc::boxed::Box;
use core::any::Any;

/// What a goroutine returned. The error is that of one that never ran.
pub(crate) type Result<T> = core::result::Result<T, Box<dyn Any + Send + 'static>>;

/// Nobody who asks is unwinding.
#[inline(always)]
pub(crate) fn panicking() -> bool {
    false
}

/// Gives way to other threads.
pub(crate) fn yield_now() {
    rt_core::arch::pause();
}
