//! Handing a processor from one worker to another, in migratory mode.
//!
//! A worker that is held up, in a call that blocks or in a loop, keeps its goroutine and its thread;
//! its processor goes to a worker that can use it.
//!
//! 1. The monitor takes the processor, as `worker` says, and gives it to a worker that wants one, to
//!    one that rests, or to a new one.
//! 2. A worker that comes into the scheduler and finds its processor gone *wants* one: it queues, and
//!    sleeps until it is given one. An idle worker is woken for it.
//! 3. A worker on its own stack, whenever it looks around and somebody wants a processor, hands its
//!    own over, and rests. One that has rested for long ends.
//!
//! Who gives a processor writes everything for the one who gets it, which sleeps meanwhile: the
//! latter goes on as if it had had it all the time.
//!
//! When the runtime closes, workers leave. One that comes back then, from a call that blocked, must
//! get as far as leaving its goroutine's stack, for it may hold a lock: it is lent a processor that
//! another has left behind.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ptr::NonNull;

use crate::lock::{Guard, Protected};
use crate::processor::Processor;
use crate::runtime::Shared;
use crate::seam::{AtomicUsize, Ordering, fence, mutant};
use crate::worker::{Guarded, Left, Worker, WorkerRef};
use crate::{FOREVER, os};

/// How long a worker rests before it ends, in nanoseconds.
const IDLE: u64 = 10_000_000_000;

/// Who has no processor.
pub(crate) struct Handoff {
    lists: Protected<Lists>,
    /// The length of `wanting`. Written under the lock; read by workers that look around, and once
    /// more before they sleep.
    wanted: AtomicUsize,
}

struct Lists {
    /// Workers that want a processor, who came first first. They sleep.
    wanting: VecDeque<WorkerRef>,
    /// Workers that want none, who came last last. They sleep.
    resting: Vec<WorkerRef>,
    /// Workers made beyond one a processor, each in a box. Never shorter, so that nobody finds a home
    /// gone.
    made: Vec<WorkerRef>,
    /// Those of all workers that have no thread any more.
    unused: Vec<WorkerRef>,
    /// Processors whose workers have left a runtime that closes.
    left: Vec<NonNull<Processor>>,
}

// SAFETY: workers and processors are part of the runtime, as the lists are, and never move.
unsafe impl Send for Lists {}

impl Drop for Lists {
    fn drop(&mut self) {
        for worker in self.made.drain(..) {
            // SAFETY: made from a box in `give_to_another`; the runtime goes, so nobody names it.
            drop(unsafe { Box::from_raw(worker.as_ptr()) });
        }
    }
}

/// How a rest has ended.
pub(crate) enum Rested {
    /// The worker holds a processor again.
    Holding,
    /// It is to leave.
    Left(Left),
}

impl Lists {
    /// Gives a processor to a worker that has none and sleeps, or has no thread yet. The caller has
    /// the processor, and rings the worker's bell when the lock is free again.
    fn give(processor: &Processor, worker: WorkerRef) {
        processor.adopt(worker.bound.take());
        processor.set_holder(&worker);
        // Relaxed: what follows publishes it.
        worker.bell.store(1, Ordering::Relaxed);
        worker.hold(Some(processor));
    }

    /// Takes a processor from a worker that is not using it.
    fn strip(processor: &Processor, worker: &Worker) {
        worker.bound.append(processor.take_own());
        worker.hold(None);
    }
}

/// Ends a worker's sleep without a processor.
fn ring(worker: WorkerRef) {
    os::wake(&worker.bell, 1);
}

impl Handoff {
    pub(crate) const fn new() -> Handoff {
        Handoff {
            lists: Protected::ordinary(Lists {
                wanting: VecDeque::new(),
                resting: Vec::new(),
                made: Vec::new(),
                unused: Vec::new(),
                left: Vec::new(),
            }),
            wanted: AtomicUsize::new(0),
        }
    }

