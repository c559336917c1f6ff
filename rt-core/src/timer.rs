//! Timers: the deadlines of a processor.
//!
//! A deadline belongs to a [`Waiter`], which lies on the stack of what waits. A few are in a
//! heap. Where there are many, only those of the next milliseconds are in order (`near`), and the others lie in
//! the slots of a wheel, unsorted, until their time is near (`far`): the way through a heap of 350 000 takes
//! 300 ns, most of it waiting for memory, and what is near fits into the nearest cache.
//!
//! Both keep a deadline with a number, under which a table has the waiter. Most deadlines are never
//! reached: one that is taken out early only loses its waiter, and its entry stays where it is until it comes
//! first, or until there are as many of these as of others, and all are swept out.
//!
//! Rejected: a place that each waiter keeps for itself, or a table of places (what is moved has to be told
//! where it is, each time, and lies on a stack that nobody has touched for long, or anywhere in a table).

mod far;
mod near;

use alloc::vec::Vec;
use core::cell::Cell;
use core::cmp::Ordering;
use core::ptr::NonNull;

use crate::FOREVER;
use crate::seam::{INSPECTED, MODEL, mutant};
use crate::wait::Waiter;
use far::Far;
use near::Near;

/// The number of what is not kept.
const NONE: u32 = u32::MAX;

/// From so many deadlines on, those that are far are kept apart; until there are only a quarter of it.
const MANY: usize = if INSPECTED || MODEL { 8 } else { 1024 };

/// So many entries of what was taken out early are kept until they come first, however few others there are.
const FEW_STALE: usize = if INSPECTED || MODEL { 2 } else { 64 };

/// Under which number a waiter's deadline is kept. Protected by the lock of what keeps it.
pub(crate) struct Number(Cell<u32>);

impl Number {
    pub(crate) const fn none() -> Number {
        Number(Cell::new(NONE))
    }
}

/// A deadline, and under which number the table has its waiter.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Entry {
    deadline: u64,
    number: u32,
}

