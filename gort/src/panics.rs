//! Panics of goroutines, and what to say about them.

use std::any::Any;
use std::io::{self, Write};
use std::panic::Location;

/// What a panic said, if it is text.
fn message(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("(not a text)")
}

/// Reports the panic of a goroutine that nobody joins.
#[cold]
pub(crate) fn report(id: u64, at: &Location<'_>, panic: Box<dyn Any + Send>) {
    let text = message(&*panic);
    // A closed error stream is no reason to fail.
    let _ = writeln!(io::stderr(), "goroutine {id}, spawned at {at}, panicked: {text}");
    discard(panic);
}

/// Drops a panic's payload, whose own `Drop` may panic.
#[cold]
pub(crate) fn discard(panic: Box<dyn Any + Send>) {
    let dropped = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(panic)));
    if let Err(again) = dropped {
        // A payload that panics when dropped gets no third chance.
        std::mem::forget(again);
    }
}
