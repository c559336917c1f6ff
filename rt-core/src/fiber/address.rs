//! The address sanitizer: bounds of stacks, fake stacks, and where leaked memory may be named.
//!
//! With `detect_stack_use_after_return` a frame's variables are on a fake stack of the sanitizer's,
//! one for each of our stacks; it is handed to the sanitizer again when the stack goes on.

use alloc::vec::Vec;
use core::cell::Cell;
use core::ffi::c_void;
use core::ptr::{null, null_mut};

use crate::os;

unsafe extern "C" {
    fn __sanitizer_start_switch_fiber(save: *mut *mut c_void, bottom: *const c_void, bytes: usize);
    fn __sanitizer_finish_switch_fiber(
        saved: *mut c_void,
        from_bottom: *mut *const c_void,
        from_bytes: *mut usize,
    );
    fn __asan_unpoison_memory_region(at: *const c_void, bytes: usize);
    fn __lsan_register_root_region(at: *const c_void, bytes: usize);
    fn __lsan_unregister_root_region(at: *const c_void, bytes: usize);
}

/// What the sanitizer needs to know of one stack. Written and read by whoever runs on it, leaves it
/// or goes on with it; a switch passes it on, as it does the stack itself. All zero is valid.
pub(crate) struct Fiber {
    bottom: Cell<*const c_void>,
    bytes: Cell<usize>,
    fake: Cell<*mut c_void>,
}

impl Fiber {
    pub(crate) const fn new() -> Fiber {
        Fiber { bottom: Cell::new(null()), bytes: Cell::new(0), fake: Cell::new(null_mut()) }
    }

    /// This is a fresh goroutine's: it lies in these bytes.
    #[inline(always)]
    pub(crate) fn begin(&self, low: *mut u8, bytes: usize) {
        self.bottom.set(low.cast());
        self.bytes.set(bytes);
        self.fake.set(null_mut());
    }

    /// This is the stack that the caller runs on. Nothing tells its bounds but a switch, so this
    /// pretends one, and another one back.
    #[inline(never)]
    pub(crate) fn adopt_thread(&self) {
        let mut fake = null_mut();
        // SAFETY: no stack is left: the current one is said to be the next one's, and put right by
        // the second pair below.
        unsafe { __sanitizer_start_switch_fiber(&mut fake, null(), 0) };
        // SAFETY: gives back what the call above has taken; both places are writable.
        unsafe {
            __sanitizer_finish_switch_fiber(fake, self.bottom.as_ptr(), self.bytes.as_ptr());
        }
        // SAFETY: the bounds are the current stack's, as the line above has found.
        unsafe { __sanitizer_start_switch_fiber(&mut fake, self.bottom.get(), self.bytes.get()) };
        // SAFETY: as the first of these calls; the bounds of before are not asked for.
        unsafe { __sanitizer_finish_switch_fiber(fake, null_mut(), null_mut()) };
    }

    /// The next thing is a switch from this to `to`.
    #[inline(always)]
    pub(crate) fn leave(&self, to: &Fiber) {
        let (bottom, bytes) = (to.bottom.get(), to.bytes.get());
        // SAFETY: the place is writable until `arrive`; the bounds are those of a stack that
        // somebody has laid out or left.
        unsafe { __sanitizer_start_switch_fiber(self.fake.as_ptr(), bottom, bytes) };
    }

    /// A switch has come up on this stack.
    #[inline(always)]
    pub(crate) fn arrive(&self) {
        // SAFETY: `leave` has saved it, on whatever thread; none is saved for a fresh stack.
        unsafe { __sanitizer_finish_switch_fiber(self.fake.get(), null_mut(), null_mut()) };
    }

    /// The stack was left for good at `left_at`. Frames up to `top` never returned, so the gaps
    /// around their variables are still forbidden: the next goroutine may use them.
    ///
    /// Its fake stack is freed here and not as it left, for it held variables until the switch. What
    /// frees one is a last switch from its stack: so this pretends to go there and to come back.
    #[inline(never)]
    pub(crate) fn end(&self, left_at: *mut u8, top: *mut u8) {
        let bytes = top.addr().saturating_sub(left_at.addr());
        // SAFETY: a part of a stack that nobody uses.
        unsafe { __asan_unpoison_memory_region(left_at.cast(), bytes) };
        let here = Fiber::new();
        here.leave(self);
        // SAFETY: `leave` has saved it as the goroutine left; both places are writable.
        unsafe {
            __sanitizer_finish_switch_fiber(
                self.fake.get(),
                here.bottom.as_ptr(),
                here.bytes.as_ptr(),
            );
        }
        let (bottom, bytes) = (here.bottom.get(), here.bytes.get());
        // SAFETY: the bounds are the current stack's, as the line above has found; no place to save
        // the dead one's fake stack says that it is to be freed.
        unsafe { __sanitizer_start_switch_fiber(null_mut(), bottom, bytes) };
        here.arrive();
    }
}

/// A mapping of stacks: what a parked goroutine's variables name is not leaked.
#[derive(Debug)]
pub(crate) struct Mapping {
    /// Each without its guard, at which the search for leaks would end with a fault.
    stacks: Vec<*mut u8>,
    bytes: usize,
}

impl Mapping {
    pub(crate) fn new(_base: *mut u8, _bytes: usize) -> Mapping {
        Mapping { stacks: Vec::new(), bytes: 0 }
    }

    pub(crate) fn add_stack(&mut self, low: *mut u8, bytes: usize) {
        let guard = os::page_size();
        self.stacks.push(low.wrapping_add(guard));
        self.bytes = bytes - guard;
        // SAFETY: notes a range, which is readable until `end`.
        unsafe { __lsan_register_root_region(low.wrapping_add(guard).cast(), self.bytes) };
    }

    pub(crate) fn end(self) {
        for low in self.stacks {
            // SAFETY: noted by `add_stack` in the same words, and not forgotten since.
            unsafe { __lsan_unregister_root_region(low.cast(), self.bytes) };
        }
    }
}
