//! Whether a worker stays awake for a moment before it sleeps.
//!
//! To be woken takes the waker 7 µs and the sleeper 20 and more. Where two workers hand something to and
//! fro, each would sleep and be woken each time. So one whose sleeps are cut short by others, or by
//! sockets, stays awake for a while, and looks whether something comes.
//!
//! 1. A sleep that somebody ends within [`SHORT`], or a socket, might have been spared. After some of
//!    these (one at first) the worker spins before it sleeps, and goes on to do so as long as that is
//!    not in vain.
//! 2. If nothing came, twice as many short sleeps must come before the next attempt. So it is rare on
//!    a machine where whoever spins takes the processor from the one it waits for. A deadline of its own ends
//!    that as well, but is nothing that came: where many follow each other, it would never sleep.
//!
//! Rejected: to spin always, as Go does for as long as its search takes (whoever comes and goes would
//! burn as much again); to stay awake for sockets as long as for others (a server of 50 busy connections
//! on two cores, beside its client, took a tenth more time for each request, and a hundredth of them ten
//! times as long: whoever spins takes the time from the client).

use core::cell::Cell;

use crate::seam::{INSPECTED, MODEL, Ordering, mutant};
use crate::switch::Entered;
use crate::worker::Worker;
use crate::{arch, os};

/// The longest sleep that might have been spared, in nanoseconds: where both sides sleep, it is the
/// waking of both.
const SHORT: u64 = 100_000;

/// How long a worker stays awake for what others may hand over: about as long as both sides of a waking
/// take. In nanoseconds.
const FOR_OTHERS: u64 = 50_000;

/// The same for sockets, and how often it looks at these meanwhile.
const FOR_SOCKETS: u64 = 15_000;
const SOCKETS: u64 = 3_000;

/// How many pauses there are between two looks.
const PAUSES: u32 = 4;

/// The most short sleeps that are waited for.
const MOST: u32 = 1024;

/// What a worker knows of its sleeps. Its owner's.
pub(crate) struct Spin {
    /// How many short sleeps are to come before it spins.
    left: Cell<u32>,
    /// How many it were before the last attempt.
    asked: Cell<u32>,
    /// For how long it spins then.
    time: Cell<u64>,
}

impl Spin {
    pub(crate) const fn new() -> Spin {
        Spin { left: Cell::new(1), asked: Cell::new(1), time: Cell::new(FOR_OTHERS) }
    }

    fn is_not_yet(&self) -> bool {
        mutant!("spin": self.left.get() > 0 => true)
    }

    /// An attempt is over.
    fn learn(&self, came: bool) {
        self.asked.set(if came { 1 } else { (2 * self.asked.get()).min(MOST) });
        self.left.set(if came { 0 } else { self.asked.get() });
    }

    /// A sleep was ended by somebody, or by a socket, after so many nanoseconds.
    pub(crate) fn was_woken(&self, slept: u64, by_socket: bool) {
        if slept < SHORT {
            self.time.set(if by_socket { FOR_SOCKETS } else { FOR_OTHERS });
            self.left.set(self.left.get().saturating_sub(1));
        }
    }
}

impl Worker {
    /// Stays awake for a while, if that is worth it; true if something came.
    pub(crate) fn spin(&self, entered: &Entered<'_>) -> bool {
        let processor = self.processor();
        let alone = self.shared().procs() == 1;
        if cfg!(feature = "small") || MODEL || alone || processor.spin.is_not_yet() {
            return false;
        }
        processor.counters.stayed_awake.add(1);
        let end = self.look_out(entered);
        processor.spin.learn(mutant!("spin-due": end == End::Came => end != End::Nothing));
        end != End::Nothing
    }

    fn look_out(&self, entered: &Entered<'_>) -> End {
        let processor = self.processor();
        let mut watch = Watch::new(processor.spin.time.get());
        let mut polled = watch.now;
        while !watch.is_over() {
            let now = watch.now;
            if self.has_reason_to_stay(false) {
                return End::Came;
            }
            if now >= processor.nearest.load(Ordering::Relaxed) {
                return End::Due;
            }
            if processor.driver.in_use() && now - polled >= SOCKETS {
                polled = now;
                if self.poll(entered, 0) {
                    return End::Came;
                }
            }
            watch.pause();
        }
        End::Nothing
    }
}

/// How it ends that a worker stays awake.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// Something came from others.
    Came,
    /// A deadline of its own has come.
    Due,
    Nothing,
}

/// Watching something, awake, for some time.
pub(crate) struct Watch {
    now: u64,
    end: u64,
    /// What a look counts for where the clock stands still.
    step: u64,
}

impl Watch {
    pub(crate) fn new(nanoseconds: u64) -> Watch {
        let now = os::now();
        Watch { now, end: now.saturating_add(nanoseconds), step: nanoseconds / 4 }
    }

    pub(crate) fn is_over(&self) -> bool {
        self.now >= self.end
    }

    /// Lets some time pass.
    pub(crate) fn pause(&mut self) {
        os::point();
        (0..PAUSES).for_each(|_| arch::pause());
        self.now = if INSPECTED || MODEL { self.now + self.step } else { os::now() };
    }
}
