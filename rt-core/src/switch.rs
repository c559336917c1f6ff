//! Entering the scheduler from a goroutine, and leaving a stack.
//!
//! A goroutine that leaves takes the next one off its processor's queues *on its own stack* and
//! switches straight to it: one switch where a detour over the worker would take two. It can't
//! queue or publish itself while it still runs on its stack, so it sends a [`Note`] through the
//! switch; whoever comes up on the other side performs it first of all.
//!
//! Rejected: Go's pair of `mcall` and an unlock function (a call through a pointer where a small
//! number says it); a field of the processor instead of the message (a store and a load more).

use core::marker::PhantomData;
use core::mem;
use core::ptr::NonNull;

use crate::Context;
use crate::arch;
use crate::fiber::{self, Fiber};
use crate::goroutine::{Goroutine, GoroutineRef};
use crate::identity;
use crate::lock::Lock;
use crate::locked;
use crate::processor::{Processor, bump};
use crate::runtime::Shared;
use crate::seam::mutant;
use crate::state::Change;
use crate::worker::{Inside, Local, Worker};

/// The right to touch what the current processor owns.
///
/// Not `Send`, and used up by leaving: after a goroutine has been off its processor it may be on
/// another, and a stale `Entered` would be the wrong one's. So that is a compile error.
pub(crate) struct Entered<'p> {
    worker: &'p Worker,
    processor: &'p Processor,
    /// Whether it counts, see `worker`.
    guarded: bool,
    not_send: PhantomData<*mut ()>,
}

/// How a goroutine leaves its stack.
pub(crate) enum Leave<'l> {
    /// Runnable at once: queue it last.
    Yield,
    /// Parked, and findable through what this lock protects: give the lock back.
    Park(&'l Lock),
    /// Parked unless somebody has woken it since `Change::Prepare`.
    Commit,
}

impl Leave<'_> {
    #[cfg_attr(not(feature = "small"), inline(always))]
    fn kind(&self) -> usize {
        match self {
            Leave::Yield => Note::YIELD,
            Leave::Park(_) => Note::PARK,
            Leave::Commit => Note::COMMIT,
        }
    }
}

/// Everything for leaving was done but the switch.
pub(crate) struct Departure {
    from: GoroutineRef,
    to: Context,
}

impl Departure {
    /// Switches, and returns when somebody resumes the one who left, possibly on another thread: with the message
    /// of who leaves then.
    ///
    /// # Safety
    /// - [`Entered::depart`] has made it, of this kind, and nothing has been done since.
    #[cfg_attr(not(feature = "small"), inline(always))]
    unsafe fn switch(self, kind: usize) -> usize {
        let (g, note) = (self.from, Note::new(self.from, kind));
        // SAFETY: `to` was taken from a queue, or is the worker's own saved context, so nobody
        // else goes on with it; the record outlives the switch.
        let message = unsafe { arch::switch(g.context.as_ptr(), self.to, note.0) };
        g.fiber.arrive();
        message
    }

    /// The same by one who is parked under a lock, with what comes after.
    ///
    /// # Safety
    /// - [`Entered::depart`] has made it with `Leave::Park`, and nothing has been done since.
    #[inline(always)]
    pub(crate) unsafe fn park(self) {
        let g = self.from;
        // SAFETY: promised by the caller.
        let message = unsafe { self.switch(Note::PARK) };
        come_up_after_parking(message, g);
    }
}

/// What the other side has to do for the one who left: its address, with the kind in the low bits,
/// which are zero in a record's address.
#[derive(Clone, Copy)]
struct Note(usize);

impl Note {
    const KIND: usize = 7;
    const YIELD: usize = 1;
    const PARK: usize = 2;
    const COMMIT: usize = 3;
    const EXIT: usize = 4;
    /// The worker's own stack has nothing to be done.
    const NONE: usize = 0;

    #[cfg_attr(not(feature = "small"), inline(always))]
    fn new(g: GoroutineRef, kind: usize) -> Note {
        Note(g.as_ptr().expose_provenance() | kind)
    }

    /// Who left.
    #[cfg_attr(not(feature = "small"), inline(always))]
    fn who(self) -> GoroutineRef {
        let record = core::ptr::with_exposed_provenance_mut::<Goroutine>(self.0 & !Note::KIND);
        // SAFETY: the message of a goroutine that left is made by `Note::new` from its reference;
        // it is off its stack since the switch that brought the message.
        unsafe { GoroutineRef::from_raw(record) }
    }
}

const _: () = assert!(align_of::<Goroutine>() > Note::KIND);

