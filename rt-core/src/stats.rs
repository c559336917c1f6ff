//! What a worker counts of its own doing.
//!
//! Cold paths count always; what happens at each switch counts in builds for a simulation only
//! (feature `inspect`), so that a switch costs no instruction for it.

use crate::runtime::{Runtime, Shared};
use crate::seam::{AtomicU64, INSPECTED, MODEL, Ordering};

/// What one worker and its processor have done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct WorkerStats {
    /// How often it went through the other processors in search of work.
    pub steals_tried: u64,
    /// How many processors it looked at for that.
    pub victims: u64,
    /// How often it found some.
    pub steals: u64,
    /// How many goroutines it took by that.
    pub stolen: u64,
    /// How many goroutines it took from the queue that all share.
    pub shared_taken: u64,
    /// How many goroutines it took from its inbox, where other threads had put them.
    pub inbox_taken: u64,
    /// How many goroutines it queued behind its full ring.
    pub spilled: u64,
    /// How often it stayed awake for a moment, for what might come, before it would have slept.
    pub stayed_awake: u64,
    /// How often it went to sleep.
    pub sleeps: u64,
    /// How often it woke, or started, and then ran a goroutine.
    pub woken: u64,
    /// How often it woke, or started, and found nothing before it went to sleep again.
    pub woken_in_vain: u64,
    /// How many goroutines it queued where all may take them, `spilled` included. 0 without the
    /// feature `inspect`.
    pub pushed: u64,
    /// How often it began or went on with a goroutine. 0 without the feature `inspect`.
    pub resumed: u64,
}

/// A number that its worker alone writes and anybody reads: no locked instruction.
pub(crate) struct Counter(AtomicU64);

impl Counter {
    const fn new() -> Counter {
        Counter(AtomicU64::new(0))
    }

    /// Owner only. A model has no use for it, and would be slower by each atomic.
    #[inline(always)]
    pub(crate) fn add(&self, n: u64) {
        if !MODEL {
            self.0.store(self.read().wrapping_add(n), Ordering::Relaxed);
        }
    }

    /// [`Counter::add`] in builds for a simulation, and nothing in others. Owner only.
    #[inline(always)]
    pub(crate) fn add_inspected(&self, n: u64) {
        if INSPECTED {
            self.add(n);
        }
    }

    pub(crate) fn read(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

macro_rules! counters {
    ($($name:ident)*) => {
        /// The counters of a worker, written by its own thread.
        pub(crate) struct Counters {
            $(pub(crate) $name: Counter,)*
        }

        impl Counters {
            pub(crate) const fn new() -> Counters {
                Counters { $($name: Counter::new(),)* }
            }

            fn read(&self) -> WorkerStats {
                WorkerStats { $($name: self.$name.read(),)* }
            }
        }
    };
}

counters! {
    steals_tried victims steals stolen shared_taken inbox_taken spilled stayed_awake sleeps
    woken woken_in_vain pushed resumed
}

impl Runtime {
    /// What each worker has done so far, by its index. Numbers that are read while workers run are
    /// of slightly different moments.
    pub fn stats(&self) -> impl Iterator<Item = WorkerStats> + '_ {
        Shared::processors(&self.shared).iter().map(|processor| processor.counters.read())
    }
}
