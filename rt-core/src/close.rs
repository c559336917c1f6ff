//! How a runtime ends.
//!
//! 1. `run`'s goroutine has returned: `closing` is set, every worker and every idle thread aside is
//!    woken. A worker that sees it resumes no goroutine any more and *leaves*.
//! 2. `working` counts workers. When the last one has left, the goroutines that are left will never
//!    run again, and whoever joins one is told at once, as is its scope: it may be a blocking call that
//!    waits, for whose end step 3 waits. The end of a scope may be that of the queues that a goroutine
//!    of it waits in, so it is taken out of them first.
//! 3. `inside` counts the threads that may still run user code: workers, and blocking calls. The
//!    last one to leave finishes: if goroutines are left, they are abandoned (each one's waiter is
//!    taken out of its queue, and stacks, records and the runtime stay for ever, because safe code
//!    may have lent parts of them); otherwise every mapping is given back.
//! 4. Only then does any thread of the runtime end (`over`), because another may hold a reference
//!    into its thread-locals until then.
//! 5. `run` waits for 4 and joins the threads, but not for a goroutine or a blocking call that goes
//!    on and on: if goroutines are left after `GRACE` it returns, and the last to leave does the
//!    rest. The caller gets a [`Lent`]: the duty to keep its thread until then, in place of 4, and
//!    to join the threads.

use alloc::vec::Vec;
use core::mem::{self, ManuallyDrop};

use crate::goroutine::GoroutineRef;
use crate::inspect::Seen;
use crate::lock::{Guard, Protected};
use crate::runtime::{Runtime, Shared};
use crate::seam::{AtomicU32, Ordering, mutant};
use crate::state::{Change, State};
use crate::{FOREVER, OsError, ThreadHandle, os, wait};

/// How long `run` waits for others to leave user code, in nanoseconds.
const GRACE: u64 = 10_000_000;

const OPEN: u32 = 0;
const CLOSING: u32 = 1;

/// A closed runtime some of whose threads still run user code. In default mode that may hold
/// references into the thread-locals of the thread that ran it.
#[derive(Clone, Debug)]
#[must_use = "the calling thread must not end before it is over"]
pub struct Lent(pub(crate) Runtime);

impl Lent {
    /// Sleeps until the last thread has left user code: never, if one never does.
    pub fn wait(&self) {
        self.0.shared.ending.wait_for_all();
    }

    /// Whether the last thread has left user code.
    pub fn is_over(&self) -> bool {
        self.0.shared.ending.is_over()
    }

    /// Joins the threads, which are ending. To be called when it is over.
    pub fn join(&self) {
        self.wait();
        self.0.shared.ending.join_threads();
    }

    /// Whether goroutines of it may have lent what is bound to the thread that ran it.
    pub fn lends_thread(&self) -> bool {
        !self.0.shared.migratory()
    }
}

/// What a runtime knows of its end.
pub(crate) struct Ending {
    /// Written once, by whoever closes.
    closing: AtomicU32,
    /// Written by everyone who starts or ends running user code. Whoever made the runtime is
    /// counted from the start; zero is the end, and nobody can join in any more.
    inside: AtomicU32,
    /// Written by workers when they begin and end. After the last worker has left it may rise once
    /// more, for one whose thread was slow to start.
    working: AtomicU32,
    /// Whether step 2 has come. Under its lock a goroutine's packet is taken, by the last to work or
    /// by who spawns too late for that one to see it.
    stranded: Protected<bool>,
    /// Written once, by the last to leave; slept on by those who wait for it.
    over: AtomicU32,
    threads: Protected<Threads>,
}

/// The threads of a runtime, by a number that each is told.
#[derive(Default)]
struct Threads {
    running: Vec<(usize, ThreadHandle)>,
    /// Ended, or about to, and to be joined.
    retired: Vec<ThreadHandle>,
    next: usize,
}

impl Ending {
    pub(crate) const fn new() -> Ending {
        Ending {
            closing: AtomicU32::new(OPEN),
            inside: AtomicU32::new(1),
            working: AtomicU32::new(0),
            stranded: Protected::ordinary(false),
            over: AtomicU32::new(0),
            threads: Protected::ordinary(Threads {
                running: Vec::new(),
                retired: Vec::new(),
                next: 0,
            }),
        }
    }

