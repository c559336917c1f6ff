//! An OS thread that runs goroutines, and its own stack: Go's m and g0.
//!
//! A worker runs goroutines while it holds a processor. In default mode each holds its own for life.
//! In migratory mode a processor is taken from a worker that is held up (`handoff`), so whoever comes
//! into the scheduler says so, and looks whether the processor is still there:
//!
//! 1. Coming in raises `inside`, by a plain store, and then reads `asked`. Going out lowers it.
//! 2. Who wants to take a processor away sets `asked`, makes every thread pass a fence, and then
//!    reads `inside`. So either the worker sees that it is asked for its processor, and waits for
//!    the answer; or the taker finds it inside, and takes back what it asked.
//! 3. A switch from one stack to another passes `inside` on: the other side goes out.

use alloc::sync::Arc;
use core::cell::Cell;
use core::mem::ManuallyDrop;
use core::ops::Deref;
use core::ptr::{self, NonNull};

use crate::fiber::Fiber;
use crate::goroutine::GoroutineRef;
use crate::handoff::Rested;
use crate::inbox::Inbox;
use crate::limit::Limit;
use crate::list::List;
use crate::locked::Locked;
use crate::processor::Processor;
use crate::runtime::Shared;
use crate::seam::{AtomicPtr, AtomicU32, AtomicUsize, Ordering, compiler_fence, fence, mutant};
use crate::switch::enter_worker;
use crate::{Context, arch, os};

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
    /// Marks a worker, so that one test tells it from the rest; and a thread aside. Workers and runtimes
    /// are aligned to more than that. A worker's word has the two lowest bits free, for `lock/own.rs`.
    const WORKER: usize = 4;
    const ASIDE: usize = 2;
    /// With `WORKER`: one that may lose its processor.
    const GUARDED: usize = 8;
    const BITS: usize = Local::WORKER | Local::ASIDE | Local::GUARDED;
    /// The word of a thread that was one of them before its process forked (`fork`).
    const LOST: usize = 1;
    /// Marks a limit of a thread that is no worker, under which lies the word that it had before.
    const LIMITED: usize = 16;
    /// Marks a goroutine's thread that does without the scheduler (`locked`), in the same way.
    const LOCKED: usize = 32;

    #[cfg_attr(not(feature = "small"), inline(always))]
    pub(crate) fn read() -> Local {
        Local::of(os::local())
    }

    /// What a thread with this word is.
    #[cfg_attr(not(feature = "small"), inline(always))]
    pub(crate) fn of(word: *mut ()) -> Local {
        if let Some(limit) = Local::limit_of(word) {
            // SAFETY: it lies in a frame of the thread whose word this is (`limit::with_limit`).
            return Local::of(unsafe { limit.as_ref() }.word());
        }
        if let Some(locked) = Local::locked_of(word) {
            // SAFETY: it lies in a frame of the thread whose word this is (`locked::with_word`).
            return Local::of(unsafe { locked.as_ref() }.word());
        }
        let pointer = NonNull::new(word.map_addr(|a| a & !Local::BITS));
        match pointer {
            Some(worker) if word.addr() & Local::WORKER != 0 => Local::Worker(worker.cast()),
            Some(shared) if word.addr() & Local::ASIDE != 0 => Local::Aside(shared.cast()),
            _ => Local::Nothing,
        }
    }

    /// The current worker, by the shortest way, and whether it may lose its processor.
    #[cfg_attr(not(feature = "small"), inline(always))]
    pub(crate) fn worker() -> Option<(NonNull<Worker>, bool)> {
        let word = os::local();
        if word.addr() & Local::WORKER == 0 {
            return None;
        }
        let worker = word.map_addr(|a| a & !Local::BITS).cast();
        // SAFETY: a word with this bit was made by `set_worker`, from a reference.
        let worker = unsafe { NonNull::new_unchecked(worker) };
        Some((worker, word.addr() & Local::GUARDED != 0))
    }

    /// The worker of the thread with this word, if it may lose its processor.
    #[cfg_attr(not(feature = "small"), inline(always))]
    fn guarded(word: *mut ()) -> Option<NonNull<Worker>> {
        if word.addr() & Local::GUARDED == 0 {
            return None;
        }
        NonNull::new(word.map_addr(|a| a & !Local::BITS).cast())
    }

    fn limit_of(word: *mut ()) -> Option<NonNull<Limit>> {
        Local::marked(word, Local::LIMITED).map(NonNull::cast)
    }

    fn locked_of(word: *mut ()) -> Option<NonNull<Locked>> {
        Local::marked(word, Local::LOCKED).map(NonNull::cast)
    }

    /// What a word with this mark points to.
    #[cfg_attr(not(feature = "small"), inline(always))]
    fn marked(word: *mut (), mark: usize) -> Option<NonNull<()>> {
        NonNull::new(word.map_addr(|a| a & !mark)).filter(|_| word.addr() & mark != 0)
    }

    /// The limit of a thread that is no worker.
    pub(crate) fn limit() -> Option<NonNull<Limit>> {
        Local::limit_of(os::local())
    }

    /// The word of a thread that is no worker and has this limit.
    pub(crate) fn limited(limit: &Limit) -> *mut () {
        ptr::from_ref(limit).cast_mut().wrapping_byte_add(Local::LIMITED).cast()
    }

    /// The goroutine of a locked thread.
    pub(crate) fn locked() -> Option<GoroutineRef> {
        // SAFETY: as in `of`.
        Local::locked_of(os::local()).map(|locked| unsafe { locked.as_ref() }.goroutine())
    }

    /// The word of a locked thread.
    pub(crate) fn locked_word(locked: &Locked) -> *mut () {
        ptr::from_ref(locked).cast_mut().wrapping_byte_add(Local::LOCKED).cast()
    }

    /// Calls `f`, which must not unwind, while this is the thread's word.
    pub(crate) fn during<R>(word: *mut (), f: impl FnOnce() -> R) -> R {
        let before = os::local();
        os::set_local(word);
        let result = f();
        // In a child of a fork the word may have been taken away meanwhile.
        if !Local::is_lost() {
            os::set_local(before);
        }
        result
    }

    fn set_worker(worker: &Worker) {
        let word: *mut () = ptr::from_ref(worker).cast_mut().cast();
        let guarded = if worker.guarded() == Guarded::Not { 0 } else { Local::GUARDED };
        os::set_local(word.map_addr(|a| a | Local::WORKER | guarded));
    }

    /// Makes this thread one of `shared`'s threads aside.
    pub(crate) fn set_aside(shared: NonNull<Shared>) {
        os::set_local(shared.as_ptr().wrapping_byte_add(Local::ASIDE).cast());
    }
}

