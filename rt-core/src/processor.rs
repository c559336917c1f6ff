//! The right to run goroutines, and what is cached beside it: Go's p.

use core::cell::Cell;
use core::iter;
use core::ptr::{self, NonNull};

use crate::FOREVER;
use crate::blocks::BlockCache;
use crate::deadlock::Looks;
use crate::goroutine::{Batch, Goroutine, GoroutineRef, prefetch_to_run};
use crate::io::Driver;
use crate::late::Late;
use crate::list::{Deque, List, LongList};
use crate::lock::Protected;
use crate::patience::Patience;
use crate::queued::left;
use crate::run_queue::{CAPACITY, RunQueue};
use crate::scavenge::Scavenger;
use crate::seam::{AtomicPtr, AtomicU32, AtomicU64, Gauge, LongGauge, Ordering, mutant};
use crate::sleep::UNSTARTED;
use crate::spawn::UNBALANCED;
use crate::spin::Spin;
use crate::stack::StackCache;
use crate::stats::Counters;
use crate::timer::Timers;
use crate::wait::Waiter;
use crate::worker::{Worker, WorkerRef};

/// Every so many resumptions a worker looks at what is not in its own queues (Go's 61: a prime, so
/// that it doesn't beat with the program's own rhythm).
pub(crate) const LOOK_AROUND: u32 = 61;

/// When goroutines take so long that the looks around are further apart than this, in nanoseconds,
/// the worker looks around after fewer of them.
const LOOK_INTERVAL: u64 = 100_000;

/// Whether the ring is made use of. Small programs do with what is behind it.
const RING: bool = !cfg!(feature = "small");

/// While newer ones go first, a goroutine that has not begun waits for about so long at most, in
/// nanoseconds, before it has a turn.
const AGE: u64 = 5_000_000;

/// So many of the oldest have a turn then.
const AGED: usize = 64;

/// Every so many looks around a worker does what is done seldom.
const SELDOM: u32 = 256;

/// After so many results that were there when somebody asked, that one gives way: some 10 µs.
const JOINS: u32 = 256;

/// Go hands out ids to a processor in batches of 16 too.
const ID_BATCH: u64 = 16;

/// So many operations more than the budget allows may be done: whoever has just had to wait for its turn
/// is not sent to the end of the queue in the midst of it. (Of a thousand connections of a server 23 were, in
/// each round, and waited for two.)
const GRACE: u32 = 8;

/// A processor.
///
/// The cells are the owner's, which is the worker that holds this processor, and are reached through
/// `Entered`. The first cache line is what a switch touches, the second what spawning and ending
/// touch.
#[repr(C, align(128))]
pub(crate) struct Processor {
    /// The goroutine that runs next. Written by the owner; in migratory mode thieves swap it out, if
    /// there are any.
    next: AtomicPtr<Goroutine>,
    // Written by the owner (the budget by the monitor too), read by the monitor: together they change
    // with each resumption.
    /// How many resumptions are left until the worker has to look around.
    budget: Gauge,
    /// How often the worker has looked around.
    looks: Gauge,
    /// How many of the last resumptions in a row came from `next`.
    streak: Cell<u32>,
    migratory: bool,
    /// Whether there are other processors, or may be, which steal from this one.
    has_thieves: bool,
    /// Started goroutines that are at home here.
    pub(crate) own: LongList,
    /// How many goroutines were ever put where thieves can take them. Written by the owner.
    arrived: LongGauge,
    /// How many are in `spill`, written under its lock, or in `unshared`; only the owner adds.
    spilled: AtomicU64,
    /// Whether the goroutine that runs has put others where thieves can take them.
    has_pushed: Cell<bool>,
    /// The turns of the first and the last that have begun, of those that thieves can take. In migratory mode.
    /// Written by the owner, and the first read by thieves.
    first_begun: LongGauge,
    last_begun: Cell<u64>,
    /// For how many goroutines to come the oldest goes first.
    aged: Cell<usize>,

