//! An OS thread that runs goroutines, and its own stack: Go's m and g0.

use alloc::sync::Arc;
use core::cell::Cell;
use core::ops::Deref;
use core::ptr::NonNull;

use crate::fiber::Fiber;
use crate::goroutine::GoroutineRef;
use crate::inbox::Inbox;
use crate::io::Driver;
use crate::processor::{LOOK_AROUND, Processor};
use crate::runtime::Shared;
use crate::scavenge::Scavenger;
use crate::seam::{AtomicU32, Ordering, mutant};
use crate::switch::{Entered, enter_worker};
use crate::{Context, FOREVER, arch, os};

/// `Worker::sleep` while it runs, or is about to look for work.
pub(crate) const AWAKE: u32 = 0;
/// `Worker::sleep` while it sleeps on that very word.
const ON_WORD: u32 = 1;
/// `Worker::sleep` while it sleeps in its poller.
const IN_POLLER: u32 = 2;
/// `Worker::sleep` until its thread is started.
pub(crate) const UNSTARTED: u32 = 3;
/// `Worker::sleep` when it has left for good.
pub(crate) const GONE: u32 = 4;

/// When goroutines take so long that the looks around are further apart than this, in nanoseconds,
/// the worker looks around after fewer of them.
const LOOK_INTERVAL: u64 = 100_000;

/// How long a worker sleeps at most when producers can't be made to pass a fence, in nanoseconds.
const BLIND: u64 = 1_000_000;

/// What this thread is to the core.
pub(crate) enum Local {
    /// A plain thread.
    Nothing,
    /// A worker.
    Worker(NonNull<Worker>),
    /// A thread that does blocking calls for a runtime.
    Aside(NonNull<Shared>),
}

impl Local {
    /// The low bit of the word marks a worker, so that one test tells it from the rest; the next
    /// bit marks a thread aside. Workers and runtimes are aligned to more than that.
    const WORKER: usize = 1;
    const ASIDE: usize = 2;
    /// The word of a thread that was one of them before its process forked (`fork`).
    const LOST: usize = 4;

    #[inline(always)]
    pub(crate) fn read() -> Local {
        Local::of(os::local())
    }

    /// What a thread with this word is.
    #[inline(always)]
    pub(crate) fn of(word: *mut ()) -> Local {
        let pointer = NonNull::new(word.map_addr(|a| a & !(Local::WORKER | Local::ASIDE)));
        match pointer {
            Some(worker) if word.addr() & Local::WORKER != 0 => Local::Worker(worker.cast()),
            Some(shared) if word.addr() & Local::ASIDE != 0 => Local::Aside(shared.cast()),
            _ => Local::Nothing,
        }
    }

    /// The current worker, by the shortest way.
    #[inline(always)]
    pub(crate) fn worker() -> Option<NonNull<Worker>> {
        let word = os::local();
        if word.addr() & Local::WORKER == 0 {
            return None;
        }
        let worker = word.wrapping_byte_sub(Local::WORKER).cast();
        // SAFETY: a word with this bit was made by `set_worker`, from a reference.
        Some(unsafe { NonNull::new_unchecked(worker) })
    }

    fn set_worker(worker: &Worker) {
        let word = core::ptr::from_ref(worker).cast_mut();
        os::set_local(word.wrapping_byte_add(Local::WORKER).cast());
    }

    /// Makes this thread one of `shared`'s threads aside.
    pub(crate) fn set_aside(shared: NonNull<Shared>) {
        os::set_local(shared.as_ptr().wrapping_byte_add(Local::ASIDE).cast());
    }
}

impl Local {
    /// Makes this thread none of the core's, and no plain one either.
    pub(crate) fn set_lost() {
        os::set_local(core::ptr::without_provenance_mut(Local::LOST));
    }

    pub(crate) fn is_lost() -> bool {
        os::local().addr() == Local::LOST
    }
}

/// The runtime that this thread works for, counted.
pub(crate) fn current_shared() -> Option<Arc<Shared>> {
    match Local::read() {
        Local::Nothing => None,
        // SAFETY: a thread's word names its live worker.
        Local::Worker(worker) => Some(unsafe { worker.as_ref() }.shared().share()),
        // SAFETY: a thread aside is counted by its runtime.
        Local::Aside(shared) => Some(unsafe { shared.as_ref() }.share()),
    }
}

/// A worker.
#[repr(align(128))]
pub(crate) struct Worker {
    // Constant after start.
    index: usize,
    // Dangling until `bind`, which comes before anything can see the worker.
    shared: Cell<NonNull<Shared>>,
    processor: Cell<NonNull<Processor>>,

