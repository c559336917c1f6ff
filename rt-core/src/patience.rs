//! Whether a thief takes what it finds, or leaves it alone for a while.
//!
//! What another processor has queued is not always worth taking: a goroutine that runs for a tenth of a
//! microsecond costs several times that on another core, where its stack and its result are not, and
//! its own processor waits for these later. What goroutines will take nobody knows, so each thief
//! learns from what it has taken.
//!
//! 1. Between taking something and looking for more it was busy. If that was little for so many
//!    goroutines, and they have ended, its patience doubles. If it was much, as with the branch of a
//!    tree, or if they have settled here, as those of a server's connections do, it loses most of it.
//!    But those that settle count as if they had ended where far more are at home already than with
//!    another: who spawns them would have none at home, and this worker all.
//! 2. A thief with patience looks for a moment at those that have something. If each of them begins and
//!    ends goroutines all the time it bides its time: it is not in the idle set, and wakers spare themselves
//!    the trouble. But it looks again soon, for whoever has them may get stuck with one of them.
//! 3. When its patience is over it takes what there is, and learns.
//! 4. One that has just been started lets whoever started it go on first: that may be about to wait for
//!    what it has spawned, and the two are better kept together. (One that was asleep comes late enough.)
//!
//! So nobody who is stuck is left alone for longer than [`SLICE`], or than [`FIRST`] by one that is new.
//! Rejected: to take one at a time, or only what has lain there for some time (each of them still costs
//! what it costs; measured with batches of a thousand short ones, which then took four times and 1.1 times
//! as long); never to take from one that is not stuck (a tree would be left to one worker).

use core::cell::Cell;

use crate::os;
use crate::processor::Processor;
use crate::runtime::Shared;
use crate::seam::{INSPECTED, MODEL, Ordering, mutant};
use crate::spin::Watch;

/// Small programs are impatient.
const SMALL: bool = cfg!(feature = "small");

/// The least and the most patience, in nanoseconds.
const PATIENCE: (u64, u64) = (25_000, 1_000_000);

/// How long it sleeps when it has just been started, in nanoseconds: beside one other, and beside several.
/// (That one other had to start a thread in the middle of what it does, and its stacks are new. After 30 µs
/// eight goroutines that hand something to each other were torn apart in every third run.)
const FIRST: (u64, u64) = (300_000, 30_000);

/// How long it sleeps at a time, in nanoseconds.
const SLICE: u64 = 100_000;

/// What a thief is to be busy with at least, in nanoseconds: for having been woken, and for each
/// goroutine.
const WORTH: (u64, u64) = (20_000, 1_000);

/// How long one is looked at, in nanoseconds, until so many goroutines have begun or ended. (One on a stack
/// that was never used takes 2.5 µs.)
const MOMENT: u64 = 8_000;
const BUSY: u64 = 2;

/// What a look around counts for: it comes after many resumptions, or after few long ones.
const LOOK: u64 = 16;

/// How much a thief leaves alone. Its owner's.
pub(crate) struct Patience {
    /// In nanoseconds.
    limit: Cell<u64>,
    /// Whether it has never looked for anything. Models of other things do without.
    is_new: Cell<bool>,
    /// When it is over, since it has begun to bide its time.
    over: Cell<Option<u64>>,
    /// Until when it sleeps now.
    bides: Cell<Option<u64>>,
    /// What was taken, if that is not judged yet.
    taken: Cell<Option<Taken>>,
}

#[derive(Clone, Copy)]
struct Taken {
    goroutines: u64,
    at: u64,
    /// How many were at home here before.
    settled: u64,
}

impl Patience {
    pub(crate) const fn new() -> Patience {
        Patience {
            limit: Cell::new(0),
            is_new: Cell::new(!MODEL),
            over: Cell::new(None),
            bides: Cell::new(None),
            taken: Cell::new(None),
        }
    }

    /// As if it had never looked for anything.
    #[cfg(all(test, loom))]
    pub(crate) fn begin(&self) {
        self.is_new.set(true);
    }

