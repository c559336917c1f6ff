//! The thread's word: a slot of the system's thread-local storage (the skip path of `rt0_go`).
//!
//! Each access is a call of libc's, so no compiler can keep an address over a switch to another
//! thread. Rejected: a slot at a fixed place, as Go has one on x86-64 (`gs:0x30`): it is Apple's to
//! give, and nobody gave one on 64-bit Arm.

use core::ptr::null_mut;
use core::sync::atomic::{AtomicUsize, Ordering};

use rt_core::{Os, OsError, OsResult};

use crate::Darwin;

const NONE: usize = usize::MAX;

/// The key of the slot. Written once, by whoever is first to need it; read by all. A read of a key
/// proves that it was made.
static KEY: AtomicUsize = AtomicUsize::new(NONE);

/// Makes the slot, on the first call.
pub(crate) fn prepare() -> OsResult<()> {
    key().map(drop)
}

fn key() -> OsResult<libc::pthread_key_t> {
    // Acquire: pairs with the Release below.
    match KEY.load(Ordering::Acquire) {
        NONE => {}
        key => return Ok(key as libc::pthread_key_t),
    }
    let mut key: libc::pthread_key_t = 0;
    // SAFETY: the key is writable; nothing is called when a thread ends.
    match unsafe { libc::pthread_key_create(&raw mut key, None) } {
        0 => {}
        refused => return Err(OsError(refused)),
    }
    // Release: pairs with the Acquire above. Acquire: somebody else's key was made.
    match KEY.compare_exchange(NONE, key as usize, Ordering::Release, Ordering::Acquire) {
        Ok(_) => Ok(key),
        Err(theirs) => {
            // SAFETY: made above, and nobody has seen it.
            unsafe { libc::pthread_key_delete(key) };
            Ok(theirs as libc::pthread_key_t)
        }
    }
}

/// This thread's word, null until [`set_local`].
#[inline]
pub(crate) fn local() -> *mut () {
    // Acquire: pairs with the Release in key().
    match KEY.load(Ordering::Acquire) {
        NONE => null_mut(),
        // SAFETY: a key that was made, and is never deleted.
        key => unsafe { libc::pthread_getspecific(key as libc::pthread_key_t) }.cast(),
    }
}

/// Sets this thread's word.
pub(crate) fn set_local(word: *mut ()) {
    // SAFETY: a key that was made, and is never deleted.
    let set = key().map(|key| unsafe { libc::pthread_setspecific(key, word.cast()) });
    // Only a thread that did not come through `prepare` can find no slot, or no memory for it.
    if set != Ok(0) {
        Darwin::write_error(b"gort: the system has no thread-local slot for its worker\n");
        Darwin::abort();
    }
}