    /// What would be in the ring if there were thieves. Without them it has no need of locked
    /// instructions, nor of a bound.
    unshared: Deque,
    /// The number of the next goroutine, and the first that is not reserved.
    id: Cell<u64>,
    ids_end: Cell<u64>,
    /// Goroutines that were spawned here, and that ended here, as published for `close`.
    pub(crate) spawned: AtomicU64,
    pub(crate) ended: AtomicU64,
    /// Goroutines at home here that have not ended, as published for `placement`.
    pub(crate) settled: AtomicU64,
    /// From how many of these on the next that is spawned is compared with what others have. Owner only.
    pub(crate) compares: Cell<u64>,
    pub(crate) stacks: StackCache,
    pub(crate) blocks: BlockCache,

    // Shared with thieves, each by its own rules.
    pub(crate) ring: RunQueue,
    /// What the ring has no room for: the oldest, in order.
    spill: Protected<Deque>,
    pub(crate) timers: Protected<Timers>,
    /// Not later than the first deadline in `timers`. Written under its lock; a stale read is repeated in 61 ticks
    /// or before sleep.
    pub(crate) nearest: AtomicU64,

    /// The worker that holds it, or held it last. Written under the lock of `handoff`.
    holder: AtomicPtr<Worker>,
    /// How its worker sleeps. Written by that worker (going to sleep) and by wakers, who swing it to
    /// `AWAKE`; a waker that read a sleeping value by its swap, and nobody else, must end that sleep.
    pub(crate) sleep: AtomicU32,
    /// The sockets that wait here.
    pub(crate) driver: Driver,

    // The owner's.
    index: usize,
    /// Whether its worker holds one of the runtime's tokens for searching.
    pub(crate) searching: Cell<bool>,
    /// The budget of the next round, and how many resumptions in a row may come from `next`.
    pub(crate) stride: Cell<u32>,
    pub(crate) looked: Cell<u64>,
    /// How many operations were done since the budget was used up.
    grace: Cell<u32>,
    /// When the oldest had a turn, or came; `FOREVER` if there was none.
    aged_at: Cell<u64>,
    /// How many results were there when somebody asked for them.
    joined: Cell<u32>,
    /// Whether nothing has run here since its worker woke.
    pub(crate) woke: Cell<bool>,
    pub(crate) late: Late,
    pub(crate) patience: Patience,
    pub(crate) spin: Spin,
    pub(crate) scavenger: Scavenger,
    pub(crate) quiet: Looks,
    random: Cell<u64>,
    /// Goroutines that began to wait for a socket here, less those that came back from it here: the
    /// sum over all processors is how many wait.
    pub(crate) at_sockets: AtomicU64,
    /// When somebody who works here read the clock last.
    clock: AtomicU64,
    pub(crate) counters: Counters,
}

// SAFETY: the cells are the owner's alone; a processor has one owner at a time, and passing it on
// synchronises (start and end of a worker's thread).
unsafe impl Sync for Processor {}
// SAFETY: as above.
unsafe impl Send for Processor {}

impl Processor {
    /// One of at most `most`.
    pub(crate) fn new(index: usize, most: usize, migratory: bool, seed: u64) -> Processor {
        Processor {
            holder: AtomicPtr::new(ptr::null_mut()),
            sleep: AtomicU32::new(UNSTARTED),
            driver: Driver::new(),
            budget: Gauge::new(0),
            looks: Gauge::new(0),
            index,
            searching: Cell::new(false),
            stride: Cell::new(LOOK_AROUND),
            looked: Cell::new(0),
            grace: Cell::new(0),
            aged_at: Cell::new(FOREVER),
            joined: Cell::new(0),
            woke: Cell::new(true),
            late: Late::new(),
            patience: Patience::new(),
            spin: Spin::new(),
            scavenger: Scavenger::new(),
            quiet: Looks::new(),

            ring: RunQueue::new(),
            next: AtomicPtr::new(ptr::null_mut()),
            timers: Protected::ordinary(Timers::new()),
            nearest: AtomicU64::new(FOREVER),
            migratory,
            has_thieves: mutant!("thieves": most > 1 => false),
            streak: Cell::new(0),
            own: LongList::new(),
            arrived: LongGauge::new(0),
            has_pushed: Cell::new(false),
            first_begun: LongGauge::new(u64::MAX),
            last_begun: Cell::new(0),
            aged: Cell::new(0),
            unshared: Deque::new(),
            spill: Protected::new(Deque::new()),
            spilled: AtomicU64::new(0),
            stacks: StackCache::new(),
            blocks: BlockCache::new(),
            id: Cell::new(0),
            ids_end: Cell::new(0),
            random: Cell::new(seed | 1),
            spawned: AtomicU64::new(0),
            ended: AtomicU64::new(0),
            settled: AtomicU64::new(0),
            compares: Cell::new(UNBALANCED),
            at_sockets: AtomicU64::new(0),
            clock: AtomicU64::new(0),
            counters: Counters::new(),
        }
    }

