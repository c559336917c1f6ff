//! A full fence on every thread's behalf: `membarrier`.
#![forbid(unsafe_code)]

use core::sync::atomic::{AtomicU8, Ordering};
use rustix::thread::{MembarrierCommand, membarrier};

const UNKNOWN: u8 = 0;
const REGISTERED: u8 = 1;
const REFUSED: u8 = 2;

/// Whether the kernel does it for this process. Written by the first callers, who all find the same
/// answer; read by every caller. Nothing else is published through it, hence `Relaxed`.
static STATE: AtomicU8 = AtomicU8::new(UNKNOWN);

/// Runs a fence on every processor that runs a thread of ours. False: not to be had.
pub(crate) fn fence_all() -> bool {
    let state = match STATE.load(Ordering::Relaxed) {
        UNKNOWN => register(),
        known => known,
    };
    // A call that is refused after it was registered (a sandbox that closed since) has made no
    // fence, and says so.
    state == REGISTERED && membarrier(MembarrierCommand::PrivateExpedited).is_ok()
}

#[cold]
fn register() -> u8 {
    let state = match membarrier(MembarrierCommand::RegisterPrivateExpedited) {
        Ok(()) => REGISTERED,
        Err(_) => REFUSED,
    };
    STATE.store(state, Ordering::Relaxed);
    state
}
