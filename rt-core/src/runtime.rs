//! A runtime: its workers and processors, and what they share.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cell::Cell;
use core::fmt;
use core::ptr::NonNull;

use crate::aside::Aside;
use crate::close::Ending;
use crate::deadlock::{Alarm, Deadlock};
use crate::goroutine::GoroutineRef;
use crate::handoff::Handoff;
use crate::idle::IdleSet;
use crate::inject::Inject;
use crate::inspect::Seen;
use crate::lock::Protected;
use crate::locked::Count;
use crate::monitor::Monitor;
use crate::payer::Payer;
use crate::processor::Processor;
use crate::row::Row;
use crate::seam::{AtomicBool, AtomicU32, AtomicU64, Extent, Ordering, mutant};
use crate::sleep::UNSTARTED;
use crate::stack::{Class, StackPool};
use crate::worker::{Guarded, Worker};
use crate::{FOREVER, GuardKind, OsError, OsResult, arch, os};

/// How a runtime is made.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// The number of processors, at least 1.
    pub procs: usize,
    /// Whether that number changes when what the system allows does.
    pub follows: bool,
    /// The stack of a goroutine in bytes of addresses, guard included; rounded up to a power of two.
    pub stack_bytes: usize,
    /// The most threads that the runtime has at one time, workers included.
    pub max_threads: usize,
    /// Whether started goroutines may move between threads.
    pub migratory: bool,
    /// What to do when nobody is left who could wake a goroutine.
    pub deadlock: Deadlock,
    /// Whether the calling goroutine unwinds at this moment.
    pub unwinding: fn() -> bool,
    /// Is told of the goroutines that the runtime has ended without, if there are any.
    pub left: Option<fn(&[Seen])>,
    /// Whether [`Runtime::left`] is to know of them.
    pub keeps_left: bool,
}

/// A running runtime. Dropping the last handle of one that was not closed leaks it.
#[derive(Clone)]
pub struct Runtime {
    pub(crate) shared: Arc<Shared>,
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runtime").field("procs", &self.shared.procs()).finish_non_exhaustive()
    }
}

/// What the threads of a runtime share. Never moves.
#[repr(align(128))]
pub(crate) struct Shared {
    // Constant after start.
    itself: Cell<NonNull<Shared>>,
    /// As many as there are processors: each one's first. Their last ones are added as those are.
    workers: Row<Worker>,
    processors: Row<Processor>,
    migratory: bool,
    pub(crate) follows: bool,
    /// Whether `os::fence_all` works.
    asymmetric: bool,
    /// Whether it does not, so that goroutines fence for who looks at them. Nobody does in a small
    /// program.
    each_fences: bool,
    pub(crate) unwinding: fn() -> bool,
    pub(crate) left: Option<fn(&[Seen])>,
    pub(crate) keeps_left: bool,
    pub(crate) stack_class: Class,
    pub(crate) max_threads: usize,
    /// The number of forks before it was started.
    pub(crate) forks: u32,

    /// How many processors are in use, from the first on. Written by the monitor.
    procs: Extent,

    // Written by all, each with its own protocol.
    pub(crate) inject: Inject,
    pub(crate) idle: IdleSet,
    payer: Payer,
    /// The number of tokens for searching that are out. Written by their holders and by wakers.
    pub(crate) searching: AtomicU32,
    pub(crate) stacks: StackPool,
    pub(crate) aside: Aside,
    pub(crate) handoff: Handoff,
    /// Workers that goroutines have for themselves.
    pub(crate) locked: Count,
    pub(crate) monitor: Monitor,
    pub(crate) ending: Ending,
    pub(crate) alarm: Alarm,
    ids: AtomicU64,
    /// Whether there is a worker. Written by whoever starts the first one; read by those outside.
    pub(crate) has_worker: AtomicBool,
    /// Held by whoever starts the first worker.
    pub(crate) first: Protected<()>,
    /// Goroutines spawned by threads that are no workers.
    pub(crate) spawned_outside: AtomicU64,
    /// Whether a worker is giving pooled memory back at this moment.
    trimming: AtomicBool,
    /// Written by who abandons goroutines; taken by who asks for them after the end.
    pub(crate) found_left: Protected<Vec<Seen>>,
}