/// Enters the scheduler; none on a thread that is no worker.
#[cfg_attr(not(feature = "small"), inline(always))]
pub(crate) fn enter<'p>() -> Option<Entered<'p>> {
    let (worker, guarded) = Local::worker()?;
    // SAFETY: a thread's word names its worker from before the worker runs anything until after it
    // has left (`worker`), and the worker's runtime outlives that.
    let worker = unsafe { &*worker.as_ptr() };
    if guarded {
        worker.come_in();
    }
    Some(Entered { worker, processor: worker.processor(), guarded, not_send: PhantomData })
}

/// As [`enter`], for one who was kept inside since it took a lock, and comes in only once so.
#[cfg_attr(not(feature = "small"), inline(always))]
pub(crate) fn enter_from<'p>(inside: Inside) -> Option<Entered<'p>> {
    let Some(worker) = inside.give() else { return enter() };
    // SAFETY: as in `enter`.
    let worker = unsafe { &*worker.as_ptr() };
    Some(Entered { worker, processor: worker.processor(), guarded: true, not_send: PhantomData })
}

/// As [`enter_from`], for a goroutine without a limit; none for others, who keep `inside`, which is of a lock that
/// they hold.
#[inline(always)]
pub(crate) fn enter_unlimited<'p>(inside: &mut Inside) -> Option<(Entered<'p>, GoroutineRef)> {
    let (worker, guarded) = Local::worker()?;
    // SAFETY: as in `enter`.
    let worker = unsafe { &*worker.as_ptr() };
    let g = worker.current.get().filter(|g| g.limit().is_none())?;
    // Who counts has come in with the lock.
    let came_in = mem::replace(inside, Inside::NOT).give();
    debug_assert_eq!(came_in.is_some(), guarded, "a lock was taken outside");
    Some((Entered { worker, processor: worker.processor(), guarded, not_send: PhantomData }, g))
}

/// As [`enter_worker`], on the other side of a switch: whoever left has come in already (`worker`,
/// step 3).
#[cfg_attr(not(feature = "small"), inline(always))]
fn arrive<'p>() -> Entered<'p> {
    let Some((worker, guarded)) = Local::worker() else { no_worker() };
    // SAFETY: as in `enter`.
    let worker = unsafe { &*worker.as_ptr() };
    Entered { worker, processor: worker.processor(), guarded, not_send: PhantomData }
}

/// What a goroutine does first that has come back to its stack.
#[cfg_attr(not(feature = "small"), inline(always))]
fn come_up(message: usize) {
    if !come_up_from_parked(message) {
        arrive().perform(message);
    }
}

/// The same where most of those who leave are parked, under a lock.
#[inline(never)]
fn come_up_after_parking(message: usize, g: GoroutineRef) {
    #[cold]
    #[inline(never)]
    fn perform(message: usize) {
        arrive().perform(message);
    }

    if !come_up_from_parked(message) {
        perform(message);
    }
    g.came_back();
}

/// The same as [`Entered::perform`], but this one needs no processor. False if the message is another.
#[cfg_attr(not(feature = "small"), inline(always))]
fn come_up_from_parked(message: usize) -> bool {
    if message & Note::KIND != Note::PARK {
        return false;
    }
    let inside = Inside::arrived();
    parked(Note(message).who());
    drop(inside);
    true
}

/// The one who left is parked now, and no longer holds the lock under which it waits.
#[cfg_attr(not(feature = "small"), inline(always))]
fn parked(g: GoroutineRef) {
    let Some(lock) = g.aside.get() else { parked_unlocked(g) };
    g.state.set(Change::ParkLocked);
    // SAFETY: the lock is part of what the goroutine waits on, which it keeps. From the release on
    // the goroutine may run again elsewhere: nothing follows.
    unsafe { lock.cast::<Lock>().as_ref() }.release();
}

impl Drop for Entered<'_> {
    #[cfg_attr(not(feature = "small"), inline(always))]
    fn drop(&mut self) {
        if self.guarded {
            self.worker.go_out();
        }
    }
}

/// Enters the scheduler where the thread is known to be a worker.
#[cfg_attr(not(feature = "small"), inline(always))]
pub(crate) fn enter_worker<'p>() -> Entered<'p> {
    match enter() {
        Some(entered) => entered,
        None => no_worker(),
    }
}

impl<'p> Entered<'p> {
    #[cfg_attr(not(feature = "small"), inline(always))]
    pub(crate) fn worker(&self) -> &Worker {
        self.worker
    }

    #[cfg_attr(not(feature = "small"), inline(always))]
    pub(crate) fn processor(&self) -> &Processor {
        self.processor
    }

    #[cfg_attr(not(feature = "small"), inline(always))]
    pub(crate) fn shared(&self) -> &Shared {
        self.worker.shared()
    }

