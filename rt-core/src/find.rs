//! Finding work: what a worker does on its own stack.

use crate::goroutine::GoroutineRef;
use crate::processor::{LOOK_AROUND, Processor};
use crate::seam::{Ordering, mutant};
use crate::switch::{Entered, enter_worker};
use crate::worker::{Next, Worker};
use crate::{FOREVER, os};

impl Worker {
    /// What to do next. Sleeps when there is nothing. Who has just been given a processor is not
    /// `generous`: it runs something, if there is anything, before it hands the processor over.
    #[doc(alias = "findRunnable")]
    pub(crate) fn find_work(&self, mut generous: bool) -> Next {
        let entered = enter_worker();
        let processor = self.processor();
        let shared = self.shared();
        loop {
            if shared.is_closing() {
                return Next::Leave;
            }
            if generous && shared.wants_processor() {
                self.stop_searching();
                return Next::HandOver;
            }
            if shared.is_surplus(processor) {
                match self.find_surplus(&entered) {
                    Some(next) => return next,
                    None => continue,
                }
            }
            self.look_around(&entered);
            let first = || shared.inject.take(shared.procs(), true).map(|(g, _)| g);
            let found = mutant!("busy-shared": first() => None)
                .inspect(|_| processor.counters.shared_taken.add(1))
                .or_else(|| processor.pick_found())
                .or_else(|| self.pick_polled(&entered))
                .or_else(|| self.steal(&entered));
            if let Some(g) = found {
                self.found(processor);
                self.stop_searching();
                return Next::Run(g);
            }
            generous = true;
            if let Some(until) = processor.patience.bides_until() {
                self.bide(until);
                continue;
            }
            if !self.spin(&entered) {
                self.sleep(false);
            }
        }
    }

    /// Takes note that there is something to run.
    pub(crate) fn found(&self, processor: &Processor) {
        if processor.woke.replace(false) {
            processor.counters.woken.add(1);
        }
        processor.scavenger.plan(processor.settled.load(Ordering::Relaxed));
        processor.quiet.forget();
    }

    /// What the direct way from goroutine to goroutine leaves out: the inbox, due timers, sockets.
    pub(crate) fn look_around(&self, entered: &Entered<'_>) {
        os::point();
        let processor = self.processor();
        let inbox = self.inbox.take_all();
        processor.counters.inbox_taken.add(inbox.len() as u64);
        while let Some(g) = inbox.pop_front() {
            entered.push_last(g);
        }
        processor.own.adapt();
        if processor.count_look() {
            self.shared().start_monitor();
            processor.note_time(os::now());
        }
        let timed = processor.nearest.load(Ordering::Relaxed) != FOREVER;
        let waiting = processor.has_shared();
        if timed || processor.driver.in_use() || waiting {
            let now = os::now();
            processor.note_time(now);
            processor.age(waiting.then_some(now));
            mutant!("adapt": processor.adapt(now) => processor.stride.set(LOOK_AROUND));
            if mutant!("busy-timers": timed => timed && processor.is_idle()) {
                self.fire_timers(entered, now);
            }
            let late = processor.driver.in_use() && processor.driver.is_stale(now);
            if mutant!("busy-sockets": late => late && processor.is_idle()) {
                self.poll(entered, 0);
            }
        } else {
            // Who asks for no time is asked for less; and who only comes and goes, like a ticker
            // that has just been woken, still finds what was learned.
            let more = (2 * processor.stride.get()).min(LOOK_AROUND);
            processor.stride.set(mutant!("stride-kept": more => LOOK_AROUND));
            processor.age(None);
        }
        processor.begin_round();
    }

    fn fire_timers(&self, entered: &Entered<'_>, now: u64) {
        loop {
            let due = self.processor().due(now);
            due.prefetch();
            due.iter().filter(|g| g.state.ready()).for_each(|g| entered.push_last(g));
            if self.processor().nearest.load(Ordering::Relaxed) > now {
                break;
            }
        }
    }

    /// Looks at the sockets, until `until`; true if a goroutine became runnable here.
    pub(crate) fn poll(&self, entered: &Entered<'_>, until: u64) -> bool {
        let driver = &self.processor().driver;
        driver.report(&driver.poll(until));
        let inbox = self.inbox.take_all();
        self.processor().counters.inbox_taken.add(inbox.len() as u64);
        let mut any = !self.processor().is_idle();
        while let Some(g) = inbox.pop_front() {
            entered.push_last(g);
            any = true;
        }
        any
    }

    /// Takes what its sockets have for it, before it searches elsewhere: one that searches and finds this
    /// would wake another, for there may be more.
    fn pick_polled(&self, entered: &Entered<'_>) -> Option<GoroutineRef> {
        let (shared, processor) = (self.shared(), self.processor());
        let looks = shared.procs() > 1 && processor.driver.in_use();
        if looks && self.poll(entered, 0) { processor.pick_found() } else { None }
    }

    /// Takes work from another processor.
    #[doc(alias = "stealWork")]
    fn steal(&self, entered: &Entered<'_>) -> Option<GoroutineRef> {
        let (shared, processor) = (self.shared(), entered.processor());
        processor.patience.learn(processor, shared);
        // One that is not in use any more may have work, and a worker that can't give it away.
        if mutant!("steal-surplus": shared.processors().len() == 1 => shared.procs() == 1)
            || !self.start_searching()
        {
            return None;
        }
        if let Some((g, rest)) = shared.inject.take(shared.procs(), false) {
            processor.counters.shared_taken.add(1 + rest.len() as u64);
            while let Some(g) = rest.pop_front() {
                entered.push_last(g);
            }
            return Some(g);
        }
        if processor.patience.leaves_alone(processor, shared) {
            return None;
        }
        shared.steal(processor)
    }

    /// Takes a token for searching, unless enough others have one: few searchers find as much as
    /// many, and burn less. (Go: at most half of the busy processors.)
    fn start_searching(&self) -> bool {
        let shared = self.shared();
        let searching = &self.processor().searching;
        if !searching.get() {
            let busy = shared.procs().saturating_sub(shared.idle.len());
            if 2 * shared.searching.load(Ordering::Relaxed) as usize >= busy.max(1) {
                return false;
            }
            shared.searching.fetch_add(1, Ordering::SeqCst);
            searching.set(true);
        }
        true
    }

    /// Gives the token back. The last searcher that stops because it found work wakes another, for
    /// there may be more; one that stops to sleep looks again afterwards (step 3 of `sleep`).
    pub(crate) fn stop_searching(&self) {
        if self.processor().searching.replace(false)
            && self.shared().searching.fetch_sub(1, Ordering::SeqCst) == 1
        {
            mutant!("search-last": self.shared().wake_one() => ());
        }
    }
}
