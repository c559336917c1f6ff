//! The set of those who sleep.

use alloc::boxed::Box;

use crate::seam::{AtomicU64, Mask, Ordering};

/// A set of processors, by index, whose workers sleep: one bit each.
pub(crate) struct IdleSet {
    /// Written by sleepers (their own bit) and by wakers, who take a bit out: whoever clears a bit
    /// has the right, and the duty, to wake that worker.
    words: Box<[AtomicU64]>,
    /// The bits of processors that are in use: others are in the set as any, but wakers don't see
    /// them. Written by who changes the number of processors in use.
    seen: Box<[Mask]>,
}

/// The bits of the first `n` processors, in the word of this index.
fn first(n: usize, word: usize) -> u64 {
    match n.saturating_sub(word * 64).min(64) {
        64 => u64::MAX,
        bits => (1 << bits) - 1,
    }
}

impl IdleSet {
    /// All of `room` idle, and the first `used` in use.
    pub(crate) fn full(room: usize, used: usize) -> IdleSet {
        let words = 0..room.div_ceil(64);
        IdleSet {
            words: words.clone().map(|i| AtomicU64::new(first(room, i))).collect(),
            seen: words.map(|i| Mask::new(first(used, i))).collect(),
        }
    }

    /// The first `used` are in use from now on. A waker may still take one of the others out.
    pub(crate) fn show(&self, used: usize) {
        for (i, seen) in self.seen.iter().enumerate() {
            // SeqCst: as the change of the set that it stands for.
            seen.store(first(used, i), Ordering::SeqCst);
        }
    }

    /// The words, without those that are not in use.
    #[inline]
    fn shown(&self) -> impl Iterator<Item = (&AtomicU64, u64)> {
        // Relaxed: one who has not seen the change wakes one too many, or is followed by a waker.
        self.words.iter().zip(self.seen.iter().map(|seen| seen.load(Ordering::Relaxed)))
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
        self.shown().all(|(word, seen)| word.load(Ordering::SeqCst) & seen == 0)
    }

    pub(crate) fn len(&self) -> usize {
        self.shown()
            .map(|(word, seen)| (word.load(Ordering::Relaxed) & seen).count_ones() as usize)
            .sum()
    }

    /// Takes out the lowest: low workers are the ones that ran lately.
    pub(crate) fn claim(&self) -> Option<usize> {
        for (i, (word, seen)) in self.shown().enumerate() {
            let mut bits = word.load(Ordering::SeqCst);
            while bits & seen != 0 {
                let lowest = (bits & seen) & (bits & seen).wrapping_neg();
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