    #[cfg_attr(not(feature = "small"), inline(always))]
    pub(crate) fn index(&self) -> usize {
        self.index
    }

    /// As [`Shared::migratory`](crate::runtime::Shared::migratory), for who is at the processor anyway.
    #[cfg_attr(not(feature = "small"), inline(always))]
    pub(crate) fn migratory(&self) -> bool {
        self.migratory
    }

    /// Says who holds it. Under the lock of `handoff`, or before any thread can see it.
    pub(crate) fn set_holder(&self, worker: &Worker) {
        // Release: pairs with the Acquire in holder(): the worker is made.
        self.holder.store(ptr::from_ref(worker).cast_mut(), Ordering::Release);
    }

    /// The worker that holds it, or held it last.
    pub(crate) fn holder(&self) -> WorkerRef {
        // SAFETY: set before any thread could see the processor, and to workers of the same runtime,
        // which never move.
        unsafe { &*self.holder.load(Ordering::Acquire) }.reference()
    }

    /// Changes with each resumption: when it has not for a while, the same goroutine has run all the
    /// time, or nothing has.
    pub(crate) fn tick(&self) -> u64 {
        // Relaxed: a look at it is worth something only after a while.
        let looks = self.looks.load(Ordering::Relaxed);
        u64::from(looks) << 32 | u64::from(self.budget.load(Ordering::Relaxed))
    }

    /// Whether nobody has looked around between two ticks.
    pub(crate) fn same_look(one: u64, other: u64) -> bool {
        one >> 32 == other >> 32
    }

    /// Counts a look around, and says whether it is time for what is done seldom. Owner only.
    pub(crate) fn count_look(&self) -> bool {
        // Relaxed: as above, and so for the budget.
        let looks = self.looks.load(Ordering::Relaxed).wrapping_add(1);
        self.looks.store(looks, Ordering::Relaxed);
        looks.is_multiple_of(SELDOM)
    }

    /// How many resumptions are left until the worker has to look around. Owner only.
    #[cfg_attr(not(feature = "small"), inline(always))]
    pub(crate) fn budget(&self) -> u32 {
        self.budget.load(Ordering::Relaxed)
    }

    /// Counts a result that was there when somebody asked for it; true after so many that others are to
    /// have a turn. Owner only.
    #[cfg_attr(not(feature = "small"), inline(always))]
    pub(crate) fn count_join(&self) -> bool {
        self.joined.set(self.joined.get().wrapping_add(1));
        self.joined.get().is_multiple_of(JOINS)
    }

    /// Counts an operation that was done when the budget was used up; true if there may be another one before
    /// the worker looks around. Owner only.
    pub(crate) fn has_grace(&self) -> bool {
        self.grace.set(self.grace.get() + 1);
        mutant!("grace": self.grace.get() <= GRACE => true)
    }

    /// Has a new round begin. Owner only.
    pub(crate) fn begin_round(&self) {
        self.grace.set(0);
        self.set_budget(self.stride.get());
    }

    /// The owner, and the monitor, to make it look around: what it writes may be lost.
    #[cfg_attr(not(feature = "small"), inline(always))]
    pub(crate) fn set_budget(&self, budget: u32) {
        self.budget.store(budget, Ordering::Relaxed);
    }

    /// Looks around more often when goroutines keep the processor for long.
    pub(crate) fn adapt(&self, now: u64) {
        let elapsed = now.saturating_sub(self.looked.replace(now));
        let stride = self.stride.get();
        self.stride.set(if elapsed > LOOK_INTERVAL {
            (stride / 2).max(1)
        } else {
            (stride * 2).min(LOOK_AROUND)
        });
    }

    /// Takes what is queued for its worker alone. Owner only.
    pub(crate) fn take_own(&self) -> List {
        self.own.take()
    }

    /// Queues what its new worker alone may run. Owner only.
    pub(crate) fn adopt(&self, bound: List) {
        while let Some(g) = bound.pop_front() {
            g.turn.set(self.arrived());
            self.own.push_back(g);
        }
    }