    #[inline(always)]
    pub(crate) fn is_closing(&self) -> bool {
        // SeqCst: pairs with close(), for the recheck before sleep.
        self.closing.load(Ordering::SeqCst) == CLOSING
    }

    pub(crate) fn is_over(&self) -> bool {
        // Acquire: pairs with the Release in leave().
        self.over.load(Ordering::Acquire) == 1
    }

    /// One more thread may run user code; false when the runtime has ended.
    fn join_in(&self) -> bool {
        // Relaxed: the one who joins is counted before it can run anything.
        self.inside
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| (n > 0).then_some(n + 1))
            .is_ok()
    }

    /// One less. The last one ends the runtime.
    pub(crate) fn leave(&self, shared: &Shared) {
        // AcqRel: the last to leave sees everything that the others have done.
        let both = mutant!("ending-leave": Ordering::AcqRel => Ordering::Relaxed);
        if self.inside.fetch_sub(1, both) != 1 {
            return;
        }
        shared.finish();
        // Release: pairs with the Acquire of those who wait.
        self.over.store(1, Ordering::Release);
        os::wake(&self.over, u32::MAX);
    }

    /// A thread becomes a worker. One that comes when the last has left sees that the runtime closes,
    /// and resumes nothing.
    pub(crate) fn join_work(&self) {
        // Acquire: pairs with the Release in leave_work().
        self.working.fetch_add(1, Ordering::Acquire);
    }

    /// A worker resumes nothing any more. The last one tells those who join what is left (step 2).
    pub(crate) fn leave_work(&self, shared: &Shared) {
        // AcqRel: the last one sees what goroutines have written to their records, and who comes
        // later sees what made it leave.
        if self.working.fetch_sub(1, Ordering::AcqRel) != 1 {
            return;
        }
        shared.monitor.end();
        if shared.goroutines_left() {
            *self.stranded.lock() = true;
            mutant!("strand": shared.stacks.each_live(|g| self.strand(g)) => ());
        }
    }

    /// Tells who joins this goroutine that it never ends, unless somebody else does.
    fn strand(&self, g: GoroutineRef) {
        let stranded = self.stranded.lock();
        let packet = if *stranded { g.packet.take() } else { None };
        drop(stranded);
        let Some(packet) = packet else { return };
        // SAFETY: taken from its record, and not abandoned yet.
        if unsafe { packet.members() }.is_some() && g.state.load() == State::Parked {
            // Should somebody wake it at this moment, then its nodes are out of the queues already,
            // or those who find them there pass it over.
            // SAFETY: it was parked, and no worker is left to resume it.
            unsafe { wait::unlink_abandoned(g) };
        }
        // SAFETY: the goroutine never runs again, and taking the packet from its record has made this
        // call the only one.
        unsafe { packet.abandon() };
    }

    /// Whether step 2 has come, unless that is just being said. While this is there, no packet is
    /// taken for its goroutine.
    pub(crate) fn stranded(&self) -> Option<Guard<'_, bool>> {
        self.stranded.try_lock()
    }

    /// For a thread aside that has made this goroutine and not yet queued it: a call that blocks
    /// may spawn when nobody is left to run what it spawns.
    pub(crate) fn strand_late(&self, g: GoroutineRef) {
        mutant!("strand-late": self.strand(g) => ());
    }

    /// Sleeps until the last thread has left user code.
    pub(crate) fn wait_for_all(&self) {
        while !self.is_over() {
            os::wait(&self.over, 0, FOREVER);
        }
    }

    /// Joins every thread; it is over.
    fn join_threads(&self) {
        let mut threads = self.threads.lock();
        let running = mem::take(&mut threads.running);
        let retired = mem::take(&mut threads.retired);
        drop(threads);
        join_all(running.into_iter().map(|(_, thread)| thread).chain(retired));
    }

    /// A thread that is about to end before the runtime does; the next one who starts a thread, or
    /// the closer, joins it.
    pub(crate) fn retire(&self, number: usize) {
        let mut threads = self.threads.lock();
        if let Some(place) = threads.running.iter().position(|(n, _)| *n == number) {
            let (_, thread) = threads.running.swap_remove(place);
            threads.retired.push(thread);
        }
    }
}