    // Written by its own thread only.
    own_context: Cell<Context>,
    fiber: Fiber,
    /// Whether it holds one of the runtime's tokens for searching.
    searching: Cell<bool>,
    /// The budget of the next round.
    stride: Cell<u32>,
    looked: Cell<u64>,
    /// Whether it has run nothing since it woke.
    woke: Cell<bool>,
    scavenger: Scavenger,
    /// The word that the thread had before it became this worker: of an outer runtime, or null.
    outer: Cell<*mut ()>,

    // Written by others.
    pub(crate) inbox: Inbox,
    /// Written by its own thread (going to sleep) and by wakers, who swing it to `AWAKE`; a waker
    /// that read a sleeping value by its swap, and nobody else, must end that sleep.
    pub(crate) sleep: AtomicU32,
    pub(crate) driver: Driver,
}

// SAFETY: the cells are the worker's own thread's; the start of that thread, and its end, order
// them against the thread that makes and frees the runtime.
unsafe impl Sync for Worker {}
// SAFETY: as above.
unsafe impl Send for Worker {}

/// A worker by reference; its runtime outlives it, see `Shared`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct WorkerRef(NonNull<Worker>);

impl Deref for WorkerRef {
    type Target = Worker;

    #[inline(always)]
    fn deref(&self) -> &Worker {
        // SAFETY: workers live in their runtime, which lives as long as any goroutine that names
        // one as its home, for ever if the goroutine was abandoned (`close`).
        unsafe { self.0.as_ref() }
    }
}

impl Worker {
    pub(crate) fn new(index: usize) -> Worker {
        Worker {
            index,
            shared: Cell::new(NonNull::dangling()),
            processor: Cell::new(NonNull::dangling()),
            own_context: Cell::new(Context::NONE),
            fiber: Fiber::new(),
            searching: Cell::new(false),
            stride: Cell::new(LOOK_AROUND),
            looked: Cell::new(0),
            woke: Cell::new(true),
            scavenger: Scavenger::new(),
            outer: Cell::new(core::ptr::null_mut()),
            inbox: Inbox::new(),
            sleep: AtomicU32::new(UNSTARTED),
            driver: Driver::new(),
        }
    }

    /// Ties a worker to its runtime, before any thread can see it.
    pub(crate) fn bind(&self, shared: NonNull<Shared>, processor: &Processor) {
        self.shared.set(shared);
        self.processor.set(NonNull::from(processor));
    }

    /// The word that the thread had before.
    pub(crate) fn outer(&self) -> *mut () {
        self.outer.get()
    }

    pub(crate) fn index(&self) -> usize {
        self.index
    }

    #[inline(always)]
    pub(crate) fn reference(&self) -> WorkerRef {
        WorkerRef(NonNull::from(self))
    }

    #[inline(always)]
    pub(crate) fn own_context(&self) -> &Cell<Context> {
        &self.own_context
    }

    /// What a sanitizer knows of the worker's own stack.
    #[inline(always)]
    pub(crate) fn fiber(&self) -> &Fiber {
        &self.fiber
    }

    #[inline(always)]
    pub(crate) fn shared(&self) -> &Shared {
        // SAFETY: bound by now; the worker is part of its runtime.
        unsafe { self.shared.get().as_ref() }
    }

    #[inline(always)]
    pub(crate) fn processor(&self) -> &Processor {
        // SAFETY: bound by now; processors are part of the same runtime, and never move.
        unsafe { self.processor.get().as_ref() }
    }

    /// Whether a thread runs it, asleep or not.
    pub(crate) fn is_started(&self) -> bool {
        !matches!(self.sleep.load(Ordering::SeqCst), UNSTARTED | GONE)
    }

    /// Whether its thread sleeps, or is still to be started.
    pub(crate) fn is_asleep(&self) -> bool {
        matches!(self.sleep.load(Ordering::SeqCst), ON_WORD | IN_POLLER | UNSTARTED)
    }

    /// Makes the calling thread this worker.
    pub(crate) fn take_thread(&self) {
        self.outer.set(os::local());
        Local::set_worker(self);
        self.fiber.adopt_thread();
        self.shared().ending.join_work();
        self.sleep.store(AWAKE, Ordering::SeqCst);
        self.shared().note_worker();
        // Whoever took this worker out of the idle set has left it a token to search with.
        self.searching.set(!self.shared().idle.remove(self.index));
    }

