//! The record of a goroutine, which lies at the top of its own stack.
//!
//! ```text
//!   region + bytes ->  +---------------------------+
//!                      | colour: 0 to 1984 bytes   |  so that hot lines don't share a cache set
//!                      +---------------------------+
//!                      | Goroutine (this record)   |
//!   GoroutineRef ----> +---------------------------+
//!                      | the closure               |
//!                      +---------------------------+
//!                      | stack, growing down       |
//!                      |            ...            |
//!                      +---------------------------+
//!                      | guard page                |
//!   region ----------> +---------------------------+
//! ```
//!
//! The first cache line is what a switch touches, the second what spawning and ending touch.

use core::cell::Cell;
use core::fmt;
use core::mem::offset_of;
use core::ops::Deref;
use core::panic::Location;
use core::ptr::{self, NonNull};

use crate::fiber::{self, Fiber};
use crate::identity::Identity;
use crate::join::Packed;
use crate::limit::Limit;
use crate::queued::Queued;
use crate::runtime::Shared;
use crate::scavenge::Mark;
use crate::seam::{AtomicPtr, AtomicU32, AtomicU64, INSPECTED, MODEL, Ordering, fence, mutant};
use crate::stack::Region;
use crate::state::StateWord;
use crate::switch::Entered;
use crate::wait::Waiter;
use crate::worker::WorkerRef;
use crate::{Context, arch, os};

/// In `pins`: somebody looks.
pub(crate) const PINNED: u32 = 1;
/// In `pins`: the goroutine passes a fence when it runs again, for the system makes none for it.
const FENCES: u32 = 2;
/// What a look adds to `pins`, from its beginning to its end.
pub(crate) const LOOK: u32 = 4;

/// The function that runs a goroutine's closure, given its address.
pub(crate) type Body = unsafe fn(closure: *mut (), GoroutineRef);

/// A goroutine: Go's g.
#[repr(C, align(64))]
pub(crate) struct Goroutine {
    // Written by whoever takes it off its stack; read by whoever resumes it.
    pub(crate) context: Cell<Context>,

    // Protected by the queue that it is in: the one behind it.
    pub(crate) link: Cell<Option<GoroutineRef>>,

    /// Written when it is queued at home, or behind a full ring: how many goroutines had been queued for
    /// all until then.
    pub(crate) turn: Cell<u64>,

    /// Who may write it, and when: `state::TABLE`.
    pub(crate) state: StateWord,

    /// The colour and class of the region.
    pub(crate) region: Region,

    // Written by itself before it leaves, read by the other side: the lock of `Leave::Park`. In a
    // `Deque` or a `LongList`, protected by that: the goroutine in front of it, or far behind it.
    pub(crate) aside: Cell<Option<NonNull<()>>>,

    // Written at birth or at its first run, constant after: the worker it belongs to.
    pub(crate) home: Cell<Option<WorkerRef>>,

    // Written by itself before it parks: what it waits on.
    pub(crate) waiting: Cell<Option<NonNull<Waiter>>>,

    // Written by itself before it parks, and by its home's scavenger while it is parked.
    pub(crate) mark: Cell<Mark>,

    // Written and read by itself.
    /// Whether it has a limit: beside what is touched anyway.
    limited: Cell<bool>,

    /// Odd while somebody looks at what it waits for (`look`): so long it stays in its wait. Written
    /// by the looker, of whom there is one at a time; and by who spawns it, for [`FENCES`].
    pub(crate) pins: AtomicU32,

    // Constant from spawn to exit.
    /// Whether it belongs to its home even where others migrate.
    pub(crate) pinned: Cell<bool>,
    /// What it is to run, until it begins.
    pub(crate) body: Cell<Option<Body>>,
    /// Its closure until it begins. From then on, if it has a limit, that.
    pub(crate) closure: Cell<*mut ()>,
    pub(crate) runtime: Cell<Option<NonNull<Shared>>>,
    pub(crate) id: Number,
    pub(crate) spawned_at: Place,
    /// Who is told when the runtime ends without it. Written by itself, then by the closer.
    pub(crate) packet: Cell<Option<Packed>>,

    // Written and read by itself, and by who looks at it while it stays parked; an identity is
    // counted.
    pub(crate) identity: Cell<Option<NonNull<Identity>>>,

    /// Whether it is in a queue of runnable goroutines: for inspection.
    pub(crate) queued: Queued,
    /// What a sanitizer knows of the stack; nothing in an ordinary build.
    pub(crate) fiber: Fiber,
}

/// A goroutine by reference. Sound to follow as long as its region is mapped, which is until the
/// last thread of its runtime has left (`close`), or for ever when it is abandoned.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct GoroutineRef(NonNull<Goroutine>);

