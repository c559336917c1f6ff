//! A thread of libc, on a stack of ours. libc puts its own record and the thread-local storage at
//! the top of the stack.

use core::ffi::c_void;
use core::mem::MaybeUninit;
use core::ptr::null_mut;

use rt_core::{OsError, OsResult};

/// A thread that is started once and joined once.
pub(crate) struct Thread(MaybeUninit<libc::pthread_t>);

impl Thread {
    /// None yet.
    pub(crate) const fn none() -> Thread {
        Thread(MaybeUninit::uninit())
    }

    /// Starts a thread that calls `begin(arg)` on this stack and ends when that returns. Writes
    /// `*this` when the thread exists; the thread never looks at it.
    ///
    /// # Safety
    /// - `this` is writable, and stays where it is until [`Thread::join`].
    /// - The stack is writable and the thread's own until then, and ends at a multiple of 64.
    /// - `arg` is what `begin` expects.
    pub(crate) unsafe fn start(
        this: *mut Thread,
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
        unsafe { this.write(Thread(thread)) };
        Ok(())
    }

    /// Called by the new thread before anything else of it: nothing is left to do.
    ///
    /// # Safety
    /// - `this` is the calling thread's.
    pub(crate) unsafe fn begun(_this: *const Thread) {}

    /// Waits until the thread has ended and nothing runs on its stack. False: that is not to be.
    ///
    /// # Safety
    /// - [`Thread::start`] has started it, and nobody has joined it yet; it is not the caller.
    pub(crate) unsafe fn join(this: *const Thread) -> bool {
        // SAFETY: `start` wrote it, and it stays there until this returns.
        let thread = unsafe { (*this).0 };
        // SAFETY: as above.
        let thread = unsafe { thread.assume_init() };
        // SAFETY: a thread that was not joined yet, by the caller's promise.
        unsafe { libc::pthread_join(thread, null_mut()) == 0 }
    }
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
        match unsafe { libc::pthread_attr_setstack(&mut attributes.0, stack.cast(), bytes) } {
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

/// As `Os::at_thread_end`: glibc keeps such calls in a list, and makes the last one first.
///
/// # Safety
/// - `arg` is what `f` expects, until the thread ends.
#[cfg(target_env = "gnu")]
pub(crate) unsafe fn at_end(f: unsafe extern "C" fn(*mut ()), arg: *mut ()) -> bool {
    unsafe extern "C" {
        fn __cxa_thread_atexit_impl(
            f: unsafe extern "C" fn(*mut ()),
            arg: *mut (),
            object: *const u8,
        ) -> core::ffi::c_int;
        static __dso_handle: u8;
    }
    // SAFETY: the caller answers for `f` and `arg`; the handle names the object with this code, so
    // that it is not unloaded before.
    unsafe { __cxa_thread_atexit_impl(f, arg, &raw const __dso_handle) == 0 }
}

/// Other C libraries have no such list.
///
/// # Safety
/// - None.
#[cfg(not(target_env = "gnu"))]
pub(crate) unsafe fn at_end(_: unsafe extern "C" fn(*mut ()), _: *mut ()) -> bool {
    false
}
