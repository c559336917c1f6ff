//! Faults of contexts.

use rt_core::{Arch, Context, Entry};

use super::Broken;
use crate::Processor;
use crate::faults::*;

impl<const FAULT: usize> Arch for Broken<FAULT> {
    unsafe fn prepare(top: *mut u8, entry: Entry, arg: *mut ()) -> Context {
        let top = if FAULT == LAYS_OUT_ABOVE { top.wrapping_add(64) } else { top };
        // SAFETY: the caller's contract is the same; who looks for the fault leaves room above.
        let Context(frame) = unsafe { Processor::prepare(top, entry, arg) };
        if FAULT != STACK_OUT_OF_LINE {
            return Context(frame);
        }
        let lower = frame.wrapping_sub(8);
        // SAFETY: what `prepare` wrote, up to `top` rounded down, and the word below, which is unused.
        unsafe { lower.copy_from(frame, (top.addr() & !15) - frame.addr()) };
        Context(lower)
    }

    #[inline(always)]
    unsafe fn switch(save: *mut Context, to: Context, message: usize) -> usize {
        let message = if FAULT == FORGETS_MESSAGES { 0 } else { message };
        // SAFETY: the caller's contract is the same.
        unsafe { Processor::switch(save, to, message) }
    }

    #[inline(always)]
    unsafe fn gogo(to: Context, message: usize) -> ! {
        // SAFETY: the caller's contract is the same.
        unsafe { Processor::gogo(to, message) }
    }

    fn pause() {
        Processor::pause();
    }

    fn prefetch(at: *const ()) {
        if FAULT == FETCHES_ZERO {
            // SAFETY: who looks for the fault begins with memory of its own, and goes no further.
            unsafe { at.cast_mut().cast::<u8>().write(0) };
        }
        Processor::prefetch(at);
    }

    fn ticks() -> u64 {
        if FAULT == TICKS_STAND { 5 } else { Processor::ticks() }
    }
}
