//! Panics of goroutines, and what to say about them.

use crate::base::panic::Location;
use alloc::boxed::Box;
use alloc::string::String;
use core::any::Any;

/// What a panic said, if it is text.
fn message(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("(not a text)")
}

/// Reports the panic of a goroutine-local value's destructor.
#[cold]
pub(crate) fn report_local(panic: Box<dyn Any + Send>) {
    let text = message(&*panic);
    write(format_args!("the destructor of a goroutine-local value panicked: {text}"));
    discard(panic);
}

/// Reports the panic of a goroutine that nobody joins.
#[cold]
pub(crate) fn report(id: u64, at: &Location<'_>, panic: Box<dyn Any + Send>) {
    let text = message(&*panic);
    write(format_args!("goroutine {id}, spawned at {at}, panicked: {text}"));
    discard(panic);
}

/// Writes a line to the error stream.
#[cfg(feature = "std")]
fn write(line: core::fmt::Arguments<'_>) {
    use std::io::Write;

    // A closed error stream is no reason to fail.
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Writes a line to the error stream.
#[cfg(not(feature = "std"))]
fn write(line: core::fmt::Arguments<'_>) {
    rt_core::report(line);
}

/// Drops a panic's payload, whose own `Drop` may panic.
#[cold]
pub(crate) fn discard(panic: Box<dyn Any + Send>) {
    let dropped =
        crate::base::panic::catch_unwind(crate::base::panic::AssertUnwindSafe(|| drop(panic)));
    if let Err(again) = dropped {
        // A payload that panics when dropped gets no third chance.
        core::mem::forget(again);
    }
}
