//! Plain threads of the simulation: what `std::thread` would be outside of it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use rt_core::{ThreadHandle, os};

/// A started thread. Joined when dropped.
pub(crate) struct Plain(ThreadHandle);

/// Starts a plain thread that calls `f`. A panic of it fails the check.
pub(crate) fn plain<F: FnOnce() + Send + 'static>(f: F) -> Plain {
    /// # Safety
    /// - `f` is a box that `plain` gave up.
    unsafe extern "C" fn entry<F: FnOnce()>(f: *mut ()) {
        // SAFETY: the caller's contract.
        let f = unsafe { Box::from_raw(f.cast::<F>()) };
        if catch_unwind(AssertUnwindSafe(f)).is_err() {
            // The panic itself is on the error stream.
            rt_core::fatal!("a plain thread panicked");
        }
    }
    let f = Box::into_raw(Box::new(f));
    // SAFETY: `entry::<F>` expects a box of `F`, which is `Send` and `'static`.
    match unsafe { os::start(entry::<F>, f.cast()) } {
        Ok(thread) => Plain(thread),
        Err(error) => panic!("the simulation refuses a thread: error {}", error.0),
    }
}

impl Drop for Plain {
    fn drop(&mut self) {
        // SAFETY: started by `plain`, and joined here only.
        unsafe { os::join(self.0) };
    }
}
