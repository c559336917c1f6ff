//! The thread sanitizer: a clock and a call stack for each of our stacks.
//!
//! A switch orders what was before it against what comes after, because it does: both are on one
//! thread, and a processor's own fields are passed on by it. So two goroutines race only while they
//! are on two workers, as threads do.

use core::cell::Cell;
use core::ffi::{c_uint, c_void};
use core::ptr::null_mut;

unsafe extern "C" {
    fn __tsan_get_current_fiber() -> *mut c_void;
    fn __tsan_create_fiber(flags: c_uint) -> *mut c_void;
    fn __tsan_destroy_fiber(fiber: *mut c_void);
    fn __tsan_switch_to_fiber(fiber: *mut c_void, flags: c_uint);
}

/// The flags of a switch that orders.
const ORDERS: c_uint = 0;

/// The sanitizer's name of one stack. Written by whoever lays it out or ends it, read by whoever
/// goes on with it, which the queues order. All zero is valid.
pub(crate) struct Fiber(Cell<*mut c_void>);

impl Fiber {
    pub(crate) const fn new() -> Fiber {
        Fiber(Cell::new(null_mut()))
    }

    /// This is a fresh goroutine's; what its maker did is before what it does.
    #[inline(always)]
    pub(crate) fn begin(&self, _low: *mut u8, _bytes: usize) {
        // SAFETY: makes something, of no duty but to destroy it.
        self.0.set(unsafe { __tsan_create_fiber(0) });
    }

    /// This is the stack that the caller runs on.
    #[inline(always)]
    pub(crate) fn adopt_thread(&self) {
        // SAFETY: asks only.
        self.0.set(unsafe { __tsan_get_current_fiber() });
    }

    /// The next thing is a switch to `to`.
    #[inline(always)]
    pub(crate) fn leave(&self, to: &Fiber) {
        // SAFETY: made by `begin` or adopted, and not destroyed: the stack is about to run.
        unsafe { __tsan_switch_to_fiber(to.0.get(), ORDERS) };
    }

    #[inline(always)]
    pub(crate) fn arrive(&self) {}

    /// The stack was left for good.
    #[inline(always)]
    pub(crate) fn end(&self, _left_at: *mut u8, _top: *mut u8) {
        // SAFETY: made by `begin`, and the switch that brought us here has left it for good.
        unsafe { __tsan_destroy_fiber(self.0.replace(null_mut())) };
    }
}