// SAFETY: a reference is handed between threads through queues and locks, which order the accesses
// to the record's cells; which thread may touch which cell is written beside each.
unsafe impl Send for GoroutineRef {}
// SAFETY: as above.
unsafe impl Sync for GoroutineRef {}

impl GoroutineRef {
    /// # Safety
    /// - `record` points to an initialised record in a region that stays mapped.
    #[inline(always)]
    pub(crate) unsafe fn from_raw(record: *mut Goroutine) -> GoroutineRef {
        // SAFETY: the caller's record is somewhere, so not null.
        GoroutineRef(unsafe { NonNull::new_unchecked(record) })
    }

    #[inline(always)]
    pub(crate) fn as_ptr(self) -> *mut Goroutine {
        self.0.as_ptr()
    }

    /// Whether it has run. For whom it is queued.
    #[inline(always)]
    pub(crate) fn has_begun(self) -> bool {
        self.body.get().is_none()
    }

    /// Has so many lines of its stack fetched, from where it goes on. For whom it is queued, or claimed.
    #[inline(always)]
    pub(crate) fn prefetch_stack(self, lines: usize) {
        if !cfg!(feature = "small") {
            let end: *const () = self.context.get().0.cast_const().cast();
            (0..lines).for_each(|line| arch::prefetch(end.wrapping_byte_add(line * LINE)));
        }
    }
}

/// What processors fetch at a time.
pub(crate) const LINE: usize = 64;

// An operation that waits touches no more of a record. (A model checker's atomics are larger.)
const _: () =
    assert!(MODEL || offset_of!(Goroutine, limited) < LINE && offset_of!(Goroutine, pins) < LINE);

/// Has the record fetched, and the top of the stack below it, of whom is likely to be made next. Each is in a page of
/// its own, and not at hand where there are hundreds. The address may be any.
#[inline(always)]
pub(crate) fn prefetch(record: *const Goroutine) {
    prefetch_from::<1>(record);
}

/// The same of whom is likely to run next: with as much of the stack as one takes that has little to do.
#[inline(always)]
pub(crate) fn prefetch_to_run(record: *const Goroutine) {
    prefetch_from::<4>(record);
}

#[inline(always)]
fn prefetch_from<const LINES_BELOW: usize>(record: *const Goroutine) {
    if !cfg!(feature = "small") {
        let lowest: *const () = record.cast::<()>().wrapping_byte_sub(LINES_BELOW * LINE);
        (0..LINES_BELOW + 2).for_each(|line| arch::prefetch(lowest.wrapping_byte_add(line * LINE)));
    }
}

impl From<GoroutineRef> for NonNull<()> {
    fn from(g: GoroutineRef) -> NonNull<()> {
        g.0.cast()
    }
}

impl Deref for GoroutineRef {
    type Target = Goroutine;

    #[inline(always)]
    fn deref(&self) -> &Goroutine {
        // SAFETY: `from_raw` was given an initialised record whose region stays mapped while
        // anything of the runtime can reach it. Only shared references are ever made.
        unsafe { self.0.as_ref() }
    }
}

impl fmt::Debug for GoroutineRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "goroutine {}", self.id.get())
    }
}

impl Goroutine {
    /// Says what it is about to wait on, and since when. By itself.
    #[inline(always)]
    pub(crate) fn about_to_wait(&self, waiter: &Waiter, entered: &Entered<'_>) {
        waiter.began(entered.processor().clock(), entered.shared());
        self.waiting.set(Some(NonNull::from(waiter)));
        self.mark.set(Mark::Fresh);
    }

    /// Its limit, if it has one. For itself.
    #[inline(always)]
    pub(crate) fn limit(&self) -> Option<NonNull<Limit>> {
        if self.limited.get() { NonNull::new(self.closure.get()).map(NonNull::cast) } else { None }
    }

    /// Gives it another limit, or none. By itself, after it has begun.
    pub(crate) fn set_limit(&self, limit: Option<NonNull<Limit>>) {
        self.limited.set(limit.is_some());
        self.closure.set(limit.map_or(ptr::null_mut(), |limit| limit.as_ptr().cast()));
    }

    /// Has it pass a fence by itself whenever it runs again, for the system does it for nobody. By
    /// whoever spawns it.
    pub(crate) fn fence_by_itself(&self) {
        if self.pins.load(Ordering::Relaxed) & FENCES == 0 {
            // Relaxed: it has not parked yet, and whoever resumes it then knows of its spawn.
            self.pins.fetch_or(FENCES, Ordering::Relaxed);
        }
    }

