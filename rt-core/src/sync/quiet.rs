//! Whether a mutex is quiet: nobody has ever waited for it, and it is given back by a plain store.
//!
//! A locked instruction takes a mutex, and another would give it back, for one reason: a holder must
//! not miss who comes to wait while it lets go. But most mutexes are never waited for.
//!
//! 1. A mutex that was locked and unlocked for some time without that is quiet. Its holder gives it
//!    back by a plain store, and looks *then* whether it still is quiet.
//! 2. Who is about to wait ends that, and makes every thread pass a fence before it joins the queue.
//!    So a holder that came too late to see it has already given the mutex back for all to see; and
//!    one that stores later, maybe over a bit of those who wait, looks later as well, and mends it.
//! 3. It is never quiet again: what is waited for once is waited for often.

use crate::lock::asymmetric;
use crate::seam::{AtomicU32, Ordering, mutant};

/// It is quiet.
const QUIET: u32 = 0;
/// It was, until a moment ago: not everybody has passed the fence yet.
const ENDING: u32 = u32::MAX - 1;
/// It will never be.
const NEVER: u32 = u32::MAX;

/// How a mutex is given back.
pub(super) struct Quiet(
    /// One of the above, or how many times it is still to be given back before it is quiet. As long as
    /// it is a number, the mutex's holder writes it; once it was `QUIET`, whoever wants to end that.
    AtomicU32,
);

impl Quiet {
    /// Not yet.
    pub(super) const fn new() -> Quiet {
        Quiet::after(asymmetric::WORTH)
    }

    /// When it was given back so many times.
    pub(super) const fn after(times: u32) -> Quiet {
        Quiet(AtomicU32::new(times))
    }

    /// A small core has no quiet mutexes.
    #[inline(always)]
    fn read(&self) -> u32 {
        if cfg!(feature = "small") { NEVER } else { self.0.load(Ordering::Relaxed) }
    }

    /// Relaxed: who finds that it is quiet looks again after the light half of the fence.
    #[inline(always)]
    pub(super) fn is_so(&self) -> bool {
        self.read() == QUIET
    }

    /// Takes note that it is being given back, not quietly, by the caller.
    #[inline(always)]
    pub(super) fn count(&self) {
        let left = self.read();
        if left < ENDING {
            self.count_down(left);
        }
    }

    /// Relaxed: published with the mutex.
    fn count_down(&self, left: u32) {
        let never = left == 1 && !asymmetric::is_given();
        self.0.store(if never { NEVER } else { left - 1 }, Ordering::Relaxed);
    }

    /// It was found not to be free of others by the caller, who holds it.
    pub(super) fn rule_out(&self) {
        self.0.store(NEVER, Ordering::Relaxed);
    }

    /// Whether one who waits can be missed by a holder that takes it for quiet.
    pub(super) fn is_in_doubt(&self) -> bool {
        matches!(self.read(), QUIET | ENDING)
    }

    /// Step 2, by one who is about to wait.
    pub(super) fn end(&self) {
        // Others who come meanwhile must not rely on a fence that not everybody has passed.
        self.0.store(ENDING, Ordering::Relaxed);
        mutant!("quiet-fence": asymmetric::heavy() => ());
        self.0.store(NEVER, Ordering::Relaxed);
    }
}