impl Runtime {
    /// The goroutines that have not ended by now, of a runtime whose `run` has returned, and whose
    /// configuration says that it keeps what it finds in the end.
    pub fn left(&self) -> Vec<Seen> {
        let shared = &self.shared;
        if shared.ending.join_in() {
            let found = shared.look(None);
            shared.ending.leave(shared);
            return found;
        }
        shared.ending.wait_for_all();
        mem::take(&mut *shared.found_left.lock())
    }
}

/// Joins threads that are ending.
fn join_all(threads: impl IntoIterator<Item = ThreadHandle>) {
    for thread in threads {
        // SAFETY: the callers have taken it out of the list of threads, so nobody else joins it.
        unsafe { os::join(thread) };
    }
}

impl Shared {
    /// Starts a thread of this runtime, which is counted as inside and owns one reference to it.
    /// `argument` is given the thread's number.
    ///
    /// # Errors
    /// The system gives no thread; `None` when the runtime has ended.
    pub(crate) fn start_thread(
        &self,
        entry: unsafe extern "C" fn(*mut ()),
        argument: impl FnOnce(usize) -> *mut (),
    ) -> Result<(), Option<OsError>> {
        self.check_process();
        if !self.ending.join_in() {
            return Err(None);
        }
        let counted = ManuallyDrop::new(self.share());
        let mut threads = self.ending.threads.lock();
        let retired = mem::take(&mut threads.retired);
        let number = threads.next;
        // SAFETY: the callers pass what their entry expects, part of or counted with this runtime.
        let started = unsafe { os::start(entry, argument(number)) };
        if let Ok(thread) = started {
            threads.next += 1;
            threads.running.push((number, thread));
        }
        drop(threads);
        join_all(retired);
        started.map(drop).map_err(|error| {
            drop(ManuallyDrop::into_inner(counted));
            mutant!("thread-refused": self.ending.leave(self) => ());
            Some(error)
        })
    }

    /// Step 1.
    pub(crate) fn close(&self) {
        // SeqCst: pairs with is_closing() in a worker's recheck before sleep.
        self.ending.closing.store(CLOSING, Ordering::SeqCst);
        for processor in self.processors() {
            if !processor.end_unstarted() {
                mutant!("close-wake": processor.wake(self) => ());
            }
        }
        mutant!("close-rest": self.handoff.close() => ());
        self.aside.close();
    }

    /// Step 5: true when it is over.
    fn wait_a_while(&self) -> bool {
        let mut until = os::now().saturating_add(GRACE);
        while !self.ending.is_over() {
            if os::now() >= until {
                if self.goroutines_left() {
                    return false;
                }
                // No code of the user runs any more: the threads are just slow to leave.
                until = FOREVER;
            }
            os::wait(&self.ending.over, 0, until);
        }
        true
    }

    /// Step 5: true when it is over. For the thread that made the runtime and has left its goroutines.
    pub(crate) fn wait_for_end(&self) -> bool {
        self.ending.leave(self);
        let over = self.wait_a_while();
        if over {
            self.ending.join_threads();
        }
        over
    }

    /// Whether a goroutine has not ended. A false is true for good once main has ended.
    fn goroutines_left(&self) -> bool {
        self.goroutines() != 0
    }

    /// Step 3, by the last to leave.
    fn finish(&self) {
        let left = self.goroutines_left();
        if left {
            if let Some(tell) = self.left {
                tell(&self.look_at_still(os::now()));
            }
            if self.keeps_left {
                *self.found_left.lock() = self.look_at_still(os::now());
            }
            self.stacks.each_live(abandon);
            // Whoever names one of them, or a worker that is its home, must find it.
            mem::forget(self.share());
        }
        if !left {
            // SAFETY: every goroutine has ended, and those who woke the last ones touch no record
            // after they have queued it.
            unsafe { self.stacks.release() };
        }
    }
}

/// Makes sure that nothing is ever handed to a goroutine that will not run again, and that nobody
/// waits for its result.
fn abandon(g: GoroutineRef) {
    match g.state.load() {
        State::Parked => {
            // SAFETY: parked, and no thread is left to resume it.
            unsafe { wait::unlink_abandoned(g) };
        }
        State::Runnable => {}
        other => crate::fatal!("{g:?} is {other:?} after every worker has left"),
    }
    g.state.set(Change::Abandon);
    if let Some(packet) = g.packet.take() {
        // SAFETY: as in `strand`.
        unsafe { packet.abandon() };
    }
}