/// What a lock that can be a worker's own has to know of words.
#[cfg(not(feature = "small"))]
impl Local {
    /// The bits that a worker's word can have besides its address.
    pub(crate) const IN_WORKERS_WORD: usize = Local::WORKER | Local::GUARDED;

    /// The word of a worker's thread as it is, null for others.
    #[cfg_attr(not(feature = "small"), inline(always))]
    pub(crate) fn worker_or_null(word: usize) -> usize {
        if word & Local::WORKER != 0 { word } else { 0 }
    }
}

impl Local {
    /// Whether the current thread is a worker's, which everybody can make pass a fence.
    pub(crate) fn passes_fences() -> bool {
        Local::worker().is_some_and(|(worker, _)| {
            // SAFETY: a thread's word names its live worker.
            !unsafe { worker.as_ref() }.shared().each_fences()
        })
    }

    /// Makes this thread none of the core's, and no plain one either.
    pub(crate) fn set_lost() {
        os::set_local(ptr::without_provenance_mut(Local::LOST));
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

/// What it costs to come into the scheduler.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Guarded {
    /// Nothing: the processor is the worker's for life.
    Not,
    /// Two plain stores: who takes it makes this thread pass a fence.
    Lightly,
    /// A full fence: the system gives no such service.
    Fully,
}

/// A worker. The first cache line is what coming in and switching touch.
#[repr(C, align(128))]
pub(crate) struct Worker {
    /// The processor that it holds. Written by the worker when it hands its processor over, and by
    /// who takes or gives it one, under the lock of `handoff`; read by the worker when it comes in.
    processor: AtomicPtr<Processor>,
    // Written by its own thread only.
    /// The goroutine that it runs.
    pub(crate) current: Cell<Option<GoroutineRef>>,
    own_context: Cell<Context>,

    // Constant after start.
    // Dangling until `bind`, which comes before anything can see the worker.
    shared: Cell<NonNull<Shared>>,
    guarded: Cell<Guarded>,

    /// `Worker::ASKED` if its processor may be gone, and `Worker::FENCED` for good. Written under the
    /// lock of `handoff`; read by the worker when it comes in.
    asked: AtomicU32,
    /// How often it has come into the scheduler and not gone out. Written by its own
    /// thread; a zero read in step 2 proves that it is in the code of its goroutine, and that nothing
    /// of the processor is in use.
    inside: AtomicU32,

