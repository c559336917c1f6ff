//! Who sleeps, and how.
//!
//! A worker that finds nothing sleeps with its processor, which remembers how: whoever has something
//! for that processor, or for any, wakes the worker through it.

use crate::io::Seen;
use crate::late;
use crate::processor::Processor;
use crate::runtime::Shared;
use crate::seam::{Ordering, fence, mutant};
use crate::worker::Worker;
use crate::{FOREVER, os};

/// `Processor::sleep` while its worker runs, or is about to look for work.
pub(crate) const AWAKE: u32 = 0;
/// `Processor::sleep` while its worker sleeps on that very word.
const ON_WORD: u32 = 1;
/// `Processor::sleep` while its worker sleeps in the poller.
const IN_POLLER: u32 = 2;
/// `Processor::sleep` until it has a worker.
pub(crate) const UNSTARTED: u32 = 3;
/// `Processor::sleep` while its worker bides its time on that very word, or in the poller: it leaves to others
/// what it could take, and comes back by itself.
const BIDES_ON_WORD: u32 = 6;
const BIDES_IN_POLLER: u32 = 7;
/// `Processor::sleep` when its worker has left for good.
const GONE: u32 = 4;
/// `Processor::sleep` while its worker leaves, and another may come: one that is needed meanwhile
/// comes back.
const LEAVING: u32 = 5;

/// How long a worker sleeps at most when producers can't be made to pass a fence, in nanoseconds.
const BLIND: u64 = 1_000_000;

impl Processor {
    /// Whether it has a worker, asleep or not.
    pub(crate) fn is_started(&self) -> bool {
        !matches!(self.sleep.load(Ordering::SeqCst), UNSTARTED | GONE)
    }

    /// Whether its worker sleeps, or is still to be started.
    pub(crate) fn is_asleep(&self) -> bool {
        matches!(self.sleep.load(Ordering::SeqCst), ON_WORD | IN_POLLER | UNSTARTED)
    }

    /// The same, or its worker bides its time: what is offered to it wakes it.
    pub(crate) fn is_away(&self) -> bool {
        let bides = || matches!(self.sleep.load(Ordering::SeqCst), BIDES_ON_WORD | BIDES_IN_POLLER);
        self.is_asleep() || bides()
    }

    pub(crate) fn is_awake(&self) -> bool {
        self.sleep.load(Ordering::SeqCst) == AWAKE
    }

    /// Its first worker is there.
    pub(crate) fn begin(&self, shared: &Shared) {
        self.sleep.store(AWAKE, Ordering::SeqCst);
        self.note_time(os::now());
        // Without a second worker there is nobody that the first could hold up.
        let holds_up = shared.migratory() && (self.index() > 0 || shared.procs() == 1);
        // And one that never looks around waits for more of them.
        let may_grow = shared.follows() && shared.procs() < shared.most_procs();
        if holds_up || may_grow {
            shared.start_monitor();
        }
        shared.monitor.rouse();
        // Whoever took it out of the idle set has left it a token to search with.
        self.searching.set(!shared.idle.remove(self.index()));
    }

    /// Its worker leaves for good. Goroutines of other runtimes may wait for sockets here: they have
    /// to look elsewhere from now on.
    pub(crate) fn end(&self) {
        self.driver.close();
        self.sleep.store(GONE, Ordering::SeqCst);
    }

