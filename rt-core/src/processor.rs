//! The right to run goroutines, and what is cached beside it: Go's p.

use core::cell::Cell;
use core::ptr::{self, NonNull};

use crate::blocks::BlockCache;
use crate::goroutine::{Batch, Goroutine, GoroutineRef};
use crate::list::List;
use crate::lock::Protected;
use crate::queued::left;
use crate::run_queue::{CAPACITY, RunQueue};
use crate::seam::{AtomicPtr, AtomicU64, AtomicUsize, Ordering, mutant};
use crate::stack::StackCache;
use crate::stats::Counters;
use crate::timer::TimerHeap;
use crate::wait::Waiter;

/// Every so many resumptions a worker looks at what is not in its own queues (Go's 61: a prime, so
/// that it doesn't beat with the program's own rhythm).
pub(crate) const LOOK_AROUND: u32 = 61;

/// After so many resumptions in a row from `next`, its goroutine queues behind the others.
const NEXT_IN_A_ROW: u32 = 16;

/// Go hands out ids to a processor in batches of 16 too.
const ID_BATCH: u64 = 16;

/// A processor.
///
/// The fields that others read come first; the cells behind them are the owner's, which is the
/// thread whose worker holds this processor, and are reached through `Entered`.
#[repr(align(128))]
pub(crate) struct Processor {
    // Shared with thieves, each by its own rules.
    pub(crate) ring: RunQueue,
    /// What the ring has no room for, behind it in order.
    spill: Protected<List>,
    /// The length of `spill`. Written under its lock; only the owner adds.
    spilled: AtomicUsize,
    /// The goroutine that runs next. Written by the owner; in migratory mode thieves swap it out.
    next: AtomicPtr<Goroutine>,
    pub(crate) timers: Protected<TimerHeap>,
    /// The first deadline in `timers`. Written under its lock; a stale read is repeated in 61 ticks
    /// or before sleep.
    pub(crate) nearest: AtomicU64,

    // The owner's.
    migratory: bool,
    pub(crate) current: Cell<Option<GoroutineRef>>,
    /// How many resumptions are left until the worker has to look around.
    pub(crate) budget: Cell<u32>,
    /// How many of the last resumptions in a row came from `next`.
    streak: Cell<u32>,
    /// Started goroutines that are at home here.
    pub(crate) own: List,
    /// How many goroutines were ever put where thieves can take them.
    arrived: Cell<u64>,
    pub(crate) stacks: StackCache,
    pub(crate) blocks: BlockCache,
    ids: Cell<(u64, u64)>,
    random: Cell<u64>,
    /// Goroutines that were spawned here, and that ended here, as published for `close`.
    pub(crate) spawned: AtomicU64,
    pub(crate) ended: AtomicU64,
    /// Goroutines at home here that have not ended, as published for `placement`.
    pub(crate) settled: AtomicU64,
    pub(crate) counters: Counters,
}

// SAFETY: the cells are the owner's alone; a processor has one owner at a time, and passing it on
// synchronises (start and end of a worker's thread).
unsafe impl Sync for Processor {}
// SAFETY: as above.
unsafe impl Send for Processor {}

impl Processor {
    pub(crate) fn new(migratory: bool, seed: u64) -> Processor {
        Processor {
            ring: RunQueue::new(),
            next: AtomicPtr::new(ptr::null_mut()),
            timers: Protected::new(TimerHeap::new()),
            nearest: AtomicU64::new(crate::FOREVER),
            migratory,
            current: Cell::new(None),
            budget: Cell::new(0),
            streak: Cell::new(0),
            own: List::new(),
            arrived: Cell::new(0),
            spill: Protected::new(List::new()),
            spilled: AtomicUsize::new(0),
            stacks: StackCache::new(),
            blocks: BlockCache::new(),
            ids: Cell::new((0, 0)),
            random: Cell::new(seed | 1),
            spawned: AtomicU64::new(0),
            ended: AtomicU64::new(0),
            settled: AtomicU64::new(0),
            counters: Counters::new(),
        }
    }