    /// Gives the thread its word back. Goroutines of other runtimes may wait for sockets here: they
    /// have to look elsewhere from now on.
    pub(crate) fn leave_thread(&self) {
        self.driver.close();
        self.sleep.store(GONE, Ordering::SeqCst);
        os::set_local(self.outer.get());
        self.shared().ending.leave_work(self.shared());
    }

    /// Ends this worker's sleep, if it sleeps. From any thread.
    #[inline(always)]
    pub(crate) fn wake(&self) {
        // SeqCst: the push that came before pairs with the worker's look after it has written
        // `sleep` (step 3 of `idle`).
        if self.sleep.load(Ordering::SeqCst) != AWAKE {
            self.wake_asleep();
        }
    }

    #[cold]
    fn wake_asleep(&self) {
        match self.sleep.swap(AWAKE, Ordering::SeqCst) {
            ON_WORD => os::wake(&self.sleep, 1),
            IN_POLLER => mutant!("notify": self.driver.notify() => ()),
            UNSTARTED => self.shared().start_worker(self),
            GONE => self.sleep.store(GONE, Ordering::SeqCst),
            _ => {}
        }
    }

    /// Runs goroutines until the runtime closes.
    #[doc(alias = "schedule")]
    pub(crate) fn run(&self) {
        while let Some(g) = self.find_work() {
            let to = enter_worker().resume(g);
            self.fiber.leave(&g.fiber);
            // SAFETY: `g` was taken from a queue, so its context is nobody else's; this stack goes
            // on when a goroutine finds nothing to run, or has to look around.
            let message = unsafe { arch::switch(self.own_context.as_ptr(), to, 0) };
            self.fiber.arrive();
            enter_worker().perform(message);
        }
        self.stop_searching();
    }

    /// The next goroutine to run; none when the runtime closes. Sleeps when there is nothing.
    #[doc(alias = "findRunnable")]
    fn find_work(&self) -> Option<GoroutineRef> {
        let entered = enter_worker();
        let processor = self.processor();
        let shared = self.shared();
        loop {
            if shared.is_closing() {
                return None;
            }
            self.look_around(&entered);
            let found = shared
                .inject
                .take(shared.procs(), true)
                .map(|(g, _)| g)
                .inspect(|_| processor.counters.shared_taken.add(1))
                .or_else(|| processor.pick())
                .or_else(|| self.steal(&entered));
            if let Some(g) = found {
                if self.woke.replace(false) {
                    processor.counters.woken.add(1);
                }
                self.scavenger.plan(processor.settled.load(Ordering::Relaxed));
                self.stop_searching();
                return Some(g);
            }
            if shared.procs() > 1 && self.driver.in_use() && self.poll(&entered, 0) {
                continue;
            }
            self.sleep();
        }
    }

    /// What the direct way from goroutine to goroutine leaves out: the inbox, due timers, sockets.
    fn look_around(&self, entered: &Entered<'_>) {
        os::point();
        let processor = self.processor();
        let inbox = self.inbox.take_all();
        processor.counters.inbox_taken.add(inbox.len() as u64);
        while let Some(g) = inbox.pop_front() {
            entered.push_last(g);
        }
        let timed = processor.nearest.load(Ordering::Relaxed) != FOREVER;
        if timed || self.driver.in_use() {
            let now = os::now();
            self.adapt(now);
            if timed {
                self.fire_timers(entered, now);
            }
            if self.driver.in_use() && self.driver.is_stale(now) {
                self.poll(entered, 0);
            }
        } else {
            self.stride.set(LOOK_AROUND);
        }
        processor.budget.set(self.stride.get());
    }

    /// Looks around more often when goroutines keep the processor for long.
    fn adapt(&self, now: u64) {
        let elapsed = now.saturating_sub(self.looked.replace(now));
        let stride = self.stride.get();
        self.stride.set(if elapsed > LOOK_INTERVAL {
            (stride / 2).max(1)
        } else {
            (stride * 2).min(LOOK_AROUND)
        });
    }

    fn fire_timers(&self, entered: &Entered<'_>, now: u64) {
        loop {
            let due = self.processor().due(now);
            due.iter().filter(|g| g.state.ready()).for_each(|g| entered.push_last(g));
            if !due.is_full() {
                break;
            }
        }
    }

    /// Looks at the sockets, until `until`; true if a goroutine became runnable here.
    fn poll(&self, entered: &Entered<'_>, until: u64) -> bool {
        self.driver.report(&self.driver.poll(until));
        let inbox = self.inbox.take_all();
        self.processor().counters.inbox_taken.add(inbox.len() as u64);
        let mut any = !self.processor().is_idle();
        while let Some(g) = inbox.pop_front() {
            entered.push_last(g);
            any = true;
        }
        any
    }

