//! What the kernel says of the machine, as it told us at the start (`start::keep_auxv`).

use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// A kernel that doesn't say has pages of this size on this processor.
const PAGE: usize = 4096;
/// Room for the registers of the largest processors, where the kernel doesn't say how much it needs.
const FRAME: usize = 16 * 1024;

// Written once, by the first thread before there is another; read by all. Zero: not told.
static PAGE_SIZE: AtomicUsize = AtomicUsize::new(0);
static FRAME_BYTES: AtomicUsize = AtomicUsize::new(0);
/// Taken by the first who asks.
static RANDOM: AtomicU64 = AtomicU64::new(0);

pub(crate) fn page_size() -> usize {
    match PAGE_SIZE.load(Ordering::Relaxed) {
        0 => PAGE,
        told => told,
    }
}

/// The bytes that the kernel needs on an alternate stack to save the registers.
pub(crate) fn signal_frame_bytes() -> usize {
    match FRAME_BYTES.load(Ordering::Relaxed) {
        0 => FRAME,
        told => told,
    }
}

/// Random bytes that cost nothing and were given to nobody else: once, those of the auxv.
pub(crate) fn spare_random() -> Option<u64> {
    // Relaxed: a number of its own, and one swap gets it.
    Some(RANDOM.swap(0, Ordering::Relaxed)).filter(|&random| random != 0)
}

/// Keeps what the kernel told; zero for what it did not.
pub(crate) fn keep(page_size: usize, frame_bytes: usize, random: u64) {
    PAGE_SIZE.store(page_size, Ordering::Relaxed);
    FRAME_BYTES.store(frame_bytes, Ordering::Relaxed);
    RANDOM.store(random, Ordering::Relaxed);
}