    /// Puts a goroutine into `next`, and returns the one that was there.
    #[inline(always)]
    pub(crate) fn swap_next(&self, g: Option<GoroutineRef>) -> Option<GoroutineRef> {
        let new = g.map_or(ptr::null_mut(), GoroutineRef::as_ptr);
        if let Some(g) = g {
            g.queued.enter(g);
        }
        let old = if self.migratory {
            // AcqRel: pairs with the swap of a thief, or of the owner after a thief.
            self.next.swap(new, Ordering::AcqRel)
        } else {
            // In default mode `next` is the owner's alone: no locked instruction.
            let old = self.next.load(Ordering::Relaxed);
            self.next.store(new, Ordering::Relaxed);
            old
        };
        // SAFETY: only references were ever stored, to goroutines that are queued: live.
        let old = NonNull::new(old).map(|g| unsafe { GoroutineRef::from_raw(g.as_ptr()) });
        left(old)
    }

    pub(crate) fn has_next(&self) -> bool {
        !self.next.load(Ordering::Relaxed).is_null()
    }

    /// Takes the goroutine to run from what is here, or none when the budget is used up or nothing
    /// is here. Owner only.
    #[inline(always)]
    pub(crate) fn pick(&self) -> Option<GoroutineRef> {
        let budget = self.budget.get();
        if mutant!("budget": budget == 0 => false) {
            return None;
        }
        let g = self.pick_next().or_else(|| self.pick_queued())?;
        self.budget.set(budget - 1);
        Some(g)
    }

    #[inline(always)]
    fn pick_next(&self) -> Option<GoroutineRef> {
        if !self.has_next() {
            return None;
        }
        let g = self.swap_next(None)?;
        let streak = self.streak.get();
        if mutant!("streak": streak < NEXT_IN_A_ROW => true) {
            self.streak.set(streak + 1);
            return Some(g);
        }
        self.streak.set(0);
        self.rotate(g)
    }

    /// A pair that passes the processor to and fro in `next` lets the others have a turn.
    #[cold]
    fn rotate(&self, g: GoroutineRef) -> Option<GoroutineRef> {
        match self.pick_queued() {
            None => Some(g),
            Some(first) => {
                // It was in `next`, so it has run before: in default mode it is at home here, and in
                // migratory mode it is at home nowhere.
                if self.migratory {
                    self.push_shared(g);
                } else {
                    self.push_own(g);
                }
                Some(first)
            }
        }
    }

    /// What has waited longest, be it at home here or not: first come, first served.
    #[inline(always)]
    fn pick_queued(&self) -> Option<GoroutineRef> {
        self.streak.set(0);
        let shared = self.ring.len() + self.spilled.load(Ordering::Relaxed);
        if shared == 0 {
            return left(self.own.pop_front());
        }
        left(match self.own.first() {
            Some(g) if g.turn.get() <= self.arrived.get() - shared as u64 => self.own.pop_front(),
            _ => self.pop_shared().or_else(|| self.own.pop_front()),
        })
    }

    /// Queues a goroutine that only this worker may run. Owner only.
    #[inline(always)]
    pub(crate) fn push_own(&self, g: GoroutineRef) {
        g.queued.enter(g);
        g.turn.set(self.arrived.get());
        self.own.push_back(g);
    }

    /// Queues a goroutine that any worker may take. Owner only.
    #[inline(always)]
    pub(crate) fn push_shared(&self, g: GoroutineRef) {
        g.queued.enter(g);
        self.arrived.set(self.arrived.get() + 1);
        self.counters.pushed.add_inspected(1);
        if self.spilled.load(Ordering::Relaxed) > 0 || self.ring.push(g).is_err() {
            let spill = self.spill.lock();
            spill.push_back(g);
            self.counters.spilled.add(1);
            self.spilled.store(spill.len(), Ordering::Relaxed);
        }
    }

    #[inline(always)]
    fn pop_shared(&self) -> Option<GoroutineRef> {
        self.ring.pop().or_else(|| self.refill())
    }

    /// Moves the oldest of the spill into the empty ring, and takes one.
    #[cold]
    fn refill(&self) -> Option<GoroutineRef> {
        self.steal_spilled(self)
    }

