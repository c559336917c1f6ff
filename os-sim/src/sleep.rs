//! The virtual clock, and those who sleep until a wake or a time.
#![forbid(unsafe_code)]

use rt_core::FOREVER;

use crate::gate::Call;
use crate::order::Order;
use crate::parallel::takes;
use crate::run::Run;
use crate::threads::State;
use crate::trace::Event;

/// What the clock shows when a check starts: not 0, which some calls give a meaning of its own.
pub(crate) const BEGINNING: u64 = 1_000_000;

/// The least that a step takes, in nanoseconds: about a system call that does nothing.
const STEP_LEAST: u64 = 20;

/// One more than the most that a step takes, in nanoseconds.
const STEP_END: u64 = 2000;

/// A sleep that will be interrupted is within so many nanoseconds.
const INTERRUPT_WITHIN: u64 = 100_000;

impl Run<'_> {
    /// A step that began at this time, and ended in this call, takes time.
    pub(crate) fn tick(&mut self, began: u64, call: &Call) {
        if let Order::Parallel(parallel) = &mut self.order {
            self.gate.pass(takes(call));
            return parallel.ran(self.last, began, self.gate.clock.get());
        }
        let took = STEP_LEAST + self.chance.below(STEP_END - STEP_LEAST);
        self.gate.pass(took);
        let faults = self.config.faults;
        if self.chance.one_in(faults.clock_step) {
            let step = self.chance.below(faults.clock_step_by.max(1));
            self.gate.pass(step);
            self.note(self.last, Event::Stepped, step);
        }
    }

    /// Where threads have clocks of their own: it is the time of the next one that can run.
    pub(crate) fn turn_back(&mut self) {
        let able = self.threads.live().filter(|&(_, state)| state == State::Ready);
        if let Order::Parallel(parallel) = &self.order
            && let Some((time, _)) = parallel.first(able.map(|(number, _)| number))
        {
            self.gate.clock.set(time);
        }
    }

    /// Where threads have clocks of their own: this one can't go on before now.
    pub(crate) fn put_behind(&mut self, number: usize) {
        if let Order::Parallel(parallel) = &mut self.order {
            parallel.woken(number, self.gate.clock.get());
        }
    }

    /// Ends a thread's sleep: it can go on, or will soon.
    pub(crate) fn ready(&mut self, number: usize) {
        self.threads.ready(number);
        self.put_behind(number);
        self.delay(number, self.config.faults.late);
    }

    /// Holds up a thread that can run, one in so many times.
    pub(crate) fn delay(&mut self, number: usize, rate: u32) {
        if self.chance.one_in(rate) {
            let late = 1 + self.chance.below(self.config.faults.late_by.max(1));
            let until = self.gate.clock.get().saturating_add(late).min(FOREVER - 1);
            self.note(number, Event::Delayed, until);
            self.threads.sleep(number, State::Delayed(until));
        }
    }

    /// Readies everybody whose deadline has passed.
    pub(crate) fn ready_late(&mut self) {
        let clock = self.gate.clock.get();
        // One search for each, because readying changes what is searched. Mostly there is none.
        loop {
            let late = self.threads.live().find(|(_, state)| state.deadline() <= clock);
            let Some((number, state)) = late else { return };
            self.note(number, Event::Late, state.deadline());
            match state {
                // Being late once is enough.
                State::Delayed(_) => self.threads.ready(number),
                _ => self.ready(number),
            }
        }
    }

    /// Nobody can run: lets the time pass until somebody can. False: that is never.
    pub(crate) fn jump(&mut self) -> bool {
        let deadlines = self.threads.live().map(|(_, state)| state.deadline());
        let earliest = deadlines.chain(self.next_arrival()).min();
        match earliest {
            None | Some(FOREVER) => false,
            Some(deadline) => {
                self.gate.clock.set(deadline);
                self.note(self.last, Event::Jump, deadline);
                true
            }
        }
    }

    /// Whether a sleep with this deadline ends before it began: too late, or for no reason.
    pub(crate) fn is_over(&mut self, caller: usize, until: u64) -> bool {
        if until <= self.gate.clock.get() {
            self.note(caller, Event::Late, until);
            return true;
        }
        let spurious = self.chance.one_in(self.config.faults.spurious);
        if spurious {
            self.note(caller, Event::Spurious, 0);
        }
        spurious
    }

    /// When a sleep in the poller or for a socket that should last to `until` ends. `None`: at once.
    pub(crate) fn interrupted(&mut self, caller: usize, until: u64) -> Option<u64> {
        if self.is_over(caller, until) {
            return None;
        }
        if !self.chance.one_in(self.config.faults.interrupt) {
            return Some(until);
        }
        let within = self.chance.below(INTERRUPT_WITHIN);
        // As likely at once as later.
        let within = within.saturating_sub(INTERRUPT_WITHIN / 2) * 2;
        if within == 0 {
            self.note(caller, Event::Spurious, 0);
            return None;
        }
        let until = until.min(self.gate.clock.get() + within);
        self.note(caller, Event::Spurious, until);
        Some(until)
    }

    pub(crate) fn sleep(&mut self, caller: usize, state: State, until: u64) {
        if !self.is_over(caller, until) {
            self.note(caller, Event::Sleeps, until);
            self.threads.sleep(caller, state);
        }
    }

    /// Wakes up to `n`. Whom of those that sleep there is the seed's choice: no kernel promises an
    /// order. Addresses are only compared, so a choice never depends on one.
    pub(crate) fn wake(&mut self, caller: usize, word: usize, n: u32) {
        let sleeps_there = |&(_, state): &(usize, State)| match state {
            State::Asleep { word: there, .. } => there == word,
            _ => false,
        };
        let live = self.threads.live();
        let mut asleep: Vec<usize> = live.filter(sleeps_there).map(|(number, _)| number).collect();
        for _ in 0..n {
            if asleep.is_empty() {
                return;
            }
            let woken = asleep.remove(self.chance.index(asleep.len()));
            self.note(woken, Event::Woken, caller as u64);
            self.ready(woken);
        }
    }
}
