//! What `run` leaves behind when others don't end with it.
//!
//! `run` returns while other threads of its runtime may still run user code. A goroutine that was at
//! home on the calling thread, and never runs again, may have lent them references into that
//! thread's thread-locals. So the thread's end waits for them, before any thread-local is destroyed.
//! And when they have ended, the next `run` joins them.

use alloc::vec::Vec;

#[cfg(feature = "std")]
use rt_core::os;
use rt_core::{Lent, Protected};

#[cfg(feature = "std")]
use alloc::boxed::Box;

/// Has a destructor, so that std has registered its own for thread-locals before ours.
#[cfg(feature = "std")]
struct Destroyed;

#[cfg(feature = "std")]
impl Drop for Destroyed {
    fn drop(&mut self) {}
}

#[cfg(feature = "std")]
thread_local! {
    static DESTROYED: Destroyed = const { Destroyed };
}

/// Runtimes whose threads are still to be joined.
static LEFT: Protected<Vec<Lent>> = Protected::new(Vec::new());

/// Takes note of a runtime that is not over.
pub(crate) fn leave(lent: Lent) {
    #[cfg(feature = "os-sim")]
    if os_sim::active() {
        // Its threads are those of one check, and must not be left to the next.
        lent.join();
        return;
    }
    LEFT.lock().push(lent.clone());
    // Without std there are no thread-locals to lend.
    #[cfg(feature = "std")]
    if lent.lends_thread() {
        keep_thread(lent);
    }
}

/// Joins the threads of runtimes that are over by now.
pub(crate) fn sweep() {
    let mut left = LEFT.lock();
    let over: Vec<Lent> = left.extract_if(.., |lent| lent.is_over()).collect();
    drop(left);
    over.iter().for_each(Lent::join);
}

/// Makes the calling thread wait at its end, or at once where that is not to be had. The main thread
/// doesn't: the process ends with it, and waiting would keep a program alive that has returned from
/// `main`.
#[cfg(feature = "std")]
fn keep_thread(lent: Lent) {
    if crate::base::thread::current().name() == Some("main") {
        return;
    }
    if DESTROYED.try_with(|_| ()).is_err() {
        // The thread is ending already.
        lent.wait();
        return;
    }
    let lent = Box::into_raw(Box::new(lent));
    // SAFETY: `at_end` expects this box, which nobody else uses.
    if !unsafe { os::at_thread_end(at_end, lent.cast()) } {
        // SAFETY: the box made above, which was not taken.
        unsafe { at_end(lent.cast()) };
    }
}

/// # Safety
/// - `lent` is a box of `keep_thread`, to be used once.
#[cfg(feature = "std")]
unsafe extern "C" fn at_end(lent: *mut ()) {
    // SAFETY: the caller's contract.
    let lent = unsafe { Box::from_raw(lent.cast::<Lent>()) };
    lent.wait();
}