    /// Whether a worker wants a processor.
    #[inline(always)]
    pub(crate) fn is_wanted(&self) -> bool {
        // SeqCst: pairs with the store in want(), for the recheck before sleep.
        self.wanted.load(Ordering::SeqCst) > 0
    }

    /// How many workers there are beyond one a processor, of those with a thread.
    pub(crate) fn extra(&self) -> usize {
        let lists = self.lists.lock_outside();
        lists.made.len().saturating_sub(lists.unused.len())
    }

    /// Whether every worker without a processor rests: none runs its goroutine without one, and none
    /// waits for one.
    pub(crate) fn all_rest(&self) -> bool {
        let lists = self.lists.lock_outside();
        let extra = lists.made.len().saturating_sub(lists.unused.len());
        lists.wanting.is_empty() && lists.resting.len() == extra
    }

    /// Calls `f` on each worker that was made beyond one a processor.
    pub(crate) fn each(&self, mut f: impl FnMut(&Worker)) {
        self.lists.lock_outside().made.iter().for_each(|worker| f(worker));
    }

    fn want(&self, lists: &mut Lists, worker: WorkerRef) {
        lists.wanting.push_back(worker);
        self.wanted.store(lists.wanting.len(), Ordering::SeqCst);
    }

    fn first_wanting(&self, lists: &mut Lists) -> Option<WorkerRef> {
        let first = lists.wanting.pop_front();
        self.wanted.store(lists.wanting.len(), Ordering::SeqCst);
        first
    }

    /// The runtime closes: lets those end who rest.
    pub(crate) fn close(&self) {
        let mut lists = self.lists.lock_outside();
        let lists = &mut *lists;
        // A worker that wants a processor for its goroutine gets one; the others run nothing more.
        let idle = lists.wanting.iter().filter(|worker| worker.current.get().is_none());
        for worker in idle.chain(&lists.resting) {
            // Relaxed: whoever is woken looks whether the runtime closes, by SeqCst.
            worker.bell.store(1, Ordering::Relaxed);
            ring(*worker);
        }
    }
}

impl Worker {
    /// Gets a processor again, after it has come in and found its own gone (step 2).
    #[doc(alias = "exitsyscall")]
    #[cold]
    #[inline(never)]
    pub(crate) fn regain(&self) {
        let shared = self.shared();
        let mut lists = shared.handoff.lists.lock_outside();
        // Under the lock nobody is in the midst of taking it.
        if self.holds().is_none() {
            // It is inside all the time, and whoever it wakes takes locks as if it had a processor.
            self.ask(false);
            if let Some(left) = mutant!("regain-left": lists.left.pop() => None) {
                // SAFETY: a processor of this runtime, as all in the lists.
                Lists::give(unsafe { left.as_ref() }, self.reference());
            } else {
                // Relaxed: the lock orders it.
                self.bell.store(0, Ordering::Relaxed);
                shared.handoff.want(&mut lists, self.reference());
            }
        }
        drop(lists);
        if self.holds().is_none() {
            os::point();
            mutant!("regain-wake": shared.wake_one() => ());
            while self.holds().is_none() {
                os::wait(&self.bell, 0, FOREVER);
            }
        }
    }

    /// Wants a processor because something has come for it, if it rests.
    #[cold]
    pub(crate) fn want_for_inbox(&self) {
        let shared = self.shared();
        let mut lists = shared.handoff.lists.lock_outside();
        let place = lists.resting.iter().position(|worker| *worker == self.reference());
        if let Some(place) = place {
            lists.resting.remove(place);
            shared.handoff.want(&mut lists, self.reference());
        }
        drop(lists);
        if place.is_some() {
            shared.wake_one();
        }
    }

