//! Deadlock: every goroutine waits, and nobody is left who could wake one.
//!
//! The worker that goes to sleep last suspects it when goroutines are left of which none waits for a
//! time, a socket or a blocking call. It sleeps with a limit then, and when nothing has happened by
//! that, it makes sure:
//!
//! 1. Nothing of the runtime runs: its workers sleep, its threads aside are idle, its queues are
//!    empty. It notes how often workers have gone to sleep.
//! 2. It asks the system how many threads the process has. If they are as many as the runtime's,
//!    there are no others. What others did before they ended is in the queues by now.
//! 3. It looks at 1 again. If no worker has gone to sleep meanwhile, none has run; so no thread was
//!    started since 2, and what 1 says is true for good. If one has, which may have been for no more than a
//!    look of its own, it looks again after the same pause.
//!
//! A runtime that has work asks for nothing. One that falls silent in a process with other threads
//! asks [`PAUSES`]`.len()` times, for one of them may be about to end, and then sleeps for good.
//!
//! Rejected: asking before each sleep (a system call for whoever is idle often and for moments);
//! asking for as long as the silence lasts (an idle runtime makes no system call).
#![forbid(unsafe_code)]

use core::cell::Cell;

use crate::processor::Processor;
use crate::runtime::Shared;
use crate::seam::{AtomicBool, AtomicUsize, Ordering, mutant};
use crate::worker::Worker;
use crate::{FOREVER, inspect, os};

/// What a runtime does when all of its goroutines wait and nobody is left who could wake one.
#[doc(alias = "checkdead")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Deadlock {
    /// Says so on the error stream, with a line for each goroutine, and goes on waiting.
    Report,
    /// Says so and ends the process with status 2, as Go's runtime does.
    #[default]
    Abort,
    /// Nothing.
    Off,
}

/// The status of a process that ends because of a deadlock; Go's number.
const STATUS: i32 = 2;

/// How long the silence lasts before the first look, and from one to the next, in nanoseconds.
const PAUSES: [u64; 3] = [10_000_000, 100_000_000, 1_000_000_000];

/// What a runtime keeps for it.
pub(crate) struct Alarm {
    // Constant.
    what: Deadlock,
    /// Written once, by whoever says it.
    told: AtomicBool,
    /// Threads that sleep in `run` until main has returned. Written by themselves.
    pub(crate) callers: AtomicUsize,
}

impl Alarm {
    pub(crate) const fn new(what: Deadlock) -> Alarm {
        Alarm { what, told: AtomicBool::new(false), callers: AtomicUsize::new(0) }
    }
}

/// A plan of looks, since a goroutine ran here last. The owner's.
pub(crate) struct Looks {
    made: Cell<usize>,
    /// `FOREVER` while none is planned.
    due: Cell<u64>,
}

impl Looks {
    pub(crate) const fn new() -> Looks {
        Looks { made: Cell::new(0), due: Cell::new(FOREVER) }
    }

    /// Something runs.
    pub(crate) fn forget(&self) {
        self.made.set(0);
        self.due.set(FOREVER);
    }
}

impl Worker {
    /// Until when to sleep at most, for the sake of a suspicion. Owner only, when all can see that
    /// it sleeps. Looks, if it is time, and may end the process.
    pub(crate) fn suspect(&self) -> u64 {
        let (shared, looks) = (self.shared(), &self.processor().quiet);
        let off = cfg!(feature = "small") || shared.alarm.what == Deadlock::Off;
        if off || shared.stillness().is_none() {
            looks.forget();
            return FOREVER;
        }
        let Some(&pause) = PAUSES.get(looks.made.get()) else { return FOREVER };
        let now = os::now();
        if looks.due.get() == FOREVER {
            looks.due.set(now.saturating_add(pause));
        }
        if now < looks.due.get() {
            return looks.due.get();
        }
        let made = match shared.is_deadlocked() {
            Some(true) => {
                shared.tell_of_deadlock();
                PAUSES.len()
            }
            Some(false) => looks.made.get() + 1,
            None => looks.made.get(),
        };
        looks.made.set(made);
        looks.due.set(PAUSES.get(made).map_or(FOREVER, |&pause| now.saturating_add(pause)));
        looks.due.get()
    }
}

impl Shared {
    /// The last call is over, or a worker without a processor has ended. If all others have gone to sleep
    /// before that, one looks again.
    pub(crate) fn suspect_again(&self) {
        let off = cfg!(feature = "small") || self.alarm.what == Deadlock::Off;
        if !off
            && self.stillness().is_some()
            && let Some(sleeper) = self.processors().iter().find(|processor| processor.is_started())
        {
            sleeper.wake(self);
        }
    }

    /// Steps 1 to 3; none if something has run meanwhile.
    fn is_deadlocked(&self) -> Option<bool> {
        let sleeps = self.stillness()?;
        os::point();
        let threads = os::threads();
        let own = self.threads_asleep();
        os::point();
        let still = mutant!("deadlock-again": self.stillness() == Some(sleeps) => true);
        still.then_some(mutant!("deadlock-threads": threads == own => true))
    }

    /// How often workers have gone to sleep, if nothing of this runtime runs or will by itself.
    fn stillness(&self) -> Option<u64> {
        let sleeps = || self.processors().iter().map(|p| p.counters.sleeps.read()).sum::<u64>();
        // Counted before and after: one that is seen asleep and has not gone to sleep meanwhile has
        // slept all the time.
        let before = sleeps();
        let still = self.processors().iter().all(Processor::is_asleep)
            && mutant!("deadlock-rest": self.handoff.all_rest() => true)
            && mutant!("deadlock-timers": !self.has_deadlines() => true)
            && mutant!("deadlock-sockets": self.at_sockets() == 0 => true)
            && mutant!("deadlock-calls": self.aside.is_idle() => true)
            && self.inject.is_empty()
            && !self.has_stealable()
            && self.workers().iter().all(Worker::has_no_mail)
            && self.goroutines() != 0
            && !self.is_closing();
        (still && sleeps() == before).then_some(before)
    }

    fn has_deadlines(&self) -> bool {
        // Relaxed: written by a worker before it says that it sleeps.
        self.processors().iter().any(|p| p.nearest.load(Ordering::Relaxed) != FOREVER)
    }

    /// How many goroutines wait for sockets.
    fn at_sockets(&self) -> u64 {
        let at = self.processors().iter().map(|p| p.at_sockets.load(Ordering::Relaxed));
        // One that is counted on the processor that it left may be taken off on another's account.
        at.fold(0, u64::wrapping_add)
    }

    /// The threads of this runtime while it is still.
    fn threads_asleep(&self) -> usize {
        let started = self.processors().iter().filter(|processor| processor.is_started()).count();
        let monitor = mutant!("deadlock-monitor": self.monitor.lives() => false);
        let workers = started + self.handoff.extra() + usize::from(monitor);
        // Acquire: pairs with the Release in `run_elsewhere`.
        let callers = mutant!("deadlock-callers": self.alarm.callers.load(Ordering::Acquire) => 0);
        workers + self.aside.threads() + callers
    }

    #[cold]
    fn tell_of_deadlock(&self) {
        // Relaxed: one of two that look at the same time says it.
        if self.alarm.told.swap(true, Ordering::Relaxed) {
            return;
        }
        let ends = self.alarm.what == Deadlock::Abort;
        os::write_error(if ends { b"fatal: " } else { b"" });
        os::write_error(b"all goroutines are asleep - deadlock!");
        os::write_error(inspect::list(&self.look_at_still(os::now())).as_bytes());
        os::write_error(b"\n");
        if ends {
            os::exit(STATUS);
        }
    }
}
