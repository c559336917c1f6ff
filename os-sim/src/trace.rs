//! What happened in a check: a hash of all of it, and lines for people if they are asked for.
#![forbid(unsafe_code)]

/// Something that happened to a virtual thread. The number that goes with it, in brackets, is 0
/// where none is named. No address is ever among them.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Event {
    // Switch points: a thread is about to do this.
    Reserve,
    Commit,
    Guard,
    Discard,
    Release,
    Start,
    Join,
    Wait,
    Wake,
    Now,
    Advance,
    Fence,
    Point,
    Open,
    Close,
    Poll,
    Notify,
    Socket,
    Accept,
    Connect,
    Receive,
    Send,
    Add,
    Remove,
    // What came of it.
    /// It was given a random number (the number).
    Seeded,
    /// It was told whether another sleeps (the number of that thread).
    Asked,
    /// It exists (who started it).
    Started,
    /// It sleeps (the deadline).
    Sleeps,
    /// It was woken (who woke it).
    Woken,
    /// Its deadline has passed (the deadline).
    Late,
    /// Its sleep ended for no reason, or will (when: 0 is at once).
    Spurious,
    /// It could go on, and does not yet (when it does).
    Delayed,
    /// It was refused what it asked for.
    Refused,
    /// The clock stepped forward (by how much).
    Stepped,
    /// It waits for the end of another (whose).
    Joins,
    /// It waits at a poller (the deadline).
    Polls,
    /// A poller has shown it events (how many).
    Shown,
    /// It has sent or received bytes (how many).
    Moved,
    /// Something has come to a socket (which), whoever had the turn.
    Arrived,
    /// It ended.
    Ended,
    /// Nobody could run until now (the clock).
    Jump,
    /// It was told how many threads there are (the number).
    Counted,
    /// Processors, the number.
    Cpus,
}

/// The trace of one check.
#[derive(Debug)]
pub(crate) struct Trace {
    pub(crate) hash: u64,
    /// Whether lines are kept.
    verbose: bool,
    pub(crate) lines: Vec<String>,
}

/// When something happened.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    /// Switch points so far.
    pub(crate) step: u64,
    /// The clock, in nanoseconds.
    pub(crate) clock: u64,
}

impl Trace {
    pub(crate) fn new(verbose: bool) -> Trace {
        Trace { hash: 0xcbf2_9ce4_8422_2325, verbose, lines: Vec::new() }
    }

    pub(crate) fn record(&mut self, at: Moment, thread: usize, event: Event, number: u64) {
        for word in [at.step, at.clock, thread as u64, event as u64, number] {
            // FNV-1a by words instead of bytes, folded so that high bits reach the low ones.
            self.hash = (self.hash ^ word).wrapping_mul(0x0000_0100_0000_01b3);
            self.hash ^= self.hash >> 32;
        }
        if self.verbose {
            let Moment { step, clock } = at;
            self.lines.push(format!("{step} {clock}ns thread {thread}: {event:?} {number}"));
        }
    }

    /// Keeps text that a thread wrote to the error stream. It is not hashed: it may name addresses.
    pub(crate) fn text(&mut self, thread: usize, text: &str) {
        if self.verbose {
            self.lines.extend(text.lines().map(|line| format!("thread {thread} wrote: {line}")));
        }
    }
}