    /// Hands its processor over, on its own stack; false: nobody wants it any more (step 3).
    pub(crate) fn hand_over(&self) -> bool {
        let shared = self.shared();
        let mut lists = shared.handoff.lists.lock_outside();
        let Some(heir) = shared.handoff.first_wanting(&mut lists) else { return false };
        let processor = self.processor();
        Lists::strip(processor, self);
        // Relaxed: the lock orders it.
        self.bell.store(0, Ordering::Relaxed);
        Lists::give(processor, heir);
        let mail = mutant!("hand-over-mail": !self.inbox.is_empty() => false);
        let wants = mutant!("hand-over-bound": !self.bound.is_empty() => false) || mail;
        if wants {
            shared.handoff.want(&mut lists, self.reference());
        } else {
            lists.resting.push(self.reference());
        }
        drop(lists);
        ring(heir);
        if wants {
            shared.wake_one();
        }
        true
    }

    /// Sleeps without a processor, on its own stack, until it is given one.
    pub(crate) fn rest(&self) -> Rested {
        let shared = self.shared();
        let mut until = os::now().saturating_add(IDLE);
        loop {
            if self.holds().is_some() {
                return Rested::Holding;
            }
            let closing = shared.is_closing();
            let late = mutant!("rest-ends": os::now() >= until => false);
            if closing || late {
                let mut lists = shared.handoff.lists.lock_outside();
                if self.holds().is_some() {
                    return Rested::Holding;
                }
                let me = self.reference();
                let rests = lists.resting.iter().position(|worker| *worker == me);
                if closing {
                    lists.wanting.retain(|worker| *worker != me);
                    shared.handoff.wanted.store(lists.wanting.len(), Ordering::SeqCst);
                }
                if let Some(place) = rests
                    && (closing || !self.rooted.get())
                {
                    lists.resting.remove(place);
                }
                if closing {
                    return Rested::Left(Left::Closing);
                }
                if rests.is_some() && !self.rooted.get() {
                    return Rested::Left(Left::Unneeded);
                }
                until = FOREVER;
            }
            os::wait(&self.bell, 0, until);
        }
    }

    /// Leaves its processor behind, if it holds one, in a runtime that closes.
    pub(crate) fn give_up(&self) {
        let Some(processor) = self.holds() else { return };
        processor.end();
        if self.guarded() == Guarded::Not {
            return;
        }
        let shared = self.shared();
        let mut lists = shared.handoff.lists.lock_outside();
        Lists::strip(processor, self);
        match shared.handoff.first_wanting(&mut lists) {
            None => lists.left.push(NonNull::from(processor)),
            Some(heir) => {
                Lists::give(processor, heir);
                drop(lists);
                ring(heir);
            }
        }
    }

    /// Has no thread any more, and can get another. The last use of it by its thread.
    pub(crate) fn retire(&self) {
        let me = self.reference();
        self.shared().handoff.lists.lock_outside().unused.push(me);
    }
}

impl Shared {
    /// Whether a worker wants a processor.
    #[inline(always)]
    pub(crate) fn wants_processor(&self) -> bool {
        self.migratory() && self.handoff.is_wanted()
    }

    /// Takes a processor from its worker, which seems to be held up since `tick`, and gives it to
    /// another (step 1); false if the worker is not held up after all, or there is no other.
    #[doc(alias = "retake", alias = "handoffp")]
    pub(crate) fn take_from_stuck(&self, processor: &Processor, tick: u64) -> bool {
        let lists = self.handoff.lists.lock_outside();
        let stuck = processor.holder();
        if stuck.holds().is_none() {
            return false;
        }
        let outside = self.is_outside(&stuck);
        if !outside || processor.tick() != tick || !processor.is_awake() {
            stuck.ask(false);
            return false;
        }
        Lists::strip(processor, &stuck);
        self.give_to_another(processor, stuck, lists)
    }

    /// Asks a worker for its processor: true if it is outside, and will not use it before it has got
    /// an answer.
    pub(crate) fn is_outside(&self, worker: &Worker) -> bool {
        worker.ask(true);
        os::point();
        let fenced = mutant!("take-fence": self.fence_others() => true);
        fenced && mutant!("take-inside": !worker.is_inside() => true)
    }