    /// Lets it have no worker, if it has not begun. True: it had none.
    pub(crate) fn end_unstarted(&self) -> bool {
        let (unstarted, gone) = (UNSTARTED, GONE);
        self.sleep.compare_exchange(unstarted, gone, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }

    /// Its worker leaves, unless it is woken. Owner only.
    pub(crate) fn set_leaving(&self) {
        self.sleep.store(LEAVING, Ordering::SeqCst);
    }

    /// Its worker has left, and is not part of it any more. False: it was woken. Owner only.
    pub(crate) fn has_left(&self) -> bool {
        let (leaving, unstarted) = (LEAVING, UNSTARTED);
        self.sleep.compare_exchange(leaving, unstarted, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }

    /// Its worker stays. Owner only.
    pub(crate) fn come_back(&self) {
        self.sleep.swap(AWAKE, Ordering::SeqCst);
    }

    /// Ends its worker's sleep, if it sleeps. From any thread.
    #[inline(always)]
    pub(crate) fn wake(&self, shared: &Shared) {
        // SeqCst: the push that came before pairs with the worker's look after it has written
        // `sleep` (step 3 of `Worker::sleep`).
        if self.sleep.load(Ordering::SeqCst) != AWAKE {
            self.wake_asleep(shared);
        }
    }

    #[cold]
    fn wake_asleep(&self, shared: &Shared) {
        match self.sleep.swap(AWAKE, Ordering::SeqCst) {
            ON_WORD | BIDES_ON_WORD => os::wake(&self.sleep, 1),
            IN_POLLER | BIDES_IN_POLLER => mutant!("notify": self.driver.notify() => ()),
            UNSTARTED => shared.start_worker(self),
            GONE => self.sleep.store(GONE, Ordering::SeqCst),
            _ => {}
        }
    }
}

impl Worker {
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
    ///
    /// `surplus` says whether it has looked for work as one whose processor is not in use.
    pub(crate) fn sleep(&self, surplus: bool) {
        let (shared, processor) = (self.shared(), self.processor());
        let nearest = processor.nearest.load(Ordering::Relaxed);
        let nearest = mutant!("sleep-deadline": nearest => FOREVER);
        if !surplus && processor.late.stays_awake(nearest) {
            late::pass_a_moment();
            return;
        }
        if processor.searching.replace(false) {
            mutant!("sleep-token": shared.searching.fetch_sub(1, Ordering::SeqCst) => 0);
        }
        shared.start_monitor();
        let counters = &processor.counters;
        counters.sleeps.add(1);
        if processor.woke.replace(true) {
            counters.woken_in_vain.add(1);
        }
        processor.scavenger.look(self, || self.has_reason_to_stay(surplus));
        let begin = os::now();
        let asked = processor.ask_for(nearest, begin);
        let mut until = asked.min(shared.trim()).min(processor.scavenger.due());

        mutant!("sleep-order": () => {
            shared.idle.insert(processor.index());
            os::point();
        });
        let state = self.lies_down(ON_WORD, IN_POLLER);
        shared.idle.insert(processor.index());
        os::point();
        if !shared.fence_before_sleep(processor.index()) {
            until = until.min(os::now().saturating_add(BLIND));
        }
        let mut seen = None;
        let stays = self.has_reason_to_stay(surplus);
        if !stays {
            until = until.min(self.suspect());
            seen = self.stays_asleep(state, until);
        }
        let woken = processor.sleep.swap(AWAKE, Ordering::SeqCst) == AWAKE;
        os::point();
        mutant!("rouse": shared.monitor.rouse() => ());
        if mutant!("sleep-claimed": !shared.idle.remove(processor.index()) => false) {
            processor.searching.set(true);
        } else if stays {
            // Something was found to take: it must not be put off for want of a token.
            shared.searching.fetch_add(1, Ordering::SeqCst);
            processor.searching.set(true);
        }
        let by_socket = seen.as_ref().is_some_and(|seen| !seen.is_empty());
        let now = self.gets_up(seen);
        if (woken || by_socket) && !stays {
            processor.spin.was_woken(now - begin, by_socket);
        } else if !stays && until == asked && now >= asked {
            processor.late.learn(asked, now);
        }
    }

    /// Sleeps until then, or until this very worker is needed: what anybody could take, it leaves to
    /// others.
    pub(crate) fn bide(&self, until: u64) {
        let (shared, processor) = (self.shared(), self.processor());
        self.stop_searching();
        processor.counters.sleeps.add(1);
        let nearest = processor.nearest.load(Ordering::Relaxed);
        let until = until.min(processor.ask_for(nearest, os::now()));
        let state = self.lies_down(BIDES_ON_WORD, BIDES_IN_POLLER);
        // SeqCst: pairs with the locked instruction by which something comes for this worker, and
        // its look at `sleep` after it.
        fence(Ordering::SeqCst);
        let mut seen = None;
        if !self.is_needed(false) {
            seen = self.stays_asleep(state, until);
        }
        processor.sleep.swap(AWAKE, Ordering::SeqCst);
        os::point();
        shared.monitor.rouse();
        self.gets_up(seen);
    }

    /// Says how it sleeps: in one way, or, if sockets may be waited for, in the other.
    fn lies_down(&self, on_word: u32, in_poller: u32) -> u32 {
        let processor = self.processor();
        let state = if processor.driver.in_use() { in_poller } else { on_word };
        processor.sleep.store(state, Ordering::SeqCst);
        os::point();
        state
    }

    /// Sleeps as it has said. What its poller has seen is to be reported once it is up.
    fn stays_asleep(&self, state: u32, until: u64) -> Option<Seen> {
        let processor = self.processor();
        if matches!(state, IN_POLLER | BIDES_IN_POLLER) {
            return Some(processor.driver.poll(until));
        }
        os::wait(&processor.sleep, state, until);
        None
    }

    /// Is up again, at the time that is returned.
    fn gets_up(&self, seen: Option<Seen>) -> u64 {
        let processor = self.processor();
        // The time asleep says nothing of how long goroutines take.
        processor.looked.set(u64::MAX);
        let now = os::now();
        processor.note_time(now);
        if let Some(seen) = seen {
            processor.driver.report(&seen);
        }
        now
    }

    /// Whether there is something to do for this very worker, which was, or was not, surplus.
    fn is_needed(&self, surplus: bool) -> bool {
        let shared = self.shared();
        mutant!("sleep-inbox": !self.inbox.is_empty() => false)
            || mutant!("sleep-closing": shared.is_closing() => false)
            || mutant!("sleep-surplus": shared.is_surplus(self.processor()) != surplus => false)
    }

    /// Whether there is something to do for one that was, or was not, surplus.
    pub(crate) fn has_reason_to_stay(&self, surplus: bool) -> bool {
        let shared = self.shared();
        if self.is_needed(surplus) {
            return true;
        }
        !surplus
            && (mutant!("sleep-inject": !shared.inject.is_empty() => false)
                || mutant!("sleep-wanted": shared.wants_processor() => false)
                || mutant!("sleep-steal": shared.processors().len() > 1 && shared.has_stealable() => false))
    }
}
