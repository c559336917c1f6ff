//! The set of those who sleep.

use alloc::boxed::Box;

use crate::seam::{AtomicU64, Ordering};

/// A set of processors, by index, whose workers sleep: one bit each.
pub(crate) struct IdleSet {
    /// Written by sleepers (their own bit) and by wakers, who take a bit out: whoever clears a bit
    /// has the right, and the duty, to wake that worker.
    words: Box<[AtomicU64]>,
}

impl IdleSet {
    /// All of `workers` idle.
    pub(crate) fn full(workers: usize) -> IdleSet {
        let word = |i: usize| {
            let bits = (workers - i * 64).min(64);
            AtomicU64::new(if bits == 64 { u64::MAX } else { (1 << bits) - 1 })
        };
        IdleSet { words: (0..workers.div_ceil(64)).map(word).collect() }
    }

    /// True if it was not in.
    pub(crate) fn insert(&self, index: usize) -> bool {
        let bit = 1 << (index % 64);
        // SeqCst: pairs with is_empty() of a producer (`Worker::sleep`, steps 2 and 3).
        self.words[index / 64].fetch_or(bit, Ordering::SeqCst) & bit == 0
    }

    /// True if it was in.
    pub(crate) fn remove(&self, index: usize) -> bool {
        let bit = 1 << (index % 64);
        self.words[index / 64].fetch_and(!bit, Ordering::SeqCst) & bit != 0
    }

    #[inline(always)]
    pub(crate) fn is_empty(&self) -> bool {
        self.words.iter().all(|word| word.load(Ordering::SeqCst) == 0)
    }

    pub(crate) fn len(&self) -> usize {
        self.words.iter().map(|word| word.load(Ordering::Relaxed).count_ones() as usize).sum()
    }

    /// Takes out the lowest: low workers are the ones that ran lately.
    pub(crate) fn claim(&self) -> Option<usize> {
        for (i, word) in self.words.iter().enumerate() {
            let mut bits = word.load(Ordering::SeqCst);
            while bits != 0 {
                let lowest = bits & bits.wrapping_neg();
                match word.compare_exchange(
                    bits,
                    bits & !lowest,
                    Ordering::SeqCst,
                    Ordering::SeqCst,
                ) {
                    Ok(_) => return Some(i * 64 + lowest.trailing_zeros() as usize),
                    Err(newer) => bits = newer,
                }
            }
        }
        None
    }
}