/// The nearest is the greatest: what a heap has first.
impl Ord for Entry {
    fn cmp(&self, other: &Entry) -> Ordering {
        other.deadline.cmp(&self.deadline)
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Entry) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The deadlines of one processor.
pub(crate) struct Timers {
    /// All deadlines, or those that are not in `far`. The first one has a waiter.
    near: Near,
    far: Option<Far>,
    /// By number: whose it is; none if it was taken out early, or is free.
    waiters: Vec<Option<NonNull<Waiter>>>,
    free: Vec<u32>,
    /// How many entries have no waiter.
    stale: usize,
    /// When it was last asked who is due.
    asked: u64,
}

// SAFETY: the waiters pointed to may be on any stack; the lock on these timers orders all accesses to
// their numbers, and a waiter is taken out under it before its stack goes on.
unsafe impl Send for Timers {}

impl Timers {
    pub(crate) const fn new() -> Timers {
        Timers {
            near: Near::new(),
            far: None,
            waiters: Vec::new(),
            free: Vec::new(),
            stale: 0,
            asked: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.waiters.len() - self.free.len() - self.stale
    }

    /// How many deadlines come in the same few milliseconds as this moment; none where there are few in all.
    pub(crate) fn crowd(&self, now: u64) -> usize {
        match &self.far {
            Some(far) if mutant!("crowd-over": far.is_turned_to(now) => true) => self.near.crowd(),
            Some(_) => self.near.len(),
            None => 0,
        }
    }

    /// Not later than the first deadline; `FOREVER` if there is none.
    pub(crate) fn nearest(&self) -> u64 {
        match self.near.first() {
            Some(entry) => entry.deadline,
            None if cfg!(feature = "small") || self.len() == 0 => FOREVER,
            None => self.far.as_ref().map_or(FOREVER, Far::nearest),
        }
    }

    /// # Safety
    /// - `waiter` is not kept yet, and stays alive and in place until it is taken out.
    pub(crate) unsafe fn insert(&mut self, deadline: u64, waiter: NonNull<Waiter>) {
        let number = self.number_for(waiter);
        // SAFETY: promised by the caller.
        unsafe { waiter.as_ref() }.timer().0.set(number);
        self.keep(Entry { deadline, number });
        if !cfg!(feature = "small") && self.far.is_none() && self.len() > MANY {
            self.far = Some(Far::new(self.asked));
            self.file_again();
        }
    }

    fn number_for(&mut self, waiter: NonNull<Waiter>) -> u32 {
        if let Some(number) = self.free.pop() {
            self.waiters[number as usize] = Some(waiter);
            return number;
        }
        let number = self.waiters.len() as u32;
        if number == NONE {
            crate::fatal!("a processor keeps {NONE} deadlines at most, and has as many");
        }
        self.waiters.push(Some(waiter));
        number
    }

    /// Takes a waiter out, if it is still in.
    pub(crate) fn remove(&mut self, waiter: &Waiter) {
        let number = waiter.timer().0.replace(NONE);
        if number == NONE {
            return;
        }
        let before = self.waiters[number as usize].take();
        debug_assert_eq!(before, Some(NonNull::from(waiter)), "a timer is misplaced");
        self.stale += 1;
        self.drop_stale();
        if self.stale > self.len() + FEW_STALE {
            self.file_again();
        }
    }

    /// Takes out waiters whose deadline has come, and hands each to `claim`, `N` at a time at most.
    pub(crate) fn take_due<const N: usize>(&mut self, now: u64, mut claim: impl FnMut(&Waiter)) {
        self.asked = now;
        self.come_near(now);
        let mut due = [None; N];
        for waiter in &mut due {
            if self.near.first().is_none_or(|first| first.deadline > now) {
                break;
            }
            let Some(entry) = self.near.take_first() else { break };
            *waiter = self.waiters[entry.number as usize].take();
            self.free.push(entry.number);
            self.drop_stale();
        }
        // SAFETY: `insert` was promised that a waiter stays until it is taken out, and the lock on
        // these timers, which is held, has to be taken for that.
        let waiters = || due.iter().map_while(|waiter| waiter.map(|w| unsafe { w.as_ref() }));
        // One by one only now, and nothing else: a processor fetches many stacks at the same time.
        waiters().for_each(|waiter| waiter.timer().0.set(NONE));
        waiters().for_each(&mut claim);
    }

    fn keep(&mut self, entry: Entry) {
        match self.far() {
            Some(far) if !far.is_near(entry) => far.push(entry),
            _ => self.near.push(entry),
        }
    }

    /// A small program's are all near.
    fn far(&mut self) -> Option<&mut Far> {
        if cfg!(feature = "small") { None } else { self.far.as_mut() }
    }

    /// Takes those that are near now out of the slots.
    fn come_near(&mut self, now: u64) {
        let Some(far) = self.far.as_mut().filter(|_| !cfg!(feature = "small")) else { return };
        far.turn_to(now, &mut self.near);
        self.drop_stale();
        if self.len() < MANY / 4 {
            self.file_again();
        }
    }

    /// Sees to it that the first one has a waiter.
    fn drop_stale(&mut self) {
        while mutant!("timer-stale": self.stale > 0 => false)
            && let Some(first) = self.near.first().copied()
            && self.waiters[first.number as usize].is_none()
        {
            self.near.take_first();
            self.free.push(first.number);
            self.stale -= 1;
        }
    }

    /// Sweeps out what has no waiter, and puts everything where it belongs.
    #[cold]
    fn file_again(&mut self) {
        let mut entries = Vec::new();
        self.near.empty_into(&mut entries);
        if let Some(far) = self.far() {
            far.empty_into(&mut entries);
        }
        if self.len() < MANY / 4 {
            self.far = None;
        }
        for entry in entries {
            if self.waiters[entry.number as usize].is_some() {
                self.keep(entry);
            } else {
                self.free.push(entry.number);
            }
        }
        self.stale = 0;
    }
}