    /// Takes work from another processor.
    #[doc(alias = "stealWork")]
    fn steal(&self, entered: &Entered<'_>) -> Option<GoroutineRef> {
        let shared = self.shared();
        if shared.procs() == 1 || !self.start_searching() {
            return None;
        }
        if let Some((g, rest)) = shared.inject.take(shared.procs(), false) {
            entered.processor().counters.shared_taken.add(1 + rest.len() as u64);
            while let Some(g) = rest.pop_front() {
                entered.push_last(g);
            }
            return Some(g);
        }
        shared.steal(entered.processor(), self.index)
    }

    /// Takes a token for searching, unless enough others have one: few searchers find as much as
    /// many, and burn less. (Go: at most half of the busy processors.)
    fn start_searching(&self) -> bool {
        let shared = self.shared();
        if !self.searching.get() {
            let busy = shared.procs() - shared.idle.len();
            if 2 * shared.searching.load(Ordering::Relaxed) as usize >= busy.max(1) {
                return false;
            }
            shared.searching.fetch_add(1, Ordering::SeqCst);
            self.searching.set(true);
        }
        true
    }

    /// Gives the token back. The last searcher that stops because it found work wakes another, for
    /// there may be more; one that stops to sleep looks again afterwards (step 3 of `sleep`).
    fn stop_searching(&self) {
        if self.searching.replace(false)
            && self.shared().searching.fetch_sub(1, Ordering::SeqCst) == 1
        {
            mutant!("search-last": self.shared().wake_one() => ());
        }
    }

    /// Sleeps until there may be work.
    ///
    /// 1. It gives its search token back and says how it sleeps: wakers see it from now on.
    /// 2. It enters the idle set: producers see it from now on. (Not before 1: one who takes it out
    ///    of the set, and leaves it a token, would find it awake and not wake it.)
    /// 3. After a fence that every producer takes part in, it looks at everything once more. Either
    ///    the producer saw 1 or 2, or this sees what was produced.
    /// 4. It sleeps, leaves the idle set, and knows by that whether it was given a token. What its
    ///    poller has seen meanwhile it reports only then.
    #[doc(alias = "stopm")]
    fn sleep(&self) {
        let shared = self.shared();
        if self.searching.replace(false) {
            mutant!("sleep-token": shared.searching.fetch_sub(1, Ordering::SeqCst) => 0);
        }
        let counters = &self.processor().counters;
        counters.sleeps.add(1);
        if self.woke.replace(true) {
            counters.woken_in_vain.add(1);
        }
        self.scavenger.look(self, || self.has_reason_to_stay());
        let nearest = self.processor().nearest.load(Ordering::Relaxed);
        let nearest = mutant!("sleep-deadline": nearest => FOREVER);
        let mut until = nearest.min(shared.trim()).min(self.scavenger.due());

        let polls = self.driver.in_use();
        mutant!("sleep-order": () => {
            shared.idle.insert(self.index);
            os::point();
        });
        self.sleep.store(if polls { IN_POLLER } else { ON_WORD }, Ordering::SeqCst);
        os::point();
        shared.idle.insert(self.index);
        os::point();
        if !shared.fence_before_sleep(self.index) {
            until = until.min(os::now().saturating_add(BLIND));
        }
        let mut seen = None;
        let stays = self.has_reason_to_stay();
        if !stays {
            if polls {
                seen = Some(self.driver.poll(until));
            } else {
                os::wait(&self.sleep, ON_WORD, until);
            }
        }
        self.sleep.swap(AWAKE, Ordering::SeqCst);
        os::point();
        if mutant!("sleep-claimed": !shared.idle.remove(self.index) => false) {
            self.searching.set(true);
        } else if stays {
            // Something was found to take: it must not be put off for want of a token.
            shared.searching.fetch_add(1, Ordering::SeqCst);
            self.searching.set(true);
        }
        // The time asleep says nothing of how long goroutines take.
        self.looked.set(u64::MAX);
        if let Some(seen) = seen {
            self.driver.report(&seen);
        }
    }

    fn has_reason_to_stay(&self) -> bool {
        let shared = self.shared();
        mutant!("sleep-inbox": !self.inbox.is_empty() => false)
            || mutant!("sleep-inject": !shared.inject.is_empty() => false)
            || mutant!("sleep-closing": shared.is_closing() => false)
            || mutant!("sleep-steal": shared.procs() > 1 && shared.has_stealable() => false)
    }
}
