//! The loop of a check: whose turn it is, and what is done with calls.
//!
//! A turn lasts from one call to the next, so a thread's code between two calls is one step to the
//! others. That is why operations that others can see (a wake, a notify, a start) are two calls: a
//! point before it, and the operation, after which the seed decides again.

use core::ptr;
use core::sync::atomic::{AtomicU32, Ordering};

use rt_core::{Os, OsResult, inspect};

use crate::chance::Chance;
use crate::check::Config;
use crate::errno::{NO_DESCRIPTOR, NO_MEMORY, NO_THREAD};
use crate::faults::Scarce;
use crate::gate::{Call, Gate, Installed, Reply, Start};
use crate::order::Order;
use crate::poll::Polls;
use crate::sockets::Sockets;
use crate::stack::{PROGRAM_BYTES, Stack, THREAD_BYTES};
use crate::threads::{State, Threads};
use crate::trace::{Event, Moment, Trace};
use crate::watchdog::Watched;

/// Why a check failed.
pub(crate) type Failure = String;

/// So many turns of everybody are more than it takes to wake a worker.
const PATIENCE: u64 = 250;

/// A running check, as its loop sees it.
pub(crate) struct Run<'a> {
    pub(crate) gate: &'a Gate,
    pub(crate) config: &'a Config,
    pub(crate) chance: Chance,
    pub(crate) order: Order,
    pub(crate) threads: Threads,
    pub(crate) polls: Polls,
    pub(crate) sockets: Sockets,
    pub(crate) trace: Trace,
    /// Switch points so far.
    pub(crate) steps: u64,
    /// Since a processor idles: those that could run, and the turns that each had had by then.
    idles: Option<Vec<(usize, u64)>>,
    watched: Option<Watched>,
    /// The processors that the program may use at this moment.
    cpus: u64,
    /// Whose turn it was last.
    pub(crate) last: usize,
    /// How many calls there were for each kind of [`Scarce`], and how many of all were refused.
    asked: [u64; 3],
    pub(crate) refusals: u64,
    /// What was written to the error stream.
    pub(crate) errors: String,
    new_stack: fn(usize) -> OsResult<Stack>,
    /// Virtual threads can run only while the gate is installed.
    _installed: Installed<'a>,
}

