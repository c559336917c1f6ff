//! How late the system ends a sleep, so that a short one can end in time.
//!
//! The system wakes a thread some time after the moment that it was asked for: 19 to 40 µs on the
//! virtual machines that this was measured on, up to four fifths of a sleep of 50 µs. So a worker learns
//! how late it is woken as a rule. For a deadline that is close it asks to be woken that much before; and
//! what is left then it passes awake, looking for work.
//!
//! Where many deadlines are close together it sleeps for a while at least, and serves together what has come due:
//! a sleep for each takes more of the processor, 28 µs where it was measured, than what is served. How many
//! there are in all says nothing of that: most of a server's are timeouts, far away, that nobody ever reaches.
//!
//! Rejected: doing so for every deadline (what is won is a share of the sleep, what it costs is the
//! same); a number for all machines (without a hypervisor it would be five times too large).

use core::cell::Cell;

use crate::arch;
use crate::seam::mutant;

/// The longest sleep that is to end in time, in nanoseconds.
const SHORT: u64 = 100_000;

/// The most that a sleep is made shorter by, in nanoseconds.
const MOST: u64 = 40_000;

/// Where so many deadlines come in the same 4 ms (`timer`) it sleeps for so long at least, in nanoseconds. The most
/// first.
const CROWDS: [(usize, u64); 3] = [(512, 800_000), (128, 400_000), (16, 100_000)];

/// What one sleep counts for among those before: an eighth.
const SHARE: u64 = 8;

/// How many moments in a row are passed awake, and how many pauses a moment has.
const AWAKE: (u32, u32) = (32, 20);

/// What a processor knows of it.
pub(crate) struct Late {
    // Owner only.
    /// How late its sleeps end as a rule, in nanoseconds.
    usual: Cell<u64>,
    /// The deadline for which it has asked to be woken early.
    early_for: Cell<u64>,
    /// How many moments in a row it has passed awake.
    awake: Cell<u32>,
}

impl Late {
    pub(crate) const fn new() -> Late {
        Late { usual: Cell::new(0), early_for: Cell::new(0), awake: Cell::new(0) }
    }

    /// Whether it was woken early for this deadline, and is to stay awake. Not for ever.
    pub(crate) fn stays_awake(&self, deadline: u64) -> bool {
        if deadline != self.early_for.get() || self.awake.get() == AWAKE.0 {
            self.awake.set(0);
            return false;
        }
        self.awake.set(self.awake.get() + 1);
        true
    }

    /// When to ask to be woken for a deadline that so many others come close to. Early only if enough of the
    /// sleep is left then: where one deadline follows the other, those that the sleep ends late for are served together.
    pub(crate) fn ask(&self, deadline: u64, crowd: impl FnOnce() -> usize, now: u64) -> u64 {
        let (left, usual) = (deadline.saturating_sub(now), self.usual.get());
        if cfg!(feature = "small") || left > CROWDS[0].1 {
            return deadline;
        }
        let least = mutant!("late-many": least_sleep(crowd()) => 0);
        if left < least {
            return now + least;
        }
        if left > SHORT || usual == 0 || left < usual + usual / 8 {
            return deadline;
        }
        self.early_for.set(deadline);
        deadline - usual
    }

    /// A sleep that was to end at `asked` has ended by itself.
    pub(crate) fn learn(&self, asked: u64, now: u64) {
        let late = now.saturating_sub(asked).min(MOST);
        let usual = self.usual.get();
        self.usual.set(usual - usual / SHARE + late / SHARE);
    }
}

/// The shortest sleep of a worker with such a crowd.
fn least_sleep(crowd: usize) -> u64 {
    CROWDS.iter().find(|(many, _)| crowd >= *many).map_or(0, |(_, least)| *least)
}

/// Passes a moment awake.
pub(crate) fn pass_a_moment() {
    (0..AWAKE.1).for_each(|_| arch::pause());
}
