//! Something that is done once, while others wait for it.
//!
//! The word changes under the queue's lock only. To `RUNNING` by the one who is told to run; from
//! there, by the same one, to `COMPLETE`, which it never leaves, or to `POISONED`. Then all who wait
//! are woken, and each looks again what is left for it.

use core::fmt;
use core::panic::{RefUnwindSafe, UnwindSafe};

use super::batch::{Batch, Link};
use crate::FOREVER;
use crate::lock::{Guard, Protected};
use crate::seam::{AtomicU32, Ordering, mutant};
use crate::wait::{WaitQueue, WaitsFor, park_limited};

const INCOMPLETE: u32 = 0;
const POISONED: u32 = 1;
const RUNNING: u32 = 2;
const COMPLETE: u32 = 3;

/// Whether something has been done. It parks goroutines and makes plain threads sleep.
pub struct RawOnce {
    /// Written by holders of the queue's lock, as the file's head says. A read of `COMPLETE` proves
    /// that the work is done, and shows it.
    word: AtomicU32,
    queue: Protected<WaitQueue>,
}

/// What one who comes has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Begin {
    /// The work, and then to call [`RawOnce::end`].
    Run {
        /// Somebody has failed at it before.
        poisoned: bool,
    },
    /// Nothing: it is done.
    Completed,
    /// Nothing: somebody has failed at it before.
    Poisoned,
}

impl RawOnce {
    /// For work that is not done yet.
    pub const fn new() -> RawOnce {
        RawOnce {
            word: AtomicU32::new(INCOMPLETE),
            queue: Protected::new(WaitQueue::new(WaitsFor::Once)),
        }
    }

    /// Whether the work is done. Never parks.
    #[inline(always)]
    pub fn is_completed(&self) -> bool {
        // Acquire: pairs with the Release in end().
        self.word.load(Ordering::Acquire) == COMPLETE
    }

    /// Says what the caller has to do; waits while another does the work. One who has `force` does
    /// it even when somebody has failed at it before.
    ///
    /// Parks a goroutine; makes a plain thread sleep. One who calls it at work waits for ever.
    #[cold]
    pub fn begin(&self, force: bool) -> Begin {
        loop {
            let queue = self.queue.lock();
            match self.word.load(Ordering::Relaxed) {
                COMPLETE => return Begin::Completed,
                POISONED if !force => return Begin::Poisoned,
                RUNNING => self.park(queue),
                word => {
                    self.word.store(RUNNING, Ordering::Relaxed);
                    return Begin::Run { poisoned: word == POISONED };
                }
            }
        }
    }

    /// Ends the work, well or not. To be called once by each who was told to run. Never parks.
    pub fn end(&self, well: bool) {
        let mut queue = self.queue.lock();
        debug_assert_eq!(self.word.load(Ordering::Relaxed), RUNNING, "ended what did not run");
        // Release: pairs with the Acquire in is_completed().
        let release = mutant!("once-release": Ordering::Release => Ordering::Relaxed);
        self.word.store(if well { COMPLETE } else { POISONED }, release);
        // SAFETY: whoever waits passes an empty link (`park`).
        let batch = unsafe { Batch::claim_all(&mut queue) };
        drop(queue);
        mutant!("once-wake": batch.wake() => ());
    }

    /// Waits until the work is done. False if somebody has failed at it, unless the caller has
    /// `force`: then it goes on waiting.
    ///
    /// Parks a goroutine; makes a plain thread sleep.
    #[cold]
    pub fn wait(&self, force: bool) -> bool {
        loop {
            let queue = self.queue.lock();
            match self.word.load(Ordering::Relaxed) {
                COMPLETE => return true,
                POISONED if !force => return false,
                _ => self.park(queue),
            }
        }
    }

    fn park(&self, queue: Guard<'_, WaitQueue>) {
        let mut link = Link::default();
        // SAFETY: the queue is this one's own, which `self` borrows until this returns.
        unsafe { park_limited(queue, |queue| queue, (&raw mut link).cast(), FOREVER) };
    }
}

impl UnwindSafe for RawOnce {}
impl RefUnwindSafe for RawOnce {}

impl Default for RawOnce {
    fn default() -> RawOnce {
        RawOnce::new()
    }
}

impl fmt::Debug for RawOnce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawOnce").field("completed", &self.is_completed()).finish()
    }
}
