//! What stands beside what a waiter waits for, and says who could wake it: for reports.
//!
//! It is written by those who use a channel or a lock, with stores that nobody waits for, and read by
//! whoever looks at one that waits there (`inspect`).
#![forbid(unsafe_code)]

use core::ptr::NonNull;

use crate::goroutine::GoroutineRef;
use crate::seam::{AtomicU64, AtomicUsize, Ordering};
use crate::switch::{Entered, enter};

/// Where to look for who could wake a waiter.
#[derive(Clone, Copy)]
pub(crate) enum About {
    /// Nowhere.
    Nothing,
    /// The handles of the channel.
    Channel(NonNull<Ends>),
    /// The holder of the lock.
    Lock(NonNull<Holder>),
}

/// How many handles each side of a channel has.
pub(crate) struct Ends {
    pub(crate) senders: Handles,
    pub(crate) receivers: Handles,
}

/// How many handles one side of a channel has.
pub(crate) struct Handles(
    /// Written by each handle that is cloned or dropped. Read as 0 it proves that the reader was
    /// the last, and that all that the others did has happened.
    AtomicUsize,
);

impl Handles {
    /// More handles than there can be, unless they are forgotten in a loop.
    const MOST: usize = isize::MAX as usize;

    pub(crate) fn one() -> Handles {
        Handles(AtomicUsize::new(1))
    }

    pub(crate) fn none() -> Handles {
        Handles(AtomicUsize::new(0))
    }

    /// Counts a clone.
    pub(crate) fn add(&self) {
        if self.0.fetch_add(1, Ordering::Relaxed) > Handles::MOST {
            crate::fatal!("a channel has more than {} handles", Handles::MOST);
        }
    }

    /// Counts a handle that is dropped; true for the last one.
    pub(crate) fn remove(&self) -> bool {
        // Release: what this handle did comes before its end. Acquire: pairs with those Releases.
        self.0.fetch_sub(1, Ordering::AcqRel) == 1
    }

    /// How many there are at this moment.
    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// Who holds a lock: a number that no other goroutine of the process has while this one lives.
pub(crate) struct Holder(
    /// Written by who has just taken the lock, and cleared by who is about to give it back: so a
    /// number that is there is the holder's.
    AtomicU64,
);

impl Holder {
    /// A plain thread.
    const OUTSIDE: u64 = 1;

    pub(crate) const fn nobody() -> Holder {
        Holder(AtomicU64::new(0))
    }

    /// The caller has taken the lock.
    #[inline(always)]
    pub(crate) fn note(&self) {
        let me = enter().and_then(Entered::on_goroutine);
        let number = me.map_or(Holder::OUTSIDE, |(_, g)| Holder::number(g));
        self.0.store(number, Ordering::Relaxed);
    }

    /// The caller is about to give it back.
    #[inline(always)]
    pub(crate) fn clear(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    /// The holder's number; 0 for nobody.
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// The number of a goroutine: where its record is, which is aligned to 64 bytes and lies in the
    /// lower 47 bits, and the last bits of its id, by which it differs from those that had the same
    /// record before.
    #[inline(always)]
    pub(crate) fn number(g: GoroutineRef) -> u64 {
        (g.as_ptr().addr() as u64) >> 6 << ID_BITS | g.id.get() & ((1 << ID_BITS) - 1)
    }

    /// Where the record of the goroutine of this number is, or was; none for a plain thread.
    pub(crate) fn address(number: u64) -> Option<usize> {
        (number != Holder::OUTSIDE).then_some((number >> ID_BITS << 6) as usize)
    }
}

/// How many bits of a holder's number are from its id.
const ID_BITS: u32 = 23;
