//! The queue that all workers share: Go's `sched.runq`.
//!
//! For goroutines that come from outside. (Go's also takes what a processor's ring has no room for;
//! here that stays with the processor, in order: see `Processor::spill`.)

use crate::goroutine::GoroutineRef;
use crate::list::List;
use crate::lock::Protected;
use crate::queued::left;
use crate::seam::{AtomicUsize, Ordering};

/// The most that one look takes (Go: half a ring).
const BATCH: usize = crate::run_queue::CAPACITY / 2;

/// The shared queue.
pub(crate) struct Inject {
    list: Protected<List>,
    /// Written under the lock. A zero read without it may be stale: whoever goes to sleep on it
    /// reads it again after a full fence (`sleep`).
    len: AtomicUsize,
}

impl Inject {
    pub(crate) const fn new() -> Inject {
        Inject { list: Protected::ordinary(List::new()), len: AtomicUsize::new(0) }
    }

    /// How many are in it, or were a moment ago.
    pub(crate) fn len(&self) -> usize {
        self.len.load(Ordering::Relaxed)
    }

    #[inline(always)]
    pub(crate) fn is_empty(&self) -> bool {
        // SeqCst: pairs with the SeqCst store in push(), for the recheck before sleep.
        self.len.load(Ordering::SeqCst) == 0
    }

    pub(crate) fn push(&self, g: GoroutineRef) {
        g.queued.enter(g);
        let list = self.list.lock();
        list.push_back(g);
        self.len.store(list.len(), Ordering::SeqCst);
    }

    /// Takes a fair share for one of `procs` processors: one to run, and the others as a list.
    /// With `single`, one alone.
    #[doc(alias = "globrunqget")]
    pub(crate) fn take(&self, procs: usize, single: bool) -> Option<(GoroutineRef, List)> {
        if self.is_empty() {
            return None;
        }
        let list = self.list.lock();
        let first = left(list.pop_front())?;
        let rest = List::new();
        if !single {
            let share = (list.len() / procs).min(BATCH - 1);
            for _ in 0..share {
                match left(list.pop_front()) {
                    Some(g) => rest.push_back(g),
                    None => break,
                }
            }
        }
        self.len.store(list.len(), Ordering::SeqCst);
        Some((first, rest))
    }
}