    /// The heavy half of the fence in `Worker::is_asked_inside`.
    fn fence_others(&self) -> bool {
        if self.asymmetric() {
            return os::fence_all();
        }
        // SeqCst: pairs with the fence in Worker::is_asked_inside().
        fence(Ordering::SeqCst);
        true
    }

    /// Gives a processor to a worker that sleeps, or to one with a new thread; or, if there can be
    /// none, back; then false.
    fn give_to_another<'a>(
        &'a self,
        processor: &Processor,
        stuck: WorkerRef,
        mut lists: Guard<'a, Lists>,
    ) -> bool {
        let mut refused = false;
        loop {
            // After a refusal too: the stuck one may have come in, gone on with what another has handed
            // over, and rest by now.
            let blind = mutant!("heir-rests": false => refused);
            let rests = |lists: &mut Lists| if blind { None } else { lists.resting.pop() };
            let heir = self.handoff.first_wanting(&mut lists).or_else(|| rests(&mut lists));
            if let Some(heir) = heir {
                Lists::give(processor, heir);
                drop(lists);
                ring(heir);
                return true;
            }
            let gone_on = stuck.holds().is_some() || lists.unused.contains(&stuck);
            if refused && (!gone_on || blind) {
                // It is still outside, or waits for the lock to look again.
                debug_assert!(stuck.holds().is_none() && !lists.resting.contains(&stuck));
                processor.adopt(stuck.bound.take());
                processor.set_holder(&stuck);
                stuck.hold(Some(processor));
                stuck.ask(false);
                return false;
            }
            let heir = lists.unused.pop().unwrap_or_else(|| {
                let worker = Box::leak(Box::new(Worker::new())).reference();
                worker.belong(self.itself(), self.guarded());
                lists.made.push(worker);
                worker
            });
            Lists::give(processor, heir);
            drop(lists);
            // Without the lock, for it takes long; meanwhile nobody else has to do with the processor.
            if self.has_room_for_thread() && self.start_extra(heir) {
                return true;
            }
            refused = true;
            lists = self.handoff.lists.lock_outside();
            Lists::strip(processor, &heir);
            lists.unused.push(heir);
        }
    }

    /// Whether there may be the thread that is to be started now.
    fn has_room_for_thread(&self) -> bool {
        self.processors().len() + self.handoff.extra() + self.aside.threads() <= self.max_threads
    }

    /// Starts the thread of a worker that has been given a processor.
    fn start_extra(&self, worker: WorkerRef) -> bool {
        unsafe extern "C" fn main(worker: *mut ()) {
            // SAFETY: the argument is the worker below; its runtime is counted for this thread.
            let worker = unsafe { &*worker.cast::<Worker>() };
            worker.live();
        }
        let argument = |number| {
            worker.number.set(number);
            core::ptr::from_ref::<Worker>(&worker).cast_mut().cast()
        };
        self.start_thread(main, argument).is_ok()
    }
}

impl Worker {
    /// The life of a worker's thread, once it holds a processor. The last use of the runtime by it.
    pub(crate) fn live(&self) {
        let shared = self.shared();
        let (number, processor) = (self.number.get(), self.holds());
        let left = loop {
            self.take_thread();
            let left = self.run();
            self.leave_thread(left);
            // What comes after it is somebody else's, if that one has left.
            if left != Left::Surplus || processor.is_none_or(|p| p.unstart(shared)) {
                break left;
            }
        };
        if left != Left::Closing {
            if left == Left::Unneeded {
                self.retire();
                shared.suspect_again();
            }
            shared.ending.retire(number);
            shared.ending.leave(shared);
        } else {
            shared.ending.leave(shared);
            shared.ending.wait_for_all();
        }
        // SAFETY: counted by `start_thread` for this thread, which touches it no more.
        unsafe { Arc::decrement_strong_count(shared) };
    }
}