    // Written by its own thread only.
    fiber: Fiber,
    /// The word that the thread had before it became this worker: of an outer runtime, or null.
    outer: Cell<*mut ()>,
    /// Whether a goroutine was ever at home here that may be so still. In migratory mode only.
    pub(crate) rooted: Cell<bool>,
    /// How many goroutines run here from birth to end. In migratory mode only.
    pub(crate) pinned: Cell<u64>,

    // Written by its own thread before it runs anything; read by the monitor.
    /// The name of its thread, for `os::is_blocked`.
    thread: AtomicUsize,

    // Written by who starts the thread, and by the thread.
    /// The number by which the thread can be retired.
    pub(crate) number: Cell<usize>,

    // Protected by the lock of `handoff`, or by holding a processor.
    /// Runnable goroutines that are at home here, while it holds no processor.
    pub(crate) bound: List,

    // Written by others.
    pub(crate) inbox: Inbox,
    /// Slept on without a processor: written by who gives it one.
    pub(crate) bell: AtomicU32,
}

// SAFETY: the cells are the worker's own thread's; the start of that thread, and its end, order
// them against the thread that makes and frees the runtime. `bound` says who protects it.
unsafe impl Sync for Worker {}
// SAFETY: as above.
unsafe impl Send for Worker {}

/// A worker by reference; its runtime outlives it, see `Shared`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct WorkerRef(NonNull<Worker>);

// SAFETY: a `Worker` is `Sync`.
unsafe impl Send for WorkerRef {}

impl WorkerRef {
    pub(crate) fn as_ptr(self) -> *mut Worker {
        self.0.as_ptr()
    }
}

impl Deref for WorkerRef {
    type Target = Worker;

    #[cfg_attr(not(feature = "small"), inline(always))]
    fn deref(&self) -> &Worker {
        // SAFETY: workers live in their runtime, which lives as long as any goroutine that names
        // one as its home, for ever if the goroutine was abandoned (`close`).
        unsafe { self.0.as_ref() }
    }
}

/// The current worker, kept inside until this is dropped; nothing where no processor can be lost.
///
/// For who takes a lock of the core's. Its holder must not be without a processor when it comes in:
/// those who want the lock would hold all processors up, and keep them. And who waits for the lock
/// must not pass for one that blocks: the next to have its processor would only wait as well.
pub(crate) struct Inside(Option<NonNull<Worker>>);

impl Inside {
    pub(crate) const NOT: Inside = Inside(None);

    /// For the thread with this word.
    #[cfg_attr(not(feature = "small"), inline(always))]
    pub(crate) fn stay(word: *mut ()) -> Inside {
        let worker = Local::guarded(word);
        if let Some(worker) = worker {
            // SAFETY: a thread's word names its live worker.
            unsafe { worker.as_ref() }.come_in();
        }
        Inside(worker)
    }

    /// On the other side of a switch: whoever left has come in already (`worker`, step 3).
    #[cfg_attr(not(feature = "small"), inline(always))]
    pub(crate) fn arrived() -> Inside {
        Inside(Local::guarded(os::local()))
    }

    /// The worker, if it is kept inside; it has to go out then.
    #[cfg_attr(not(feature = "small"), inline(always))]
    pub(crate) fn give(self) -> Option<NonNull<Worker>> {
        ManuallyDrop::new(self).0
    }
}

impl Drop for Inside {
    #[cfg_attr(not(feature = "small"), inline(always))]
    fn drop(&mut self) {
        if let Some(worker) = self.0 {
            // SAFETY: as in `stay`; a goroutine that stays inside doesn't leave its worker.
            unsafe { worker.as_ref() }.go_out();
        }
    }
}

/// What a worker has to do next.
pub(crate) enum Next {
    /// To run this one.
    Run(GoroutineRef),
    /// To hand its processor over.
    HandOver,
    /// To leave, for the runtime closes.
    Leave,
    /// To leave, for its processor is not in use any more.
    End,
}

/// Why a worker runs goroutines no more.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Left {
    /// The runtime closes.
    Closing,
    /// Nobody has needed it for long.
    Unneeded,
    /// Its processor is not in use any more, and nobody is at home with it.
    Surplus,
}

impl Worker {
    /// Somebody asks for its processor.
    const ASKED: u32 = 1;
    /// It has to pass a fence before that can be seen (`Guarded::Fully`).
    const FENCED: u32 = 2;

