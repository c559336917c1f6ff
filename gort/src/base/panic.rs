//! `std::panic`, where a panic ends the process.
#![forbid(unsafe_code)]

pub(crate) use core::panic::{AssertUnwindSafe, Location, RefUnwindSafe, UnwindSafe};

use alloc::boxed::Box;
use core::any::Any;

/// Calls `f`. Nothing is caught, for nothing unwinds.
///
/// # Errors
/// None; the result is std's.
#[inline(always)]
pub(crate) fn catch_unwind<F: FnOnce() -> R, R>(f: F) -> Result<R, Box<dyn Any + Send>> {
    Ok(f())
}

/// Goes on with a panic, which a goroutine that never ran may have left.
pub(crate) fn resume_unwind(_payload: Box<dyn Any + Send>) -> ! {
    panic!("a goroutine ended with a panic")
}
