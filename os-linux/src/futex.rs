//! Sleeping on a word, and waking whoever sleeps on one.
#![forbid(unsafe_code)]

use crate::{clock, raw};
use core::num::NonZeroU32;
use core::sync::atomic::AtomicU32;
use rustix::thread::futex;

/// Any waker may end the sleep: the call is used for its absolute deadline, not for its bits.
const ANY: NonZeroU32 = NonZeroU32::MAX;

pub(crate) fn wait(word: &AtomicU32, expected: u32, until: u64) {
    let deadline = clock::absolute(until);
    // Woken, interrupted, too late or not as expected: the core looks again in any case.
    let _ = futex::wait_bitset(word, futex::Flags::PRIVATE, expected, deadline.as_ref(), ANY);
}

pub(crate) fn wake(word: *const AtomicU32, n: u32) {
    // The memory may be gone already, and then the kernel may say so.
    let _ = raw::futex_wake(word, n);
}