    pub(crate) fn new() -> Worker {
        Worker {
            shared: Cell::new(NonNull::dangling()),
            guarded: Cell::new(Guarded::Not),
            processor: AtomicPtr::new(ptr::null_mut()),
            asked: AtomicU32::new(0),
            // Until its thread is there.
            inside: AtomicU32::new(1),
            current: Cell::new(None),
            own_context: Cell::new(Context::NONE),
            fiber: Fiber::new(),
            outer: Cell::new(ptr::null_mut()),
            rooted: Cell::new(false),
            pinned: Cell::new(0),
            thread: AtomicUsize::new(0),
            number: Cell::new(0),
            bound: List::new(),
            inbox: Inbox::new(),
            bell: AtomicU32::new(0),
        }
    }

    /// Ties a worker to its runtime, before any thread can see it.
    pub(crate) fn belong(&self, shared: NonNull<Shared>, guarded: Guarded) {
        self.shared.set(shared);
        self.guarded.set(guarded);
        self.ask(false);
    }

    pub(crate) fn guarded(&self) -> Guarded {
        self.guarded.get()
    }

    /// The word that the thread had before.
    pub(crate) fn outer(&self) -> *mut () {
        self.outer.get()
    }

    #[cfg_attr(not(feature = "small"), inline(always))]
    pub(crate) fn reference(&self) -> WorkerRef {
        WorkerRef(NonNull::from(self))
    }

    /// Becomes the home of a goroutine. Its own thread.
    #[cfg_attr(not(feature = "small"), inline(always))]
    pub(crate) fn settle(&self) -> WorkerRef {
        self.rooted.set(true);
        self.reference()
    }

    #[cfg_attr(not(feature = "small"), inline(always))]
    pub(crate) fn own_context(&self) -> &Cell<Context> {
        &self.own_context
    }

    /// What a sanitizer knows of the worker's own stack.
    #[cfg_attr(not(feature = "small"), inline(always))]
    pub(crate) fn fiber(&self) -> &Fiber {
        &self.fiber
    }

    #[cfg_attr(not(feature = "small"), inline(always))]
    pub(crate) fn shared(&self) -> &Shared {
        // SAFETY: bound by now; the worker is part of its runtime.
        unsafe { self.shared.get().as_ref() }
    }

    /// The name of its thread.
    pub(crate) fn thread(&self) -> usize {
        // Relaxed: a stale name is that of no thread, or of one that holds no processor.
        self.thread.load(Ordering::Relaxed)
    }

    /// The processor that it holds, at some moment.
    pub(crate) fn holds(&self) -> Option<&Processor> {
        // SeqCst: pairs with hold(), for who has put something into the inbox.
        let processor = NonNull::new(self.processor.load(Ordering::SeqCst));
        // SAFETY: processors are part of the runtime, as the worker is, and never move.
        processor.map(|processor| unsafe { &*processor.as_ptr() })
    }

    /// Says which processor it holds.
    pub(crate) fn hold(&self, processor: Option<&Processor>) {
        let processor = processor.map_or(ptr::null_mut(), |p| ptr::from_ref(p).cast_mut());
        // SeqCst: pairs with holds(): who has put something into the inbox sees that there is no
        // processor any more, or the worker sees what is in the inbox.
        self.processor.store(processor, Ordering::SeqCst);
    }

    /// The processor of this worker, which is inside.
    #[cfg_attr(not(feature = "small"), inline(always))]
    pub(crate) fn processor(&self) -> &Processor {
        // SAFETY: not null, for nobody takes it from a worker that is inside, and a worker that hands
        // it over waits for another; processors are part of the runtime and never move.
        unsafe { &*self.processor.load(Ordering::Relaxed) }
    }

    /// Step 1: comes in. Not in default mode.
    #[cfg_attr(not(feature = "small"), inline(always))]
    pub(crate) fn come_in(&self) {
        if self.is_asked_inside() {
            self.regain();
        }
    }

    /// Counts itself as inside, and says whether it is asked for its processor.
    #[cfg_attr(not(feature = "small"), inline(always))]
    pub(crate) fn is_asked_inside(&self) -> bool {
        // Relaxed: its own thread wrote it.
        let inside = self.inside.load(Ordering::Relaxed);
        self.inside.store(inside + 1, Ordering::Relaxed);
        compiler_fence(Ordering::SeqCst);
        // Acquire: pairs with ask(): what was taken and given back is seen.
        let asked = self.asked.load(Ordering::Acquire);
        asked != 0 && self.is_asked_after(asked)
    }

