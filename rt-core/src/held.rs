//! How much a runtime has, for the messages that say what ran out.

use crate::runtime::{Runtime, Shared};
use crate::seam::Ordering;

/// What a runtime has at one moment, more or less: it is counted while others go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// Goroutines that have not ended.
    pub goroutines: u64,
    /// Threads: its workers, the one that called `run` included, and those for blocking calls.
    pub threads: usize,
}

impl Runtime {
    /// What this runtime has.
    pub fn held(&self) -> Held {
        let shared = &self.shared;
        let started = shared.processors().iter().filter(|processor| processor.is_started()).count();
        let workers = started + shared.handoff.extra();
        Held { goroutines: shared.goroutines(), threads: workers + shared.aside.threads() }
    }
}

impl Shared {
    /// How many goroutines have not ended. A zero is true for good once main has ended.
    pub(crate) fn goroutines(&self) -> u64 {
        // Acquire: pairs with the Release of `bump`. Those that ended are counted first: whatever
        // one of them spawned before is counted below.
        let ended = self.processors().iter().map(|p| p.ended.load(Ordering::Acquire));
        let ended: u64 = ended.sum();
        let spawned = self.processors().iter().map(|p| p.spawned.load(Ordering::Acquire));
        let spawned: u64 = spawned.sum();
        spawned + self.spawned_outside.load(Ordering::Acquire) - ended
    }
}