    /// Runs again, and is about to leave its wait: not while somebody looks at that. By itself.
    #[inline(always)]
    pub(crate) fn came_back(&self) {
        // Acquire: pairs with the Release with which a looker goes. As to the looker who comes at
        // this moment, see `look`, step 2.
        let pins = self.pins.load(Ordering::Acquire);
        if mutant!("look-pins": !pins.is_multiple_of(LOOK) => false) {
            self.wait_for_looker(pins);
        }
    }

    #[cold]
    fn wait_for_looker(&self, mut pins: u32) {
        /// In nanoseconds; who looks is through in less, unless the system holds it up.
        const NAP: u64 = 20_000;
        if pins & FENCES != 0 {
            // SeqCst: pairs with the fence in `Pinned::new`. This thread has resumed it.
            fence(Ordering::SeqCst);
            // Acquire: as above.
            pins = self.pins.load(Ordering::Acquire);
        }
        if pins & PINNED == 0 {
            return;
        }
        // Acquire: as above. The next one to look finds that it isn't parked.
        while self.pins.load(Ordering::Acquire) == pins {
            os::wait(&self.pins, pins, os::now().saturating_add(NAP));
        }
    }

    /// A record without a goroutine; all zeros, but for the region.
    #[allow(dead_code, reason = "in a mapping a record of zeros is there already; models make one")]
    pub(crate) const fn free(region: Region) -> Goroutine {
        Goroutine {
            context: Cell::new(Context::NONE),
            link: Cell::new(None),
            turn: Cell::new(0),
            state: StateWord::new(),
            region,
            aside: Cell::new(None),
            home: Cell::new(None),
            waiting: Cell::new(None),
            mark: Cell::new(Mark::Fresh),
            pins: AtomicU32::new(0),
            limited: Cell::new(false),
            pinned: Cell::new(false),
            body: Cell::new(None),
            closure: Cell::new(ptr::null_mut()),
            runtime: Cell::new(None),
            id: Number(AtomicU64::new(0)),
            spawned_at: Place(AtomicPtr::new(ptr::null_mut())),
            packet: Cell::new(None),
            identity: Cell::new(None),
            queued: Queued::new(),
            fiber: Fiber::new(),
        }
    }
}

/// A number that its writer has for itself, and that others may look at.
pub(crate) struct Number(AtomicU64);

impl Number {
    #[inline(always)]
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    #[inline(always)]
    pub(crate) fn set(&self, number: u64) {
        self.0.store(number, Ordering::Relaxed);
    }
}

/// As [`Number`], for a place in the source.
pub(crate) struct Place(AtomicPtr<Location<'static>>);

impl Place {
    pub(crate) fn get(&self) -> Option<&'static Location<'static>> {
        // Acquire: pairs with the Release in set().
        let place = self.0.load(Ordering::Acquire);
        // SAFETY: null, or of a `&'static` reference (`set`).
        unsafe { place.as_ref() }
    }

    #[inline(always)]
    pub(crate) fn set(&self, place: &'static Location<'static>) {
        // Release: who reads it reads the number that was written before, or a later one.
        self.0.store(ptr::from_ref(place).cast_mut(), Ordering::Release);
    }
}

/// A few goroutines, to be dealt with when a lock is no longer held.
#[derive(Default)]
pub(crate) struct Batch {
    goroutines: [Option<GoroutineRef>; Batch::MOST],
    len: usize,
}

impl Batch {
    pub(crate) const MOST: usize = 32;

    pub(crate) fn is_full(&self) -> bool {
        self.len == self.goroutines.len()
    }

    pub(crate) fn push(&mut self, g: Option<GoroutineRef>) {
        if g.is_some() {
            self.goroutines[self.len] = g;
            self.len += 1;
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = GoroutineRef> {
        self.goroutines.iter().copied().flatten()
    }

    /// Has fetched what they touch when they go on and, as sleepers often do, soon end: their frames, and where
    /// their results go. For goroutines that have waited for long, and are claimed. Not of a few, of
    /// whom there is little to fetch at the same time.
    pub(crate) fn prefetch(&self) {
        #[cfg(not(feature = "small"))]
        if self.len > Batch::MOST / 4 {
            // All records first: from there the rest is found, and what is fetched together is waited for once.
            self.iter().for_each(|g| prefetch(g.as_ptr()));
            for g in self.iter() {
                g.prefetch_stack(9);
                if let Some(packet) = g.packet.get() {
                    arch::prefetch(packet.address());
                }
            }
        }
    }
}

/// Whether a build keeps more in the record than its two cache lines.
const WATCHED: bool = MODEL || INSPECTED || fiber::WATCHED;
const _: () = assert!(size_of::<Goroutine>() == 128 || WATCHED, "two cache lines");
