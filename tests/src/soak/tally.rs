//! Whether all that was sent was received, each once, by however many.

use std::sync::atomic::{AtomicU64, Ordering};

/// The count of some messages, and the sum of what stands for each: two sets with equal ones are
/// equal, but for a chance of one in 2^64.
#[derive(Default)]
pub(crate) struct Tally {
    // Written by anybody; read when all have ended, who are joined.
    count: AtomicU64,
    sum: AtomicU64,
}

impl Tally {
    /// One more message. All of them are different.
    pub(crate) fn add(&self, message: u64) {
        self.count.fetch_add(1, Ordering::Relaxed);
        self.sum.fetch_add(mix(message), Ordering::Relaxed);
    }

    /// How many there were, if the other has the same.
    ///
    /// # Panics
    /// When it has not.
    pub(crate) fn check(&self, received: &Tally) -> u64 {
        let both = |tally: &Tally| {
            (tally.count.load(Ordering::Relaxed), tally.sum.load(Ordering::Relaxed))
        };
        assert_eq!(both(self), both(received), "what was sent is not what was received");
        both(self).0
    }
}

fn mix(message: u64) -> u64 {
    let z = message.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