    /// Takes up to half a ring of what is spilled here: one to run, and the others into the ring of
    /// `to`, which the caller owns and which is empty.
    pub(crate) fn steal_spilled(&self, to: &Processor) -> Option<GoroutineRef> {
        if self.spilled.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let spill = self.spill.lock();
        let first = spill.pop_front()?;
        for _ in 1..CAPACITY / 2 {
            let Some(g) = spill.pop_front() else { break };
            if to.ring.push(g).is_err() {
                crate::fatal!("a processor without work has a full ring");
            }
        }
        self.spilled.store(spill.len(), Ordering::Relaxed);
        Some(first)
    }

    /// Counts what has just been stolen into the empty ring as queued here. Owner only.
    pub(crate) fn count_stolen(&self) {
        self.arrived.set(self.arrived.get() + self.ring.len() as u64);
    }

    /// Whether any worker could take something from here.
    pub(crate) fn is_stealable(&self) -> bool {
        !self.ring.is_empty()
            || self.spilled.load(Ordering::Relaxed) > 0
            || self.migratory && self.has_next()
    }

    /// Adds a deadline. Owner only.
    pub(crate) fn add_timer(&self, deadline: u64, waiter: &Waiter) {
        let mut timers = self.timers.lock();
        // SAFETY: the caller is about to park on this waiter, and takes it out when it is woken
        // otherwise (`wait::finish_timer`).
        unsafe { timers.insert(deadline, NonNull::from(waiter)) };
        let nearest = mutant!("timer-nearest": timers.nearest() => crate::FOREVER);
        self.nearest.store(nearest, Ordering::Relaxed);
    }

    /// Takes a deadline out, if it is still in. From any thread.
    pub(crate) fn remove_timer(&self, waiter: &Waiter) {
        let mut timers = self.timers.lock();
        timers.remove(waiter);
        self.nearest.store(timers.nearest(), Ordering::Relaxed);
    }

    /// Claims every waiter whose deadline has come, and returns the goroutines to wake.
    pub(crate) fn due(&self, now: u64) -> Batch {
        let mut due = Batch::default();
        let mut timers = self.timers.lock();
        while !due.is_full()
            && let Some(waiter) = timers.pop_due(now)
        {
            // SAFETY: the waiter was in the heap until the line above, and its goroutine takes the
            // heap's lock, which is held here, before it goes on.
            due.push(unsafe { waiter.as_ref() }.claim_timeout());
        }
        self.nearest.store(timers.nearest(), Ordering::Relaxed);
        due
    }

    /// How many deadlines are kept here, while all threads stand still.
    pub(crate) fn deadlines(&self) -> usize {
        self.timers.try_lock().map_or(0, |timers| timers.len())
    }

    /// True when nothing is queued here. Owner only.
    #[inline(always)]
    pub(crate) fn is_idle(&self) -> bool {
        !self.has_next()
            && self.own.is_empty()
            && self.ring.is_empty()
            && self.spilled.load(Ordering::Relaxed) == 0
    }

    /// A fresh number for a goroutine; `refill(n)` reserves `n` numbers and returns the first.
    #[inline(always)]
    pub(crate) fn next_id(&self, refill: impl FnOnce(u64) -> u64) -> u64 {
        let (mut next, mut end) = self.ids.get();
        if next == end {
            next = refill(ID_BATCH);
            end = next + ID_BATCH;
        }
        self.ids.set((next + 1, end));
        next
    }

    /// A random number (xorshift64*, Marsaglia 2003 and Vigna 2014). Owner only.
    pub(crate) fn random(&self) -> u64 {
        let mut x = self.random.get();
        x ^= x >> 12;
        x ^= x << 25;
        x ^= x >> 27;
        self.random.set(x);
        x.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
}

/// Owner-written counter that others may read: no locked instruction.
#[inline(always)]
pub(crate) fn bump(counter: &AtomicU64, by: u64) {
    // Release: pairs with the Acquire in Shared::goroutines_left().
    counter.store(counter.load(Ordering::Relaxed).wrapping_add(by), Ordering::Release);
}
