//! What a poller is to the core: a word, which is the address of what the backend keeps for it.

use alloc::boxed::Box;
use core::ptr;

use rt_core::Poll;

/// A poller that keeps this until [`close`].
pub fn open<T: Send + Sync + 'static>(kept: T) -> Poll {
    Poll(Box::into_raw(Box::new(kept)).expose_provenance())
}

/// What a poller keeps.
///
/// # Safety
/// - [`open`] has made it of a `T`, and it is not closed while this is used.
pub unsafe fn kept<'a, T>(poll: Poll) -> &'a T {
    // SAFETY: the caller says that it is there.
    unsafe { &*ptr::with_exposed_provenance::<T>(poll.0) }
}

/// Drops what a poller keeps.
///
/// # Safety
/// - [`open`] has made it of a `T`, and nobody uses it any more.
pub unsafe fn close<T>(poll: Poll) {
    // SAFETY: from a box, says the caller, and used by nobody.
    drop(unsafe { Box::from_raw(ptr::with_exposed_provenance_mut::<T>(poll.0)) });
}
