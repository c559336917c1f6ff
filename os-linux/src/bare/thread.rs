//! A thread of the kernel's, on a stack of ours: `clone`.
//!
//! ```text
//! low                                            high
//! | stack .......... | function, arg | slots | Block |
//! ```

use core::ffi::c_void;
use core::sync::atomic::{AtomicU32, Ordering};

use rt_core::OsResult;
use rustix::thread::futex;

use super::signals::{self, Mask};
use super::{syscall, tls};

/// A thread that is started once and joined once.
#[repr(C)]
pub struct Thread {
    /// The kernel's number of it. Written by the kernel: on birth, before either side goes on, and
    /// with zero, and a wake, when the thread has left its stack for good. Read by who joins.
    number: AtomicU32,
    /// What the thread is to have. Written before it starts, read by it.
    mask: Mask,
}

impl os_unix::Thread for Thread {
    fn none() -> Thread {
        Thread { number: AtomicU32::new(0), mask: 0 }
    }

    /// # Safety
    /// - As for the trait.
    unsafe fn start(
        this: *mut Thread,
        stack: *mut u8,
        bytes: usize,
        begin: extern "C" fn(*mut c_void) -> *mut c_void,
        arg: *mut c_void,
    ) -> OsResult<()> {
        // SAFETY: the end of the caller's stack, which is far larger.
        let (block, end) = unsafe { tls::lay_out(stack.wrapping_add(bytes)) };
        let aligned = end.wrapping_sub(end.addr() & 15);
        let words = aligned.cast::<[usize; 2]>().wrapping_sub(1);
        // SAFETY: below the slots, on the caller's stack, aligned on the line above.
        unsafe { words.write([begin as usize, arg.expose_provenance()]) };
        // A handler must not run on the new thread before it has its own stack for that.
        let mask = signals::block_all();
        // SAFETY: writable by the caller's promise; no thread has it yet.
        unsafe { (*this).mask = mask };
        // SAFETY: names the field only.
        let number = unsafe { &raw const (*this).number };
        // SAFETY: the words and the block were laid out above; the number stays until `join`;
        // signals are blocked.
        let started = unsafe { syscall::clone(words, number.cast(), block) };
        signals::set_mask(mask);
        started.map(drop)
    }

    /// Called by the new thread when it has its alternate stack: signals may come.
    ///
    /// # Safety
    /// - `this` is the calling thread's.
    unsafe fn begun(this: *const Thread) {
        // SAFETY: written by `start` before the thread was there.
        signals::set_mask(unsafe { (*this).mask });
    }

    /// Waits until the thread has ended and nothing runs on its stack. Always true.
    ///
    /// # Safety
    /// - [`Thread::start`] has started it, and nobody has joined it yet; it is not the caller.
    unsafe fn join(this: *const Thread) -> bool {
        // SAFETY: it stays where it is until this returns.
        let number = unsafe { &(*this).number };
        loop {
            // Acquire: pairs with the kernel's store, after all that the thread did.
            let now = number.load(Ordering::Acquire);
            if now == 0 {
                return true;
            }
            // The kernel's wake is not a private one.
            let _ = futex::wait(number, futex::Flags::empty(), now, None);
        }
    }
}

/// As `Os::at_thread_end`: there are no destructors here that it could come before.
///
/// # Safety
/// - None.
pub(crate) unsafe fn at_end(_: unsafe extern "C" fn(*mut ()), _: *mut ()) -> bool {
    false
}
