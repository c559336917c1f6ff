//! Fresh contexts.

use std::cell::Cell;
use std::hint::black_box;

use rt_core::Arch;

use crate::clause::{Clause, Verdict, holds};
use crate::suite::Suite;
use crate::tools::stack::{EXITED, Stack, home_for_good};

pub(super) fn clauses<A: Arch + 'static>() -> Vec<Clause> {
    const PREPARE: &str = "Lays out a context below `top` (any alignment) that, when first \
                           switched to, goes on in `entry(message, arg)`.";
    vec![
        Clause::new("Arch::prepare/calls-entry", PREPARE, calls_entry::<A>),
        Clause::new("Arch::prepare/aligned-stack", PREPARE, aligned_stack::<A>),
        Clause::new("Arch::prepare/below-top", PREPARE, below_top::<A>),
        Clause::new(
            "Arch::prepare/needs-256-bytes",
            "At least 256 bytes below `top` are writable and unused.",
            no_more_than_allowed::<A>,
        ),
    ]
}

/// What an entry saw.
#[derive(Default)]
struct Seen {
    calls: Cell<u32>,
    message: Cell<usize>,
    local: Cell<usize>,
}

/// A local with the alignment that calling conventions keep a stack at. Its contents
/// are short: more would be stored by an instruction that fails on a stack that is out of line.
#[repr(align(16))]
struct Local(u8);

/// Only notes what it sees: on a stack that is out of line, little else is safe to do.
unsafe extern "C" fn notes<A: Arch>(message: usize, seen: *mut ()) -> ! {
    let local = Local(0);
    // SAFETY: each check passes what is `Seen` and outlives its stack.
    let seen = unsafe { &*seen.cast::<Seen>() };
    seen.calls.set(seen.calls.get() + 1);
    seen.message.set(message);
    // The compiler must not conclude from the type where it is.
    seen.local.set(black_box(&raw const local).addr());
    black_box(local.0);
    home_for_good::<A>(EXITED)
}

fn address(seen: &Seen) -> *mut () {
    std::ptr::from_ref(seen).cast_mut().cast()
}

fn calls_entry<A: Arch>(_: &Suite) -> Verdict {
    let seen = Seen::default();
    let stack = Stack::<A>::new(notes::<A>, address(&seen))?;
    stack.go(0x1234);
    holds!(seen.calls.get() == 1, "`entry` was called {} times", seen.calls.get());
    let message = seen.message.get();
    holds!(message == 0x1234, "the message was 0x1234, and `entry` got {message:#x}");
    let on_stack = stack.top().addr().wrapping_sub(seen.local.get()) < 4096;
    holds!(on_stack, "a local of `entry` is at {:#x}, not close below `top`", seen.local.get());
    Ok(())
}

fn aligned_stack<A: Arch>(_: &Suite) -> Verdict {
    let stack = Stack::<A>::empty()?;
    for below in 0..64 {
        let seen = Seen::default();
        stack.prepare(below, notes::<A>, address(&seen));
        stack.go(0);
        let local = seen.local.get();
        let aligned = local % align_of::<Local>() == 0;
        holds!(aligned, "with `top` at {below} below a page, a local of `entry` is at {local:#x}");
    }
    Ok(())
}

fn below_top<A: Arch>(_: &Suite) -> Verdict {
    for below in [64, 71, 128] {
        let bytes = laid_out::<A>(below)?;
        let above = bytes.iter().filter(|distance| **distance <= below).count();
        holds!(above == 0, "{above} bytes at and above `top` were changed");
    }
    Ok(())
}

fn no_more_than_allowed<A: Arch>(_: &Suite) -> Verdict {
    for below in [64, 71, 128] {
        let bytes = laid_out::<A>(below)?;
        let lower = bytes.iter().filter(|distance| **distance > below + 256).count();
        holds!(lower == 0, "{lower} bytes further than 256 below `top` were changed");
    }
    Ok(())
}

/// Which bytes, by their distance from the stack's end, a context that ends `below` there changes.
fn laid_out<A: Arch>(below: usize) -> Result<Vec<usize>, String> {
    const MARK: u8 = 0xd6;
    let stack = Stack::<A>::empty()?;
    let byte = |distance: usize| stack.top().wrapping_sub(distance);
    for distance in 1..=1024 {
        // SAFETY: far inside of a stack that has nothing on it.
        unsafe { byte(distance).write(MARK) };
    }
    stack.prepare(below, notes::<A>, std::ptr::null_mut());
    // SAFETY: as above; written by the loop.
    let changed = |distance: &usize| unsafe { byte(*distance).read() } != MARK;
    Ok((1..=1024).filter(changed).collect())
}
