//! The table of virtual threads.

use core::mem;
use core::ptr;

use rt_core::{Context, Direction, FOREVER};

use crate::gate::{Answer, Call, Gate, Reply, Start, fresh};
use crate::stack::Stack;

/// What a virtual thread is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// It can run.
    Ready,
    /// It sleeps on the word at this address, which was this.
    Asleep { word: usize, expected: u32, until: u64 },
    /// It sleeps until the thread of this number has ended.
    Joining(usize),
    /// It sleeps on the poller of this number.
    Polling { poll: usize, until: u64 },
    /// It sleeps until the socket at this place may be ready.
    ForSocket { at: usize, direction: Direction, until: u64 },
    /// It could go on, and does not before this time.
    Delayed(u64),
    /// It has ended.
    Ended,
}

impl State {
    /// When it is ready without anybody's help, or [`FOREVER`].
    pub(crate) fn deadline(self) -> u64 {
        match self {
            State::Asleep { until, .. }
            | State::Polling { until, .. }
            | State::ForSocket { until, .. } => until,
            State::Delayed(until) => until,
            State::Ready | State::Joining(_) | State::Ended => FOREVER,
        }
    }
}

/// One virtual thread.
#[derive(Debug)]
struct Thread {
    state: State,
    /// Where it goes on, when it is not running.
    context: Context,
    /// None: it has run before.
    start: Option<Start>,
    /// None: it has ended.
    stack: Option<Stack>,
    /// What its call is answered with when its turn comes.
    answer: Answer,
    /// Its word, when it is not running.
    local: *mut (),
    /// Whether somebody has joined it, or nobody may.
    joined: bool,
    /// How many turns it has had.
    turns: u64,
}

/// All virtual threads of a check, by number: in the order of their start, the program is 0.
#[derive(Debug, Default)]
pub(crate) struct Threads {
    all: Vec<Thread>,
    /// The numbers of those that have not ended, in order.
    live: Vec<usize>,
}

impl Threads {
    /// Adds a thread that has not run, and returns its number.
    pub(crate) fn add(&mut self, stack: Stack, start: Start) -> usize {
        let number = self.all.len();
        self.all.push(Thread {
            state: State::Ready,
            // SAFETY: a stack of the pool is far larger than 256 bytes and nothing on it is alive.
            context: unsafe { fresh(stack.top()) },
            start: Some(start),
            stack: Some(stack),
            answer: Ok(Reply::Nothing),
            local: ptr::null_mut(),
            // Nobody has the program's handle.
            joined: number == 0,
            turns: 0,
        });
        self.live.push(number);
        number
    }

    /// Lets a thread run until its next call.
    ///
    /// # Safety
    /// - The gate is installed on this real thread, and the only one that these threads run with.
    pub(crate) unsafe fn run(&mut self, gate: &Gate, number: usize) -> Call {
        let thread = &mut self.all[number];
        assert_eq!(thread.state, State::Ready, "thread {number} is not to run");
        let to = mem::replace(&mut thread.context, Context::NONE);
        gate.local.set(thread.local);
        let answer = mem::replace(&mut thread.answer, Ok(Reply::Nothing));
        // SAFETY: the context comes from `add`, with its start, or from the last `enter`; it was
        // taken out of the table just above, so that nobody else goes on with it. The rest is the
        // caller's duty.
        let (call, context) = unsafe { gate.enter(to, thread.start.take(), answer) };
        thread.context = context;
        thread.local = gate.local.get();
        thread.turns += 1;
        let Some(call) = call else { unreachable!("thread {number} left without a call") };
        call
    }

    /// Makes a thread's call end with this answer when its turn comes.
    pub(crate) fn answer(&mut self, number: usize, answer: Answer) {
        self.all[number].answer = answer;
    }

    pub(crate) fn state(&self, number: usize) -> State {
        self.all[number].state
    }

    /// Whether there is such a thread, and it sleeps until something happens.
    pub(crate) fn is_blocked(&self, number: usize) -> bool {
        let runs = |state| matches!(state, State::Ready | State::Delayed(_) | State::Ended);
        self.all.get(number).is_some_and(|thread| !runs(thread.state))
    }

    /// Puts a thread that can run to sleep, in this state.
    pub(crate) fn sleep(&mut self, number: usize, state: State) {
        debug_assert_eq!(self.all[number].state, State::Ready);
        debug_assert!(!matches!(state, State::Ready | State::Ended));
        self.all[number].state = state;
    }

    /// Makes a thread that sleeps ready.
    pub(crate) fn ready(&mut self, number: usize) {
        debug_assert!(!matches!(self.all[number].state, State::Ready | State::Ended));
        self.all[number].state = State::Ready;
    }

    /// The threads that have not ended, with what they do, in order.
    pub(crate) fn live(&self) -> impl Iterator<Item = (usize, State)> + Clone {
        self.live.iter().map(|&number| (number, self.all[number].state))
    }

    /// How many turns each has had that can run, by number.
    pub(crate) fn turns(&self) -> impl Iterator<Item = (usize, u64)> {
        let able = self.live.iter().filter(|&&number| self.all[number].state == State::Ready);
        able.map(|&number| (number, self.all[number].turns))
    }

    /// The word of this one.
    pub(crate) fn word(&self, number: usize) -> *mut () {
        self.all[number].local
    }

    /// The words of those that have not ended.
    pub(crate) fn words(&self) -> impl Iterator<Item = *mut ()> {
        self.live.iter().map(|&number| self.all[number].local)
    }

    /// Takes note that a thread has left its stack for good, and returns who joins it.
    pub(crate) fn end(&mut self, number: usize) -> Vec<usize> {
        let thread = &mut self.all[number];
        debug_assert_eq!(thread.state, State::Ready);
        thread.state = State::Ended;
        if let Some(stack) = thread.stack.take() {
            stack.put();
        }
        self.live.retain(|&live| live != number);
        let joins = |&other: &usize| self.all[other].state == State::Joining(number);
        self.live.iter().copied().filter(joins).collect()
    }

    /// Takes the right to join the thread `of`. False: there is no such thread, or somebody has.
    pub(crate) fn claim(&mut self, of: usize) -> bool {
        match self.all.get_mut(of) {
            Some(thread) => !mem::replace(&mut thread.joined, true),
            None => false,
        }
    }

    /// One line for each thread that has not ended. Words are numbered by who is first in the list.
    pub(crate) fn list(&self) -> String {
        let mut words = Vec::new();
        let mut list = String::new();
        for (number, state) in self.live() {
            let doing = match state {
                State::Ready => "can run".to_owned(),
                State::Asleep { word, until, .. } => {
                    let known = words.iter().position(|&known| known == word);
                    let name = known.unwrap_or_else(|| {
                        words.push(word);
                        words.len() - 1
                    });
                    format!("waits on word {name}{}", time(until))
                }
                State::Joining(of) => format!("waits for the end of thread {of}"),
                State::Polling { poll, until } => format!("polls poller {poll}{}", time(until)),
                State::ForSocket { at, direction: Direction::Read, until } => {
                    format!("waits to read from socket {at}{}", time(until))
                }
                State::ForSocket { at, direction: Direction::Write, until } => {
                    format!("waits to write to socket {at}{}", time(until))
                }
                State::Delayed(until) => format!("is late{}", time(until)),
                State::Ended => "has ended".to_owned(),
            };
            list += &format!("\n  thread {number} {doing}");
        }
        list
    }
}

/// A deadline, for people.
fn time(until: u64) -> String {
    if until == FOREVER { String::new() } else { format!(" until {until}ns") }
}