    /// The time, or an earlier one: what was noted last.
    #[inline(always)]
    pub(crate) fn clock(&self) -> u64 {
        self.clock.load(Ordering::Relaxed)
    }

    /// Notes the time, for reports: who parks reads no clock.
    pub(crate) fn note_time(&self, now: u64) {
        self.clock.store(now, Ordering::Relaxed);
    }

    /// Puts a goroutine into `next`, and returns the one that was there.
    #[cfg_attr(not(feature = "small"), inline(always))]
    pub(crate) fn swap_next(&self, g: Option<GoroutineRef>) -> Option<GoroutineRef> {
        let new = g.map_or(ptr::null_mut(), GoroutineRef::as_ptr);
        if let Some(g) = g {
            g.queued.enter(g);
        }
        let old = if self.migratory && self.has_thieves {
            // AcqRel: pairs with the swap of a thief, or of the owner after a thief.
            self.next.swap(new, Ordering::AcqRel)
        } else {
            // In default mode, and without thieves, `next` is the owner's alone: no locked instruction.
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

    /// Takes note that it has stolen so many. Owner only.
    pub(crate) fn took(&self, goroutines: u64) {
        self.counters.steals.add(1);
        self.counters.stolen.add(goroutines);
        self.patience.took(goroutines, self.settled.load(Ordering::Relaxed));
    }

    /// Takes the goroutine to run from what is here, or none when the budget is used up or nothing
    /// is here. Owner only.
    #[cfg_attr(not(feature = "small"), inline(always))]
    pub(crate) fn pick(&self) -> Option<GoroutineRef> {
        let budget = self.budget();
        if mutant!("budget": budget == 0 => false) {
            return None;
        }
        let g = self.pick_any()?;
        self.set_budget(budget.wrapping_sub(1));
        Some(g)
    }

    /// As [`Processor::pick`], whatever the budget: who has just looked around, and would sleep if
    /// there were nothing, may find that the monitor has taken its budget away meanwhile. Owner only.
    pub(crate) fn pick_found(&self) -> Option<GoroutineRef> {
        let g = mutant!("budget-found": self.pick_any() => self.pick())?;
        self.set_budget(self.budget().saturating_sub(1));
        Some(g)
    }

    #[cfg_attr(not(feature = "small"), inline(always))]
    fn pick_any(&self) -> Option<GoroutineRef> {
        self.pick_next().or_else(|| self.pick_queued())
    }

    #[cfg_attr(not(feature = "small"), inline(always))]
    fn pick_next(&self) -> Option<GoroutineRef> {
        if !self.has_next() {
            return None;
        }
        let g = self.swap_next(None)?;
        let streak = self.streak.get();
        if mutant!("streak": streak < self.stride.get() => true) {
            self.streak.set(streak + 1);
            return Some(g);
        }
        self.streak.set(0);
        self.rotate(g)
    }

    /// A pair that passes the processor to and fro in `next` lets the others have a turn after as many resumptions
    /// as a round has, some microseconds. (After 16 a pair among a million took 185 ns a round trip in place of
    /// 130: each turn begins with two stacks that are in no cache.)
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

    /// What has begun goes in order, first come, first served, and nothing that came later before it. Of those
    /// that have not begun, the newest goes next: whoever has spawned and then waits mostly waits for those, and
    /// so a tree of goroutines is walked in depth, on few stacks. But where somebody has spawned and leaves
    /// without waiting, which might go on for ever, all that are queued then go in order; and some of them, now
    /// and then.
    #[cfg_attr(not(feature = "small"), inline(always))]
    fn pick_queued(&self) -> Option<GoroutineRef> {
        self.streak.set(0);
        if !self.has_shared() {
            return left(self.own.pop_front());
        }
        self.pick_shared()
    }

    /// As [`Processor::pick_queued`], when there is something to choose from.
    #[inline(never)]
    fn pick_shared(&self) -> Option<GoroutineRef> {
        let own = self.own.first().map_or(u64::MAX, |g| g.turn.get());
        let before = mutant!("turn": own => u64::MAX);
        // 0: the oldest. Else the newest, if it came before all that have begun.
        let limit = if self.is_turn_of_oldest() { 0 } else { before.min(self.before_begun()) };
        let mut shared = if limit > 0 { self.pop_newest(limit) } else { None };
        if shared.is_none() && limit < before {
            shared = self.pop_oldest(before);
            if self.first_begun.load(Ordering::Relaxed) != u64::MAX && !self.has_shared() {
                self.first_begun.store(u64::MAX, Ordering::Relaxed);
            }
        }
        left(shared.or_else(|| self.own.pop_front()))
    }

    /// The last turn before those that have begun, of those that thieves can take. As soon as the first of these
    /// has been taken, the second counts as queued right behind it.
    #[cfg_attr(not(feature = "small"), inline(always))]
    fn before_begun(&self) -> u64 {
        // Relaxed: the owner wrote it.
        let first = self.first_begun.load(Ordering::Relaxed);
        if first == u64::MAX { u64::MAX } else { self.look_for_begun(first) }
    }

    #[cold]
    fn look_for_begun(&self, first: u64) -> u64 {
        let oldest = self.oldest_turn();
        let none = oldest > self.last_begun.get();
        let first = if none { u64::MAX } else { first.max(oldest) };
        self.first_begun.store(first, Ordering::Relaxed);
        mutant!("begun": if none { u64::MAX } else { first - 1 } => u64::MAX)
    }

    /// Takes note that one that has begun is queued, or may be, where thieves can take it. Owner only.
    fn note_begun(&self, turn: u64) {
        if self.first_begun.load(Ordering::Relaxed) == u64::MAX {
            self.first_begun.store(turn, Ordering::Relaxed);
        }
        self.last_begun.set(turn);
    }

    /// Not later than the turn of the oldest that thieves can take, `MAX` if there is none. Owner only.
    fn oldest_turn(&self) -> u64 {
        if !self.has_shared() {
            return u64::MAX;
        }
        let first = |queue: &Deque| queue.first().map_or(0, |g| g.turn.get());
        if self.is_alone() {
            first(&self.unshared)
        } else if self.spilled.load(Ordering::Relaxed) > 0 {
            first(&self.spill.lock())
        } else {
            self.ring.oldest_turn()
        }
    }

    /// Whether something is queued here that any worker may take.
    #[cfg_attr(not(feature = "small"), inline(always))]
    pub(crate) fn has_shared(&self) -> bool {
        self.spilled.load(Ordering::Relaxed) > 0 || RING && !self.ring.is_empty()
    }

    #[cfg_attr(not(feature = "small"), inline(always))]
    fn is_turn_of_oldest(&self) -> bool {
        if !RING {
            return true;
        }
        if mutant!("has-pushed": self.has_pushed.replace(false) => false) {
            let ring = if self.is_alone() { 0 } else { self.ring.len() };
            self.aged.set(ring + self.spilled.load(Ordering::Relaxed) as usize);
        }
        let aged = self.aged.get();
        if aged > 0 {
            self.aged.set(aged - 1);
        }
        aged > 0
    }

    /// The goroutine that leaves waits.
    #[cfg_attr(not(feature = "small"), inline(always))]
    pub(crate) fn forget_pushed(&self) {
        self.has_pushed.set(false);
    }

    /// Gives the oldest a turn, if it is time for that. No time: nobody waits.
    pub(crate) fn age(&self, now: Option<u64>) {
        let since = self.aged_at.get();
        let Some(now) = now else {
            self.aged_at.set(FOREVER);
            return;
        };
        if since == FOREVER {
            self.aged_at.set(now);
        } else if now.saturating_sub(since) >= AGE {
            self.aged_at.set(now);
            mutant!("aged": self.aged.set(self.aged.get().max(AGED)) => ());
        }
    }

    /// Takes the first goroutine that is at home here, whatever the budget. Owner only.
    pub(crate) fn pick_own(&self) -> Option<GoroutineRef> {
        left(self.own.pop_front())
    }

    /// Queues a goroutine that only this worker may run. Owner only.
    #[cfg_attr(not(feature = "small"), inline(always))]
    pub(crate) fn push_own(&self, g: GoroutineRef) {
        g.queued.enter(g);
        g.turn.set(self.arrived());
        self.own.push_back(g);
    }

    /// Queues a goroutine that any worker may take. Owner only.
    #[cfg_attr(not(feature = "small"), inline(always))]
    pub(crate) fn push_shared(&self, g: GoroutineRef) {
        g.queued.enter(g);
        self.has_pushed.set(true);
        self.counters.pushed.add_inspected(1);
        let turn = self.next_turn();
        if RING && self.migratory && g.has_begun() {
            self.note_begun(turn);
        }
        if self.is_alone() {
            g.turn.set(turn);
            self.unshared.push_back(g);
            mutant!("unshared-length": bump(&self.spilled, 1) => ());
            return;
        }
        self.put(g, turn);
    }

    /// Puts one where thieves can take it. Owner only.
    #[cfg_attr(not(feature = "small"), inline(always))]
    fn put(&self, g: GoroutineRef, turn: u64) {
        if !RING || self.ring.push(g, turn).is_err() {
            self.push_spilling(g, turn);
        }
    }

    /// Whether nobody steals, and what makes use of that is built.
    #[cfg_attr(not(feature = "small"), inline(always))]
    pub(crate) fn is_alone(&self) -> bool {
        RING && !self.has_thieves
    }

    /// The turn of what arrives now. Owner only.
    #[cfg_attr(not(feature = "small"), inline(always))]
    pub(crate) fn next_turn(&self) -> u64 {
        let turn = self.arrived() + 1;
        self.arrived.store(turn, Ordering::Relaxed);
        turn
    }

    /// How many goroutines were ever put where thieves can take them. For others, about as many.
    #[cfg_attr(not(feature = "small"), inline(always))]
    pub(crate) fn arrived(&self) -> u64 {
        self.arrived.load(Ordering::Relaxed)
    }

    /// As [`Processor::push_shared`], when the ring is full: half of it makes room.
    #[cold]
    fn push_spilling(&self, g: GoroutineRef, turn: u64) {
        let spill = self.spill.lock();
        let push = |g: GoroutineRef, turn| {
            g.turn.set(turn);
            spill.push_back(g);
            bump(&self.spilled, 1);
            self.counters.spilled.add(1);
        };
        if RING {
            self.ring.take_half(push);
        }
        if !RING || self.ring.push(g, turn).is_err() {
            push(g, turn);
        }
    }

    /// Takes the oldest that any worker may run, unless it was queued after `before`; it still counts
    /// as queued. Owner only.
    #[cfg_attr(not(feature = "small"), inline(always))]
    pub(crate) fn pop_oldest(&self, before: u64) -> Option<GoroutineRef> {
        if self.is_alone() {
            return self.pop_from(&self.unshared, before, false);
        }
        if self.spilled.load(Ordering::Relaxed) > 0
            && let Some(g) = self.pop_spilled(before, false)
        {
            return Some(g);
        }
        if RING { self.ring.pop_oldest(before) } else { None }
    }

    /// As [`Processor::pop_oldest`], but takes the newest.
    #[cfg_attr(not(feature = "small"), inline(always))]
    fn pop_newest(&self, before: u64) -> Option<GoroutineRef> {
        if self.is_alone() {
            return self.pop_from(&self.unshared, before, true);
        }
        self.ring.pop_newest(before).or_else(|| self.pop_spilled(before, true))
    }

    /// Takes the oldest or the newest, unless it was queued after `before`, and takes note of how many
    /// are left.
    #[cfg_attr(not(feature = "small"), inline(always))]
    fn pop_from(&self, queue: &Deque, before: u64, newest: bool) -> Option<GoroutineRef> {
        let first = if newest { queue.last()? } else { queue.first()? };
        if first.turn.get() > before {
            return None;
        }
        let taken = if newest { queue.pop_back() } else { queue.pop_front() };
        if let Some(next) = if newest { queue.last() } else { queue.first() } {
            prefetch_to_run(next.as_ptr());
        }
        bump(&self.spilled, u64::MAX);
        taken
    }

    /// As [`Processor::pop_oldest`], from the spill; or its newest.
    #[cold]
    fn pop_spilled(&self, before: u64, newest: bool) -> Option<GoroutineRef> {
        if self.spilled.load(Ordering::Relaxed) == 0 {
            return None;
        }
        self.pop_from(&self.spill.lock(), before, newest)
    }

    /// Takes the older half of what any worker may take, or a good part of it: one to run, and the
    /// others for `to`, which the caller owns and whose ring is empty.
    pub(crate) fn steal_into(&self, to: &Processor) -> Option<GoroutineRef> {
        let turn = to.next_turn();
        let spilled = self.steal_spilled(to, turn);
        let ring = || if RING { self.ring.steal_into(&to.ring, turn) } else { None };
        let taken = spilled.or_else(ring)?;
        // Relaxed: what was taken was noted before it was queued. If none of it has begun, it goes in order without
        // need; if its owner has just seen that it is gone, it waits until it is old (`age`) at worst.
        if self.first_begun.load(Ordering::Relaxed) != u64::MAX {
            to.note_begun(turn);
        }
        Some(taken)
    }

    fn steal_spilled(&self, to: &Processor, turn: u64) -> Option<GoroutineRef> {
        if self.spilled.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let spill = self.spill.lock();
        let first = spill.pop_front()?;
        let rest = List::new();
        iter::from_fn(|| spill.pop_front()).take(CAPACITY / 2 - 1).for_each(|g| rest.push_back(g));
        bump(&self.spilled, (rest.len() as u64 + 1).wrapping_neg());
        // Two thieves may steal from each other, and each locks its own.
        drop(spill);
        while let Some(g) = rest.pop_front() {
            to.put(g, turn);
        }
        Some(first)
    }

    /// Whether any worker could take something from here.
    pub(crate) fn is_stealable(&self) -> bool {
        self.has_shared() || self.migratory && self.has_next()
    }

    /// Adds a deadline. Owner only.
    pub(crate) fn add_timer(&self, deadline: u64, waiter: &Waiter) {
        let mut timers = self.timers.lock();
        // SAFETY: the caller is about to park on this waiter, and takes it out when it is woken
        // otherwise (`wait::finish_timer`).
        unsafe { timers.insert(deadline, NonNull::from(waiter)) };
        let nearest = mutant!("timer-nearest": timers.nearest() => FOREVER);
        self.nearest.store(nearest, Ordering::Relaxed);
    }

    /// Takes a deadline out, if it is still in. From any thread.
    pub(crate) fn remove_timer(&self, waiter: &Waiter) {
        let mut timers = self.timers.lock();
        timers.remove(waiter);
        self.nearest.store(timers.nearest(), Ordering::Relaxed);
    }

    /// Claims waiters whose deadline has come, and returns the goroutines to wake. There may be more: while
    /// `nearest` is not later.
    pub(crate) fn due(&self, now: u64) -> Batch {
        let mut due = Batch::default();
        let mut timers = self.timers.lock();
        timers.take_due::<{ Batch::MOST }>(now, |waiter| due.push(waiter.claim_timeout()));
        self.nearest.store(timers.nearest(), Ordering::Relaxed);
        due
    }

    /// When its worker, which sleeps, asks to be woken for the first deadline. Owner only.
    pub(crate) fn ask_for(&self, nearest: u64, now: u64) -> u64 {
        self.late.ask(nearest, || self.timers.lock().crowd(now), now)
    }

    /// How many deadlines are kept here, while all threads stand still.
    pub(crate) fn deadlines(&self) -> usize {
        self.timers.try_lock().map_or(0, |timers| timers.len())
    }

    /// True when nothing is queued here. Owner only.
    #[cfg_attr(not(feature = "small"), inline(always))]
    pub(crate) fn is_idle(&self) -> bool {
        !self.has_next() && self.own.is_empty() && !self.has_shared()
    }

    /// A fresh number for a goroutine; `refill(n)` reserves `n` numbers and returns the first.
    #[cfg_attr(not(feature = "small"), inline(always))]
    pub(crate) fn next_id(&self, refill: impl FnOnce(u64) -> u64) -> u64 {
        let mut id = self.id.get();
        if id == self.ids_end.get() {
            id = refill(ID_BATCH);
            self.ids_end.set(id + ID_BATCH);
        }
        self.id.set(id + 1);
        id
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

/// Adds to a counter that one at a time writes, and others may read: no locked instruction. Modulo 2^64.
#[cfg_attr(not(feature = "small"), inline(always))]
pub(crate) fn bump(counter: &AtomicU64, by: u64) {
    // Release: pairs with the Acquire in Shared::goroutines_left().
    counter.store(counter.load(Ordering::Relaxed).wrapping_add(by), Ordering::Release);
}