// SAFETY: what is not `Sync` by itself is a worker's or a processor's, and they say why they are.
unsafe impl Sync for Shared {}
// SAFETY: as above.
unsafe impl Send for Shared {}

impl Runtime {
    /// A runtime without threads: workers start when there is work for them.
    ///
    /// # Errors
    /// What the system says when it refuses memory, or the handlers for stack overflows and forks.
    pub fn new(config: &Config) -> OsResult<Runtime> {
        let procs = config.procs.max(1);
        let stack_class = Class::at_least(config.stack_bytes).ok_or_else(os::no_memory)?;
        os::catch_faults(crate::overflow::classify)?;
        os::at_fork(crate::fork::in_child)?;
        let mut seed = os::seed();
        let max_threads = config.max_threads.max(procs);
        let most = if config.follows { os::most_cpus().clamp(procs, max_threads) } else { procs };
        let asymmetric = (most > 1 || config.migratory) && os::fence_all();
        let shared = Arc::new(Shared {
            itself: Cell::new(NonNull::dangling()),
            workers: Row::with_room(most)?,
            processors: Row::with_room(most)?,
            migratory: config.migratory,
            follows: config.follows && most > 1,
            procs: Extent::new(procs),
            asymmetric,
            each_fences: !cfg!(feature = "small") && !asymmetric && !os::fence_all(),
            unwinding: config.unwinding,
            left: config.left,
            keeps_left: config.keeps_left,
            stack_class,
            max_threads,
            forks: os::forks(),
            inject: Inject::new(),
            idle: IdleSet::full(most, procs),
            payer: Payer::new(asymmetric),
            searching: AtomicU32::new(0),
            stacks: StackPool::new(procs),
            aside: Aside::new(),
            handoff: Handoff::new(),
            locked: Count::new(),
            monitor: Monitor::new(),
            ending: Ending::new(),
            alarm: Alarm::new(config.deadlock),
            ids: AtomicU64::new(1),
            has_worker: AtomicBool::new(false),
            first: Protected::ordinary(()),
            spawned_outside: AtomicU64::new(0),
            trimming: AtomicBool::new(false),
            found_left: Protected::ordinary(Vec::new()),
        });
        // SAFETY: an `Arc` is never null.
        let itself = unsafe { NonNull::new_unchecked(Arc::as_ptr(&shared).cast_mut()) };
        shared.itself.set(itself);
        for _ in 0..procs {
            seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
            // SAFETY: nobody else knows of this runtime yet.
            unsafe { shared.make_processor(seed) };
        }
        Ok(Runtime { shared })
    }

    /// The number of processors in use at this moment.
    pub fn procs(&self) -> usize {
        self.shared.procs()
    }

    /// The runtime that the calling thread works for, as a worker or aside.
    pub fn current() -> Option<Runtime> {
        crate::worker::current_shared().map(|shared| Runtime { shared })
    }
}

/// What the platform found, for a start-up report.
#[derive(Clone, Copy, Debug)]
pub struct Platform {
    /// Processors that the process may use.
    pub cpus: usize,
    /// Bytes.
    pub page_size: usize,
    /// How guards are made.
    pub guard: GuardKind,
}

/// Asks the platform what it is.
pub fn platform() -> Platform {
    Platform { cpus: os::cpus(), page_size: os::page_size(), guard: os::guard_kind() }
}

impl Shared {
    /// How many processors are in use.
    #[inline(always)]
    pub(crate) fn procs(&self) -> usize {
        // SeqCst: for a worker that has said that it sleeps; pairs with set_procs().
        self.procs.load(Ordering::SeqCst)
    }

    /// So many are in use from now on.
    pub(crate) fn set_procs(&self, n: usize) {
        // SeqCst: before the look at who sleeps; pairs with procs().
        self.procs.store(n, Ordering::SeqCst);
    }

    /// How many there can ever be.
    #[inline(always)]
    pub(crate) fn most_procs(&self) -> usize {
        self.processors.room()
    }

    /// The processors in use.
    pub(crate) fn in_use(&self) -> impl Iterator<Item = &Processor> {
        self.processors.iter().take(self.procs())
    }

