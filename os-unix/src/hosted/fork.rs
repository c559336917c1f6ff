//! Which process this is, of those that one made of itself by `fork`.
//!
//! libc calls us in the child, before `fork` returns there. A system call of the program's own that
//! goes past libc is not seen; nor is `posix_spawn`, whose child does nothing but exec.

use core::ffi::c_int;
use core::mem::transmute;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

use rt_core::{OsError, OsResult};

use crate::Unix;

/// The core's `fn()`. Null until somebody has installed it; written once, and read in children.
static CHILD: AtomicPtr<()> = AtomicPtr::new(null_mut());

/// How many forks lie behind this process. Written in children that have one thread, so any order
/// will do.
static FORKS: AtomicU32 = AtomicU32::new(0);

/// As `Os::at_fork`.
///
/// # Errors
/// libc has no memory to note it.
pub fn at_fork<U: Unix>(child: fn()) -> OsResult<()> {
    // Relaxed: a function's address is all there is to see, and a child is a copy of its parent.
    let first =
        CHILD.compare_exchange(null_mut(), child as *mut (), Ordering::Relaxed, Ordering::Relaxed);
    if first.is_err() {
        return Ok(());
    }
    // SAFETY: `in_child` is a function of this program, which is never unloaded before its end.
    match unsafe { pthread_atfork(None, None, Some(in_child::<U>)) } {
        0 => Ok(()),
        refused => {
            CHILD.store(null_mut(), Ordering::Relaxed);
            Err(OsError(refused))
        }
    }
}

/// As `Os::forks`.
pub fn forks() -> u32 {
    FORKS.load(Ordering::Relaxed)
}

unsafe extern "C" {
    // The libc crate leaves it out for glibc, which has it in its static part.
    fn pthread_atfork(
        prepare: Option<unsafe extern "C" fn()>,
        parent: Option<unsafe extern "C" fn()>,
        child: Option<unsafe extern "C" fn()>,
    ) -> c_int;
}

extern "C" fn in_child<U: Unix>() {
    U::forked();
    FORKS.fetch_add(1, Ordering::Relaxed);
    let child = CHILD.load(Ordering::Relaxed);
    if !child.is_null() {
        // SAFETY: `at_fork` stores such functions only.
        let child = unsafe { transmute::<*mut (), fn()>(child) };
        child();
    }
}