impl<'a> Run<'a> {
    /// A check whose stacks come from `H`. The gate gets installed, and is from here on.
    pub(crate) fn new<H: Os>(gate: &'a Gate, config: &'a Config) -> Run<'a> {
        let mut chance = Chance::new(config.seed);
        Run {
            gate,
            config,
            order: Order::new(config.strategy, &mut chance),
            chance,
            threads: Threads::default(),
            polls: Polls::default(),
            sockets: Sockets::new(config.socket_buffer),
            trace: Trace::new(config.trace),
            steps: 0,
            idles: None,
            cpus: gate.procs as u64,
            watched: Watched::new(config.seed, config.patience),
            last: 0,
            asked: [0; 3],
            refusals: 0,
            errors: String::new(),
            new_stack: Stack::take::<H>,
            _installed: gate.install(),
        }
    }

    /// Runs the program, and then whatever threads it left, until all have ended.
    pub(crate) fn all(&mut self, program: Start) -> Result<(), Failure> {
        let stack = (self.new_stack)(PROGRAM_BYTES)
            .map_err(|error| format!("the host has no stack for the program: {error:?}"))?;
        self.last = self.threads.add(stack, program);
        while let Some(next) = self.choose()? {
            self.last = next;
            if let Some(watched) = &self.watched {
                watched.beat(self.steps, next);
            }
            let began = self.gate.clock.get();
            // SAFETY: `_installed` keeps this check's gate installed, and it is not `Send`, so this
            // is the real thread that installed it. `threads` is this run's own.
            let call = unsafe { self.threads.run(self.gate, next) };
            self.steps += 1;
            self.tick(began, &call);
            self.take_text();
            self.act(next, call)?;
            self.look_for_idlers()?;
            if self.steps >= self.config.step_limit {
                let list = self.list();
                return Err(format!("no progress: {} switch points and no end{list}", self.steps));
            }
        }
        Ok(())
    }

    /// The thread whose turn it is, or none when all have ended.
    fn choose(&mut self) -> Result<Option<usize>, Failure> {
        let able = |&(_, state): &(usize, State)| state == State::Ready;
        loop {
            self.turn_back();
            self.deliver();
            self.ready_late();
            self.turn_back();
            let count = self.threads.live().filter(able).count();
            if count == 0 {
                if self.threads.live().next().is_none() {
                    return Ok(None);
                }
                self.inspect()?;
                if !self.jump() {
                    return Err(self.stuck());
                }
                continue;
            }
            let able = self.threads.live().filter(able).map(|(number, _)| number);
            let chance = &mut self.chance;
            return Ok(self.order.choose(chance, self.steps, self.last, count, able));
        }
    }

    /// Nobody can run, ever.
    fn stuck(&self) -> Failure {
        let list = self.list();
        if self.threads.state(0) == State::Ended {
            format!("left behind: the program returned, but these threads never ended{list}")
        } else {
            format!("deadlock: nobody can run and nobody has a deadline{list}")
        }
    }

    /// Who waits for what: threads, and the goroutines of the runtimes that they work for.
    fn list(&self) -> String {
        if !self.config.inspect {
            return self.threads.list();
        }
        // SAFETY: they are the words of this check's threads, of which none runs now. A runtime's
        // other threads have ended. Nobody but the core sets words, or `inspect` would be false.
        let goroutines =
            unsafe { inspect::goroutines(self.threads.words(), self.gate.clock.get()) };
        self.threads.list() + &inspect::list(&goroutines)
    }

    /// Looks whether runtimes are as they must be, when every thread sleeps with nothing in its
    /// hands. Its word still is what it sleeps on, and nothing that somebody else holds for a moment;
    /// otherwise it has things to do when it wakes.
    fn inspect(&self) -> Result<(), Failure> {
        let sleeps = |(_, state): (usize, State)| match state {
            State::Asleep { word, expected, .. } => {
                let word = ptr::with_exposed_provenance::<AtomicU32>(word);
                // SAFETY: the thread lent it for as long as it sleeps.
                let unchanged = unsafe { &*word }.load(Ordering::Relaxed) == expected;
                unchanged && !inspect::naps(expected)
            }
            State::Delayed(_) => false,
            _ => true,
        };
        if !self.config.inspect || !self.threads.live().all(sleeps) {
            return Ok(());
        }
        // SAFETY: as in `list`.
        unsafe { inspect::check(self.threads.words()) }
            .map_err(|wrong| format!("{wrong}{}", self.list()))
    }

    /// Fails when a processor has idled past the core's rule for waking: when everybody who could do
    /// something about it has had many turns since.
    fn look_for_idlers(&mut self) -> Result<(), Failure> {
        // SAFETY: as in `list`.
        if !self.config.inspect || !unsafe { inspect::idles(self.threads.word(self.last)) } {
            self.idles = None;
            return Ok(());
        }
        let since = self.idles.get_or_insert_default();
        // Who was asleep at first may be the one who is about to do something.
        for (number, turns) in self.threads.turns() {
            if since.iter().all(|&(other, _)| other != number) {
                since.push((number, turns));
            }
        }
        let many = |&(number, turns): &(usize, u64)| {
            let now = self.threads.turns().find(|&(other, _)| other == number);
            now.is_some_and(|(_, now)| now >= turns + PATIENCE)
        };
        // All may sleep for a moment: who naps for a lock that is free by now.
        let somebody = !since.is_empty();
        if somebody && self.steps.is_multiple_of(PATIENCE) && since.iter().all(many) {
            let list = self.list();
            return Err(format!("a worker sleeps on while goroutines are queued for it{list}"));
        }
        Ok(())
    }

    /// Does what a thread asked for.
    fn act(&mut self, caller: usize, call: Call) -> Result<(), Failure> {
        match call {
            Call::Point(event) => self.note(caller, event, 0),
            Call::Memory(event) => {
                self.note(caller, event, 0);
                self.refuse(caller, Scarce::Memory);
            }
            Call::Seed => {
                let seed = self.chance.number();
                self.note(caller, Event::Seeded, seed);
                self.threads.answer(caller, Ok(Reply::Number(seed)));
            }
            Call::Cpus => {
                let cpus = self.cpus();
                self.note(caller, Event::Cpus, cpus);
                self.threads.answer(caller, Ok(Reply::Number(cpus)));
            }
            Call::Name => self.threads.answer(caller, Ok(Reply::Number(caller as u64))),
            Call::IsBlocked(thread) => {
                let blocked = self.threads.is_blocked(thread);
                self.note(caller, Event::Asked, thread as u64);
                self.threads.answer(caller, Ok(Reply::Number(u64::from(blocked))));
            }
            Call::Count => {
                let threads = self.threads.live().count() as u64;
                self.note(caller, Event::Counted, threads);
                self.threads.answer(caller, Ok(Reply::Number(threads)));
            }
            Call::Start(start) => self.start(caller, start),
            Call::Join(of) => self.join(caller, of)?,
            Call::Sleep { word, expected, until } => {
                self.sleep(caller, State::Asleep { word, expected, until }, until);
            }
            Call::Wake { word, n } => self.wake(caller, word, n),
            Call::Open => self.open(caller),
            Call::Close(poll) => self.close(caller, poll)?,
            Call::Poll { poll, until } => self.poll(caller, poll, until)?,
            Call::Show { poll, room } => self.show(caller, poll, room)?,
            Call::OpenSocket { is_v6 } => self.open_socket(caller, is_v6),
            Call::Pair => self.pair(caller),
            Call::Socket { handle, ask } => self.socket(caller, handle, ask)?,
            Call::Notify(poll) => self.notify(caller, poll)?,
            Call::End => {
                self.note(caller, Event::Ended, 0);
                for other in self.threads.end(caller) {
                    self.ready(other);
                }
            }
            Call::Panic(message) => return Err(format!("the program panicked: {message}")),
            Call::Abort => {
                return Err(format!("thread {caller} aborted: {}", self.errors.trim_end()));
            }
            Call::Exit(status) => {
                let errors = self.errors.trim_end();
                return Err(format!("thread {caller} exited with status {status}: {errors}"));
            }
        }
        Ok(())
    }

    /// How many processors the program may use: by chance another number than before.
    fn cpus(&mut self) -> u64 {
        if self.chance.one_in(self.config.faults.cpus) {
            self.cpus = 1 + self.chance.below(self.gate.procs as u64);
        }
        self.cpus
    }

    fn start(&mut self, caller: usize, start: Start) {
        if self.refuse(caller, Scarce::Thread) {
            return;
        }
        let started = (self.new_stack)(THREAD_BYTES).map(|stack| self.threads.add(stack, start));
        if let Ok(number) = started {
            self.note(number, Event::Started, caller as u64);
            self.put_behind(number);
            self.delay(number, self.config.faults.late_start);
        }
        self.threads.answer(caller, started.map(|number| Reply::Number(number as u64)));
    }

    /// Lets the caller's call fail, one in so many times, or because of its number.
    pub(crate) fn refuse(&mut self, caller: usize, of: Scarce) -> bool {
        let faults = &self.config.faults;
        let (rate, error) = match of {
            Scarce::Memory => (faults.no_memory, NO_MEMORY),
            Scarce::Thread => (faults.no_thread, NO_THREAD),
            Scarce::Descriptor => (0, NO_DESCRIPTOR),
        };
        let asked = &mut self.asked[of as usize];
        let due = faults.refuse.is_some_and(|refusal| refusal.covers(of, *asked));
        *asked += 1;
        let refused = due || self.chance.one_in(rate);
        if refused {
            self.refusals += 1;
            self.note(caller, Event::Refused, 0);
            self.threads.answer(caller, Err(error));
        }
        refused
    }

    fn join(&mut self, caller: usize, of: usize) -> Result<(), Failure> {
        if !self.threads.claim(of) {
            return Err(format!("thread {caller} joins thread {of}, which is not to be joined"));
        }
        if self.threads.state(of) != State::Ended {
            self.note(caller, Event::Joins, of as u64);
            self.threads.sleep(caller, State::Joining(of));
        }
        Ok(())
    }

    /// Records an event.
    pub(crate) fn note(&mut self, thread: usize, event: Event, number: u64) {
        let at = Moment { step: self.steps, clock: self.gate.clock.get() };
        self.trace.record(at, thread, event, number);
    }

    fn take_text(&mut self) {
        if let Some(text) = self.gate.take_text() {
            self.trace.text(self.last, &text);
            self.errors += &text;
        }
    }
}
