//! How many processors are in use, and what becomes of those that are not.
//!
//! Unless it was set by hand, the number follows what the system allows. The monitor looks at that
//! once a second, while anybody is awake, and makes, takes back or gives up processors, always the
//! last ones:
//!
//! 1. It writes the number, shows wakers the idle set without those beyond it, and wakes the workers
//!    of all whose side has changed.
//! 2. A worker that looks around and finds its processor beyond the number is *surplus*: it gives
//!    away what any other may run, and runs nothing but what is at home with it. Its timers and
//!    sockets it looks after as ever.
//! 3. In default mode it ends when nobody is at home with it. Sockets that were added to its poller
//!    are added to others when somebody waits for them next. The processor can be begun again.
//! 4. In migratory mode, where timers and sockets belong to nobody's thread, it stays for these.
//!
//! A surplus worker hands its processor to nobody who wants one; the monitor may take it all the
//! same, and who gets it goes on as in 2.

use crate::os;
use crate::processor::Processor;
use crate::runtime::Shared;
use crate::seam::{Ordering, fence, mutant};
use crate::switch::Entered;
use crate::worker::{Next, Worker};

/// How long it takes at least from one look at what the system allows to the next, in nanoseconds.
pub(crate) const LOOK: u64 = 1_000_000_000;

impl Shared {
    /// Whether the number of processors can change.
    #[inline]
    pub(crate) fn follows(&self) -> bool {
        !cfg!(feature = "small") && self.follows
    }

    /// Whether a processor is beyond those in use.
    #[inline]
    pub(crate) fn is_surplus(&self, processor: &Processor) -> bool {
        self.follows() && mutant!("surplus": processor.index() >= self.procs() => false)
    }

    /// Step 1, with as many processors as the system allows now. The monitor only.
    pub(crate) fn follow(&self, allowed: usize) {
        // One is left for the rest beside those that goroutines have for themselves. (Who takes one at
        // this moment is seen by the next look, which comes as long as it has it.)
        let least = mutant!("surplus-locked": self.locked.count() => 0) + 1;
        let (old, new) = (self.procs(), allowed.max(least).min(self.most_procs()));
        if new == old {
            return;
        }
        while self.processors().len() < new {
            // SAFETY: this is the monitor, of which a runtime has one, and nobody else makes any
            // when the runtime is there.
            unsafe { self.make_processor(os::seed()) };
        }
        self.set_procs(new);
        self.idle.show(new);
        os::point();
        for processor in &self.processors()[old.min(new)..old.max(new)] {
            if processor.is_started() {
                mutant!("surplus-told": processor.wake(self) => ());
            }
        }
        if new > old {
            // Whoever finds something wakes the next.
            mutant!("more-wake": self.wake_one() => ());
        }
    }
}

impl Worker {
    /// Steps 2 and 3: what to do next, if it is known.
    pub(crate) fn find_surplus(&self, entered: &Entered<'_>) -> Option<Next> {
        let processor = self.processor();
        // Who has given it a token relies on somebody to search.
        self.stop_searching();
        self.look_around(entered);
        // So it comes back after each goroutine.
        processor.set_budget(0);
        mutant!("surplus-away": self.give_away(entered) => ());
        if let Some(g) = processor.pick_own() {
            self.found(processor);
            return Some(Next::Run(g));
        }
        if processor.driver.in_use() && self.poll(entered, 0) {
            return None;
        }
        if self.is_deserted() {
            return Some(Next::End);
        }
        self.sleep(true);
        None
    }

    /// Gives what any worker may run to all.
    fn give_away(&self, entered: &Entered<'_>) {
        let processor = entered.processor();
        if let Some(g) = processor.swap_next(None) {
            entered.push_last(g);
        }
        while let Some(g) = processor.pop_oldest(u64::MAX) {
            g.queued.leave(g);
            self.shared().inject.push(g);
            self.shared().wake_one();
        }
    }

    /// Whether nobody is at home here, or will be because of what is queued here.
    fn is_deserted(&self) -> bool {
        let processor = self.processor();
        // Relaxed: this worker alone writes it.
        let settled = processor.settled.load(Ordering::Relaxed);
        !self.shared().migratory()
            && mutant!("deserted": settled == 0 => true)
            && processor.is_idle()
            && self.has_no_mail()
    }
}

impl Processor {
    /// Lets it have no worker, for its own has left; false: that one has to come back. As going to
    /// sleep (`Worker::sleep`), but with a state that asks nobody to be woken until it is done.
    pub(crate) fn unstart(&self, shared: &Shared) -> bool {
        self.set_leaving();
        os::point();
        shared.idle.insert(self.index());
        os::point();
        // SeqCst: pairs with the push of who offers a goroutine, and finds the worker awake.
        fence(Ordering::SeqCst);
        let needed = !self.holder().has_no_mail();
        if !mutant!("unstart-needed": needed => false) && self.has_left() {
            return true;
        }
        self.come_back();
        self.searching.set(!shared.idle.remove(self.index()));
        false
    }
}