    /// The goroutine that entered, or none on a worker's own stack.
    #[cfg_attr(not(feature = "small"), inline(always))]
    pub(crate) fn on_goroutine(self) -> Option<(Entered<'p>, GoroutineRef)> {
        let g = self.worker.current.get()?;
        Some((self, g))
    }

    /// Leaves the current goroutine's stack, and returns when somebody resumes it, possibly on
    /// another thread.
    #[cfg_attr(not(feature = "small"), inline(always))]
    pub(crate) fn leave(self, how: Leave<'_>) {
        let kind = how.kind();
        let departure = self.depart(how);
        // SAFETY: made on the line above.
        let message = unsafe { departure.switch(kind) };
        come_up(message);
    }

    /// Makes the next goroutine current. The caller switches to it at once, and the other side goes out.
    #[cfg_attr(not(feature = "small"), inline(always))]
    pub(crate) fn depart(self, how: Leave<'_>) -> Departure {
        let Some(g) = self.worker.current.get() else { parked_nobody() };
        if let Leave::Park(lock) = how {
            g.aside.set(Some(NonNull::from(lock).cast()));
        }
        if how.kind() != Note::YIELD {
            self.processor.forget_pushed();
        }
        if self.processor.migratory() && !g.pinned.get() {
            // std counts panics by thread, so an unwinding goroutine must come back to this one.
            let unwinds = (self.shared().unwinding)();
            g.home.set(unwinds.then(|| self.worker.settle()));
        }
        let to = self.resume_next();
        self.tell(&g.fiber);
        self.pass_on();
        Departure { from: g, to }
    }

    /// The other side of the switch that follows goes out (`worker`, step 3).
    #[cfg_attr(not(feature = "small"), inline(always))]
    fn pass_on(self) {
        debug_assert!(self.worker.is_inside_once(), "a goroutine left while it was in use");
        mem::forget(self);
    }

    /// Ends the current goroutine. Its stack may be somebody else's as soon as this has left it.
    #[cfg_attr(not(feature = "small"), inline(always))]
    pub(crate) fn exit(self) -> ! {
        let Some(g) = self.worker.current.get() else {
            crate::fatal!("a worker's own stack tried to end as a goroutine");
        };
        if let Some(identity) = g.identity.take() {
            identity::forget(identity);
        }
        let to = self.resume_next();
        self.tell(&g.fiber);
        self.pass_on();
        if fiber::WATCHED {
            // The record says where it left, for `Fiber::end`; and the thread sanitizer, which counts
            // calls and returns on both sides, finds a `switch` wherever one comes up.
            // SAFETY: as in `leave`, and nobody comes back.
            unsafe { arch::switch(g.context.as_ptr(), to, Note::new(g, Note::EXIT).0) };
        }
        // SAFETY: as in `leave`; the goroutine's closure has returned, so its stack holds nothing.
        unsafe { arch::gogo(to, Note::new(g, Note::EXIT).0) }
    }

    /// Tells a sanitizer of the switch from this stack to what `resume_next` has chosen.
    #[cfg_attr(not(feature = "small"), inline(always))]
    fn tell(&self, from: &Fiber) {
        match self.worker.current.get() {
            Some(to) => from.leave(&to.fiber),
            None => from.leave(self.worker.fiber()),
        }
    }

    /// Makes the next goroutine of this processor current, or the worker's own stack if there is
    /// none or it is time to look around.
    #[cfg_attr(not(feature = "small"), inline(always))]
    fn resume_next(&self) -> Context {
        match self.processor.pick() {
            Some(g) => self.resume(g),
            None => {
                self.worker.current.set(None);
                self.worker.own_context().get()
            }
        }
    }

    /// Makes a goroutine current and returns where it goes on.
    #[doc(alias = "execute")]
    #[cfg_attr(not(feature = "small"), inline(always))]
    pub(crate) fn resume(&self, g: GoroutineRef) -> Context {
        g.queued.assert_left(g);
        g.state.set(Change::Resume);
        self.worker.current.set(Some(g));
        self.processor.counters.resumed.add_inspected(1);
        g.context.get()
    }

    /// Does what the one who left asks for.
    #[cfg_attr(not(feature = "small"), inline(always))]
    pub(crate) fn perform(&self, message: usize) {
        if message == Note::NONE {
            return;
        }
        let g = Note(message).who();
        match message & Note::KIND {
            Note::YIELD => {
                g.state.set(Change::Yield);
                self.push_last(g);
            }
            Note::PARK => parked(g),
            Note::COMMIT => {
                if !g.state.commit() {
                    g.state.set(Change::Requeue);
                    mutant!("requeue": self.push_last(g) => ());
                }
            }
            _ => self.recycle(g),
        }
    }