    /// Makes one more processor, with its worker, which is not in use yet.
    ///
    /// # Safety
    /// - Nobody else makes one meanwhile. There is room for it.
    pub(crate) unsafe fn make_processor(&self, seed: u64) {
        let worker = Worker::new();
        worker.belong(self.itself(), self.guarded());
        // SAFETY: the caller is the only one.
        unsafe { self.workers.push(worker) };
        let processor =
            Processor::new(self.processors.len(), self.processors.room(), self.migratory, seed);
        let Some(worker) = self.workers.last() else { crate::fatal!("a worker is not there") };
        processor.set_holder(worker);
        // SAFETY: as above.
        unsafe { self.processors.push(processor) };
        worker.hold(self.processors.last());
    }

    #[inline(always)]
    pub(crate) fn migratory(&self) -> bool {
        self.migratory
    }

    /// Whether `os::fence_all` works.
    pub(crate) fn asymmetric(&self) -> bool {
        self.asymmetric
    }

    /// Whether goroutines of this runtime pass a fence by themselves when they run again.
    #[inline(always)]
    pub(crate) fn each_fences(&self) -> bool {
        self.each_fences
    }

    /// What it costs a worker to come into the scheduler.
    pub(crate) fn guarded(&self) -> Guarded {
        match (self.migratory, self.asymmetric) {
            (false, _) => Guarded::Not,
            (true, true) => mutant!("unguarded": Guarded::Lightly => Guarded::Not),
            (true, false) => Guarded::Fully,
        }
    }

    /// The worker that a processor begins with, by index.
    pub(crate) fn worker(&self, index: usize) -> &Worker {
        &self.workers[index]
    }

    pub(crate) fn workers(&self) -> &[Worker] {
        &self.workers
    }

    pub(crate) fn processor(&self, index: usize) -> &Processor {
        &self.processors[index]
    }

    pub(crate) fn processors(&self) -> &[Processor] {
        &self.processors
    }

    /// Another counted reference.
    pub(crate) fn share(&self) -> Arc<Shared> {
        // SAFETY: the runtime is there, for `self` is.
        unsafe { Shared::keep(self.itself.get()) }
    }

    /// The pointer of the `Arc` that holds this.
    pub(crate) fn itself(&self) -> NonNull<Shared> {
        self.itself.get()
    }

    /// Another counted reference, from a pointer.
    ///
    /// # Safety
    /// - `this` is some runtime's `itself`, and the runtime is there at the moment of the call.
    pub(crate) unsafe fn keep(this: NonNull<Shared>) -> Arc<Shared> {
        // SAFETY: made inside of an `Arc`; the caller vouches that it is still counted.
        unsafe { Arc::increment_strong_count(this.as_ptr()) };
        // SAFETY: the count was raised for it on the line above.
        unsafe { Arc::from_raw(this.as_ptr()) }
    }

    /// Reserves numbers for goroutines.
    pub(crate) fn reserve_ids(&self, n: u64) -> u64 {
        // Relaxed: numbers have to differ, nothing else hangs on them.
        self.ids.fetch_add(n, Ordering::Relaxed)
    }

    /// A sleeper's half of the fence in `Worker::sleep`, step 3. False: a producer may not be seen.
    pub(crate) fn fence_before_sleep(&self, index: usize) -> bool {
        let queued = || self.processors.iter().map(Processor::arrived).sum();
        let others = || self.processors.iter().any(|p| p.index() != index && p.is_awake());
        self.payer.fence_before_sleep(queued, others)
    }

    /// Wakes a worker for work that it can take, unless nobody is idle or somebody searches.
    #[doc(alias = "wakep")]
    #[inline(always)]
    pub(crate) fn wake_one(&self) {
        if self.processors.len() == 1 {
            // The only worker may be asleep if the work came from outside.
            self.processors[0].wake(self);
            return;
        }
        self.payer.fence_after_push();
        os::point();
        if !self.idle.is_empty() && self.searching.load(Ordering::SeqCst) == 0 {
            self.wake_searcher();
        }
    }

    #[cold]
    fn wake_searcher(&self) {
        while self.searching.compare_exchange(0, 1, Ordering::SeqCst, Ordering::Relaxed).is_ok() {
            os::point();
            if let Some(index) = self.idle.claim() {
                self.processors[index].wake(self);
                return;
            }
            os::point();
            self.searching.fetch_sub(1, Ordering::SeqCst);
            // While the token was out, others may have gone to sleep, and producers have relied on
            // the searcher that there was not.
            if mutant!("wake-recheck": self.idle.is_empty() => true) {
                return;
            }
        }
    }

