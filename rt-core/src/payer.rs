//! Who pays for the fence between those who queue something and those who are about to sleep.
//!
//! A producer queues and then looks for sleepers; a sleeper says that it sleeps and then looks for what is
//! queued (`Worker::sleep`, step 3). Each has to pass a fence in between, or both may look too early.
//!
//! 1. First sleepers pay for both: one that finds another worker awake makes every thread pass a fence. That
//!    takes 0.5 to 10 µs, and as much of the others' time.
//! 2. Where workers sleep often and little is queued in between, as in a server whose workers have sockets
//!    of their own, it is cheaper that producers pay: a locked instruction each.
//! 3. After every so many sleeps it is settled anew, by one sleeper at a time. One that lets producers pay says
//!    that this is changing, from when on they do; makes every thread pass a fence once more, so that all
//!    of them know; and says that it has changed, from when on sleepers don't. One that lets sleepers pay
//!    says so, and pays.
//!
//! A producer asks who pays after it has queued, a sleeper after its own fence. So if a sleeper finds that
//! producers pay, and one that comes later finds that they don't any more, that one looks after the
//! sleeper's fence, and sees it.

use crate::lock::Protected;
use crate::lock::asymmetric::WORTH;
use crate::os;
use crate::seam::{Choice, INSPECTED, Ordering, compiler_fence, fence, mutant};

/// In a small program producers pay.
const SMALL: bool = cfg!(feature = "small");

const SLEEPERS: u32 = 0;
const CHANGING: u32 = 1;
const PRODUCERS: u32 = 2;

/// After how many sleeps it is settled who pays.
const SLEEPS: u32 = if INSPECTED { 2 } else { 8 };

pub(crate) struct Payer {
    /// Constant: whether the system gave the fence of all, without which producers pay for ever.
    given: bool,
    /// One of the above. Written under the lock of `counts`. SeqCst: as the head says. (Models have no fence
    /// of all, so it never changes there.)
    who: Choice,
    counts: Protected<Counts>,
}

#[derive(Default)]
struct Counts {
    /// How many sleeps there were since it was settled.
    sleeps: u32,
    /// How many had been queued then.
    queued: u64,
}

impl Payer {
    pub(crate) fn new(given: bool) -> Payer {
        let who = Choice::new(if given { SLEEPERS } else { PRODUCERS });
        Payer { given, who, counts: Protected::ordinary(Counts::default()) }
    }

    /// A producer's half.
    #[inline(always)]
    pub(crate) fn fence_after_push(&self) {
        if !SMALL && self.who.load(Ordering::SeqCst) == SLEEPERS {
            compiler_fence(Ordering::SeqCst);
        } else {
            // SeqCst: pairs with the fence in fence_before_sleep().
            mutant!("wake-fence": fence(Ordering::SeqCst) => ());
        }
    }

    /// A sleeper's half. `queued` says how many were ever queued, and `others` whether other workers are
    /// awake: if not, there is nothing to pay for. Whoever of them wakes does so by a locked
    /// instruction, and then sees this one in the idle set.
    /// False: the system has stopped giving the fence of all, and a producer may not be seen.
    pub(crate) fn fence_before_sleep(
        &self,
        queued: impl FnOnce() -> u64,
        others: impl FnOnce() -> bool,
    ) -> bool {
        // SeqCst: pairs with the fence in fence_after_push().
        fence(Ordering::SeqCst);
        if SMALL || !self.given {
            return true;
        }
        if let Some(passed) = self.settle(queued) {
            return passed;
        }
        self.who.load(Ordering::SeqCst) == PRODUCERS || !others() || os::fence_all()
    }

    /// Step 3, if it is time for it: then who sleeps knows the answer.
    fn settle(&self, queued: impl FnOnce() -> u64) -> Option<bool> {
        let mut counts = self.counts.try_lock()?;
        counts.sleeps += 1;
        if counts.sleeps < SLEEPS {
            return None;
        }
        let queued = queued();
        let since = queued.wrapping_sub(counts.queued);
        *counts = Counts { sleeps: 0, queued };
        let before = self.who.load(Ordering::SeqCst);
        let few = mutant!("payer": since < u64::from(SLEEPS * WORTH) => false);
        let who = if few { PRODUCERS } else { SLEEPERS };
        if who == before {
            return None;
        }
        if who == SLEEPERS {
            self.who.store(SLEEPERS, Ordering::SeqCst);
            return None;
        }
        self.who.store(CHANGING, Ordering::SeqCst);
        let all = os::fence_all();
        self.who.store(if all { PRODUCERS } else { SLEEPERS }, Ordering::SeqCst);
        Some(all)
    }
}
