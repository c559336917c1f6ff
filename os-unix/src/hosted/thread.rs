//! A thread of libc, on a stack of ours. libc puts its own record and the thread-local storage at
//! the top of the stack, or elsewhere.

use core::ffi::{c_int, c_void};
use core::mem::MaybeUninit;
use core::ptr::null_mut;

use rt_core::{OsError, OsResult};

use crate::Thread;

/// A thread of libc's that is started once and joined once.
pub struct PosixThread(MaybeUninit<libc::pthread_t>);

impl Thread for PosixThread {
    /// None yet.
    fn none() -> PosixThread {
        PosixThread(MaybeUninit::uninit())
    }

    /// Starts a thread that calls `begin(arg)` on this stack and ends when that returns. Writes
    /// `*this` when the thread exists; the thread never looks at it.
    ///
    /// # Safety
    /// - As for the trait.
    unsafe fn start(
        this: *mut PosixThread,
        stack: *mut u8,
        bytes: usize,
        begin: extern "C" fn(*mut c_void) -> *mut c_void,
        arg: *mut c_void,
    ) -> OsResult<()> {
        let attributes = Attributes::new(stack, bytes)?;
        let mut thread = MaybeUninit::uninit();
        // SAFETY: the attributes name a stack that is the caller's to give; `arg` fits `begin`.
        let result =
            unsafe { libc::pthread_create(thread.as_mut_ptr(), &attributes.0, begin, arg) };
        if result != 0 {
            return Err(OsError(result));
        }
        // SAFETY: writable by the caller's promise.
        unsafe { this.write(PosixThread(thread)) };
        Ok(())
    }

    /// Called by the new thread before anything else of it: nothing is left to do.
    ///
    /// # Safety
    /// - `this` is the calling thread's.
    unsafe fn begun(_this: *const PosixThread) {}

    /// Waits until the thread has ended and nothing runs on its stack. False: that is not to be.
    ///
    /// # Safety
    /// - [`Thread::start`] has started it, and nobody has joined it yet; it is not the caller.
    unsafe fn join(this: *const PosixThread) -> bool {
        // SAFETY: `start` wrote it, and it stays there until this returns.
        let thread = unsafe { (*this).0 };
        // SAFETY: as above.
        let thread = unsafe { thread.assume_init() };
        // SAFETY: a thread that was not joined yet, by the caller's promise.
        unsafe { libc::pthread_join(thread, null_mut()) == 0 }
    }
}

unsafe extern "C" {
    // Every libc has it, but the crate of that name leaves it out for some.
    fn pthread_attr_setstack(
        attributes: *mut libc::pthread_attr_t,
        stack: *mut c_void,
        bytes: usize,
    ) -> c_int;
}

/// libc's attributes of a thread, destroyed in the end.
struct Attributes(libc::pthread_attr_t);

impl Attributes {
    /// Attributes that say: run on this stack.
    fn new(stack: *mut u8, bytes: usize) -> OsResult<Attributes> {
        let mut attributes = MaybeUninit::uninit();
        // SAFETY: `attributes` is writable.
        match unsafe { libc::pthread_attr_init(attributes.as_mut_ptr()) } {
            0 => {}
            refused => return Err(OsError(refused)),
        }
        // SAFETY: initialised by the successful call above.
        let mut attributes = Attributes(unsafe { attributes.assume_init() });
        // SAFETY: only notes the range; whoever starts a thread answers for it.
        match unsafe { pthread_attr_setstack(&mut attributes.0, stack.cast(), bytes) } {
            0 => Ok(attributes),
            refused => Err(OsError(refused)),
        }
    }
}

impl Drop for Attributes {
    fn drop(&mut self) {
        // SAFETY: initialised in `new`, and this is its last use.
        unsafe { libc::pthread_attr_destroy(&mut self.0) };
    }
}