    /// Takes note that so many goroutines were taken, where so many were at home before.
    pub(crate) fn took(&self, goroutines: u64, settled: u64) {
        if !SMALL {
            self.taken.set(Some(Taken { goroutines, at: os::now(), settled }));
        }
    }

    /// Step 1, by one who has nothing left.
    pub(crate) fn learn(&self, thief: &Processor, shared: &Shared) {
        if !SMALL && let Some(taken) = self.taken.take() {
            let settled = thief.settled.load(Ordering::Relaxed);
            let wanted = mutant!("patience-many": !shared.has_far_fewer_elsewhere(settled) => true);
            let stay = if wanted { settled.saturating_sub(taken.settled) } else { 0 };
            self.judge(taken.goroutines, stay, os::now().saturating_sub(taken.at));
        }
    }

    /// It was busy for so many nanoseconds with so many goroutines, of which some stay. Returns its
    /// patience.
    pub(crate) fn judge(&self, goroutines: u64, stay: u64, busy: u64) -> u64 {
        let limit = self.limit.get();
        let ended = mutant!("patience-stay": 4 * stay < goroutines => true);
        let little = ended && busy < WORTH.0 + goroutines * WORTH.1;
        let limit = if mutant!("patience": little => false) {
            (2 * limit).clamp(PATIENCE.0, PATIENCE.1)
        } else if limit / 4 < PATIENCE.0 {
            0
        } else {
            limit / 4
        };
        self.limit.set(limit);
        limit
    }

    /// Steps 2 and 3: whether to leave alone what there is.
    pub(crate) fn leaves_alone(&self, thief: &Processor, shared: &Shared) -> bool {
        if SMALL {
            return false;
        }
        // A simulation is to see what becomes of both.
        let is_first = self.is_new.replace(false) && !(INSPECTED && thief.random() & 1 == 0);
        let bides = if mutant!("patience-new": is_first => false) {
            shared.has_stealable().then(|| os::now() + first(shared))
        } else if self.limit.get() == 0 {
            None
        } else {
            self.look_at_others(thief, shared)
        };
        self.bides.set(bides);
        bides.is_some()
    }

    /// Until when to sleep, for one that has just left something alone.
    pub(crate) fn bides_until(&self) -> Option<u64> {
        self.bides.take()
    }

    #[cold]
    fn look_at_others(&self, thief: &Processor, shared: &Shared) -> Option<u64> {
        let others = shared.processors().iter().filter(|p| p.index() != thief.index());
        let mut victims = others.filter(|p| p.is_stealable()).peekable();
        victims.peek()?;
        let all_busy = victims.all(is_busy);
        let now = os::now();
        let over = self.over.take().unwrap_or(now + self.limit.get());
        if !all_busy || now >= over {
            return None;
        }
        self.over.set(Some(over));
        Some(over.min(now + SLICE))
    }
}

/// How long one that has just been started sleeps.
#[cold]
fn first(shared: &Shared) -> u64 {
    let started = shared.processors().iter().filter(|p| p.is_started()).count();
    if started <= 2 { FIRST.0 } else { FIRST.1 }
}

/// Whether goroutines begin and end there all the time.
fn is_busy(processor: &Processor) -> bool {
    let before = activity(processor);
    let mut watch = Watch::new(MOMENT);
    while !watch.is_over() {
        watch.pause();
        if activity(processor).wrapping_sub(before) >= BUSY {
            return true;
        }
    }
    false
}

/// Grows with each goroutine that is spawned or ends there, and with each look around.
fn activity(processor: &Processor) -> u64 {
    // Relaxed, here and below: a guess.
    let looks = processor.tick() >> 32;
    let (spawned, ended) = (&processor.spawned, &processor.ended);
    (looks * LOOK)
        .wrapping_add(spawned.load(Ordering::Relaxed))
        .wrapping_add(ended.load(Ordering::Relaxed))
}