    /// The rest of it, for workers that have to fence for themselves.
    #[inline(never)]
    fn is_asked_after(&self, asked: u32) -> bool {
        if asked & Worker::FENCED == 0 {
            return true;
        }
        // SeqCst: pairs with the fence in Shared::fence_others().
        mutant!("inside-fence": fence(Ordering::SeqCst) => ());
        // Acquire: as above.
        self.asked.load(Ordering::Acquire) & Worker::ASKED != 0
    }

    /// Asks for the processor, or takes that back. Under the lock of `handoff`.
    pub(crate) fn ask(&self, asked: bool) {
        let fenced = if self.guarded.get() == Guarded::Fully { Worker::FENCED } else { 0 };
        let asked = if asked { Worker::ASKED } else { 0 };
        // SeqCst: step 2, before the fence.
        self.asked.store(asked | fenced, Ordering::SeqCst);
    }

    /// The other half of [`Worker::come_in`].
    #[cfg_attr(not(feature = "small"), inline(always))]
    pub(crate) fn go_out(&self) {
        let inside = self.inside.load(Ordering::Relaxed);
        debug_assert_ne!(inside, 0, "a worker went out twice");
        // Release: pairs with the Acquire of who reads that it is outside, and takes what the worker
        // has written to its processor.
        let release = mutant!("go-out": Ordering::Release => Ordering::Relaxed);
        self.inside.store(inside - 1, release);
    }

    /// Whether the thread is in the scheduler. From any thread; proves something in step 2 only.
    pub(crate) fn is_inside(&self) -> bool {
        // Acquire: pairs with the Release in go_out().
        self.inside.load(Ordering::Acquire) != 0
    }

    /// Whether it has come in once, and nothing else holds it inside.
    pub(crate) fn is_inside_once(&self) -> bool {
        self.guarded.get() == Guarded::Not || self.inside.load(Ordering::Relaxed) == 1
    }

    /// Counts it as inside, once, or as outside. Its own thread.
    pub(crate) fn set_inside(&self, inside: bool) {
        // Relaxed: the lock orders it.
        self.inside.store(u32::from(inside), Ordering::Relaxed);
    }

    /// Makes the calling thread this worker, which holds a processor.
    pub(crate) fn take_thread(&self) {
        self.outer.set(os::local());
        if self.shared().is_watched() {
            self.thread.store(os::thread(), Ordering::Relaxed);
        }
        Local::set_worker(self);
        self.fiber.adopt_thread();
        self.shared().ending.join_work();
        self.set_inside(true);
        self.shared().note_worker();
    }

    /// Gives the thread its word back.
    pub(crate) fn leave_thread(&self, why: Left) {
        match why {
            // It keeps its processor, which may be begun again.
            Left::Surplus => self.processor().driver.give_up(),
            Left::Closing | Left::Unneeded => self.give_up(),
        }
        os::set_local(self.outer.get());
        self.shared().ending.leave_work(self.shared());
    }

    /// Whether nobody has queued anything for it alone. From any thread.
    pub(crate) fn has_no_mail(&self) -> bool {
        self.inbox.is_empty()
    }

    /// Ends this worker's sleep, if it sleeps. From any thread, after something has been put into its
    /// inbox.
    #[cfg_attr(not(feature = "small"), inline(always))]
    pub(crate) fn wake(&self) {
        match self.holds() {
            Some(processor) => processor.wake(self.shared()),
            None => mutant!("rest-mail": self.want_for_inbox() => ()),
        }
    }

    /// Runs goroutines until the runtime closes, or nobody needs the worker for long.
    #[doc(alias = "schedule")]
    pub(crate) fn run(&self) -> Left {
        let mut generous = true;
        loop {
            match self.find_work(mutant!("generous": generous => true)) {
                Next::Run(g) => {
                    generous = true;
                    self.run_some(g);
                }
                Next::HandOver => {
                    if self.hand_over() {
                        match self.rest() {
                            Rested::Holding => generous = false,
                            Rested::Left(why) => return why,
                        }
                    }
                }
                Next::Leave => {
                    self.stop_searching();
                    return Left::Closing;
                }
                Next::End => return Left::Surplus,
            }
        }
    }

    /// Runs this goroutine, and those after it, until one finds nothing to run or has to look around.
    fn run_some(&self, g: GoroutineRef) {
        let to = enter_worker().resume(g);
        self.fiber.leave(&g.fiber);
        // SAFETY: `g` was taken from a queue, so its context is nobody else's; this stack goes on
        // when a goroutine of this worker switches to it.
        let message = unsafe { arch::switch(self.own_context.as_ptr(), to, 0) };
        self.fiber.arrive();
        enter_worker().perform(message);
    }
}