    /// True if some processor has work that any worker may take.
    pub(crate) fn has_stealable(&self) -> bool {
        self.processors.iter().any(Processor::is_stealable)
    }

    /// Takes half of what some other processor has, starting from a random one.
    pub(crate) fn steal(&self, thief: &Processor) -> Option<GoroutineRef> {
        /// Go makes four rounds too, and touches `next` in the last one only.
        const ROUNDS: usize = 4;
        let n = self.processors.len();
        let counters = &thief.counters;
        counters.steals_tried.add(1);
        for round in 0..ROUNDS {
            let start = thief.random() as usize % n;
            for i in 0..n {
                let at = (start + i) % n;
                if at == thief.index() {
                    continue;
                }
                let victim = &self.processors[at];
                counters.victims.add(1);
                if let Some(g) = victim.steal_into(thief) {
                    thief.took(1 + thief.ring.len() as u64);
                    g.queued.leave(g);
                    return Some(g);
                }
                if self.migratory
                    && round == ROUNDS - 1
                    && victim.has_next()
                    && let Some(g) = victim.swap_next(None)
                {
                    thief.took(1);
                    return Some(g);
                }
            }
        }
        None
    }

    /// Calls `f` while no pooled memory is given back, records included.
    pub(crate) fn while_memory_stays<R>(&self, f: impl FnOnce() -> R) -> R {
        // Acquire and Release: as in trim(), for which this is another turn.
        while self.trimming.swap(true, Ordering::Acquire) {
            arch::pause();
            os::point();
        }
        let result = f();
        self.trimming.store(false, Ordering::Release);
        result
    }

    /// Gives pooled memory back, and says when to come again.
    pub(crate) fn trim(&self) -> u64 {
        // Acquire and Release below: one at a time, for the pool's clock. (Where it is a look that is
        // under way, the next one to sleep comes again.)
        if self.trimming.swap(true, Ordering::Acquire) {
            return FOREVER;
        }
        let next = self.stacks.trim(os::now);
        self.trimming.store(false, Ordering::Release);
        next.unwrap_or(FOREVER)
    }

    /// Starts the first worker of a processor that something has been found for. If the system
    /// refuses, the work stays with the workers that there are, and the next producer tries again.
    pub(crate) fn start_worker(&self, processor: &Processor) {
        if let Err(Some(_)) = self.start_thread_of(processor) {
            self.worker_refused(processor);
        }
    }

    /// Starts the thread of a processor's first worker, whose sleep the caller has ended.
    ///
    /// # Errors
    /// As [`Shared::start_thread`].
    pub(crate) fn start_thread_of(&self, processor: &Processor) -> Result<(), Option<OsError>> {
        unsafe extern "C" fn main(worker: *mut ()) {
            // SAFETY: the argument is the worker below; its runtime is counted for this thread.
            let worker = unsafe { &*worker.cast::<Worker>() };
            worker.processor().begin(worker.shared());
            worker.live();
        }
        let worker = self.worker(processor.index());
        self.start_thread(main, |number| {
            worker.number.set(number);
            core::ptr::from_ref(worker).cast_mut().cast()
        })
    }

    #[cold]
    fn worker_refused(&self, processor: &Processor) {
        processor.sleep.store(UNSTARTED, Ordering::SeqCst);
        if self.idle.insert(processor.index()) {
            // It was out of the set because it had been claimed, with a token.
            mutant!("token-refused": self.searching.fetch_sub(1, Ordering::SeqCst) => 0);
        }
        // Only what has not started can have been sent to a worker that never ran.
        let offered = self.worker(processor.index()).inbox.take_all();
        while let Some(g) = offered.pop_front() {
            mutant!("worker-refused": self.inject.push(g) => ());
        }
        self.processors.iter().filter(|p| p.is_started()).for_each(|p| p.wake(self));
    }

    #[inline(always)]
    pub(crate) fn is_closing(&self) -> bool {
        self.ending.is_closing()
    }
}