    /// Takes the region of a goroutine that has ended.
    #[cfg_attr(not(feature = "small"), inline(always))]
    fn recycle(&self, g: GoroutineRef) {
        g.state.set(Change::Exit);
        g.fiber.end(g.context.get().0, g.as_ptr().cast());
        g.home.set(None);
        if !self.processor.migratory() {
            bump(&self.processor.settled, u64::MAX);
        } else if g.pinned.get() {
            self.worker.pinned.set(self.worker.pinned.get() - 1);
        }
        bump(&self.processor.ended, 1);
        mutant!("recycle": self.processor.stacks.give(g, &self.shared().stacks) => ());
    }
}

/// The first function on a goroutine's stack, and the last.
///
/// # Safety
/// - On a context that `spawn` prepared, with the record as argument.
pub(crate) unsafe extern "C" fn start(message: usize, record: *mut ()) -> ! {
    // SAFETY: `spawn` passes its own record.
    let g = unsafe { GoroutineRef::from_raw(record.cast()) };
    g.fiber.arrive();
    if cfg!(feature = "small") || message & Note::KIND == Note::EXIT {
        begin(g, message);
    } else {
        begin_apart(g, message);
    }
    let Some(body) = g.body.take() else {
        crate::fatal!("{g:?} has nothing to run");
    };
    // SAFETY: `spawn` stored a closure there together with the function that runs it, once.
    unsafe { body(g.closure.get(), g) };
    finish()
}

/// What comes before a goroutine's closure. Without optimisation its frame is large, and must not stay
/// below that of the closure.
#[cfg_attr(debug_assertions, inline(never))]
#[cfg_attr(not(debug_assertions), inline(always))]
fn begin(g: GoroutineRef, message: usize) {
    let entered = arrive();
    entered.perform(message);
    if g.home.get().is_none() && !entered.processor().migratory() {
        // From its first run on it stays with this thread: see docs/safety.md.
        g.home.set(Some(entered.worker().reference()));
        bump(&entered.processor().settled, 1);
    }
}

/// The same, after one who has not ended: what is to be done for those needs more registers than [`start`] has to
/// save for the one who has, and a line of the stack for them.
#[inline(never)]
fn begin_apart(g: GoroutineRef, message: usize) {
    begin(g, message);
}

/// The end of a goroutine, possibly on another thread than its beginning. In [`start`], which has saved the
/// caller's registers already; without optimisation apart, as [`begin`] is.
#[doc(alias = "goexit0")]
#[cfg_attr(debug_assertions, inline(never))]
#[cfg_attr(not(debug_assertions), inline(always))]
fn finish() -> ! {
    enter_worker().exit()
}

/// Gives way: the goroutine queues behind those that are runnable here. False on a plain thread,
/// where it does nothing.
#[doc(alias = "Gosched")]
#[cfg_attr(not(feature = "small"), inline(always))]
pub fn yield_now() -> bool {
    let Some((entered, _)) = enter().and_then(Entered::on_goroutine) else { return false };
    let processor = entered.processor();
    let budget = processor.budget();
    if budget > 0 && processor.is_idle() {
        // Nobody to give way to; but the budget still brings it to the worker in time.
        processor.set_budget(mutant!("yield-budget": budget - 1 => budget));
    } else {
        entered.leave(Leave::Yield);
    }
    true
}

/// Counts as a resumption, and gives way soon after it is time to look around: for operations that take
/// long enough and might never park, such as those on a socket that is always ready.
#[inline]
pub fn checkpoint() {
    let Some((entered, _)) = enter().and_then(Entered::on_goroutine) else { return };
    let budget = entered.processor().budget();
    if budget > 0 {
        entered.processor().set_budget(mutant!("checkpoint": budget - 1 => budget));
    } else {
        overdraw(entered);
    }
}

#[cold]
fn overdraw(entered: Entered<'_>) {
    if !entered.processor().has_grace() {
        entered.leave(Leave::Yield);
    }
}

/// True on a goroutine's stack, unless it has its thread for itself: then it does without the
/// scheduler.
pub fn on_goroutine() -> bool {
    enter().and_then(Entered::on_goroutine).is_some()
}

/// The number of the current goroutine, which no other goroutine of its runtime has.
#[doc(alias = "goid")]
pub fn current_id() -> Option<u64> {
    locked::current().map(|g| g.id.get())
}

#[cold]
#[inline(never)]
fn no_worker() -> ! {
    crate::fork::check_thread();
    crate::fatal!("a goroutine runs on a thread that is no worker")
}

#[cold]
#[inline(never)]
fn parked_nobody() -> ! {
    crate::fatal!("a worker's own stack tried to park")
}

#[cold]
#[inline(never)]
fn parked_unlocked(g: GoroutineRef) -> ! {
    crate::fatal!("{g:?} parked under no lock")
}
