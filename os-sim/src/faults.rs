//! Faults: what a system does rarely, and a program must stand.
#![forbid(unsafe_code)]

/// How often each fault comes: one in so many times, and never for 0. The times are in nanoseconds
/// of the virtual clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Faults {
    /// A sleep on a word ends at once, for no reason.
    pub spurious: u32,
    /// A thread whose sleep has ended, by a wake, a time or an event, goes on late.
    pub late: u32,
    /// How late at most.
    pub late_by: u64,
    /// A started thread begins late, by at most `late_by`.
    pub late_start: u32,
    /// No thread is to be had: a start is refused (`EAGAIN`).
    pub no_thread: u32,
    /// No memory is to be had: a reserve, commit or guard is refused (`ENOMEM`).
    pub no_memory: u32,
    /// The clock steps forward, at any switch point.
    pub clock_step: u32,
    /// By how much at most.
    pub clock_step_by: u64,
    /// A poll or a thread's sleep for a socket ends early, for no reason: at once, or some time
    /// within the next 100 microseconds.
    pub interrupt: u32,
    /// A receive or a send finds that the connection was reset (`ECONNRESET`).
    pub reset: u32,
    /// A receive or a send moves less than it could, but something.
    pub short: u32,
    /// Who asks for the number of processors finds another than before, at most [`Config::procs`].
    ///
    /// [`Config::procs`]: crate::Config::procs
    pub cpus: u32,
    /// Calls that are refused by their number, besides those that are by chance.
    pub refuse: Option<Refusal>,
}

/// What there may be too little of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scarce {
    /// Asked for by reserve, commit and guard; refused with `ENOMEM`.
    Memory,
    /// Asked for by start; refused with `EAGAIN`.
    Thread,
    /// Asked for by whatever opens a poller or a socket, accept and duplicate included; refused
    /// with `EMFILE`.
    Descriptor,
}

/// Some calls in a row that are refused: for a program that is run again and again, with the
/// refusal at another call each time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What they ask for. Only such calls are counted.
    pub of: Scarce,
    /// The first of them, from 0.
    pub first: u64,
    /// How many.
    pub count: u64,
}

impl Refusal {
    /// Whether the call of this number is refused.
    pub(crate) fn covers(self, of: Scarce, number: u64) -> bool {
        self.of == of && number >= self.first && number - self.first < self.count
    }
}

impl Faults {
    /// A system without faults. Not even sleeps end for no reason.
    pub const NONE: Faults = Faults {
        spurious: 0,
        late: 0,
        late_by: 200_000,
        late_start: 0,
        no_thread: 0,
        no_memory: 0,
        clock_step: 0,
        clock_step_by: 50_000_000,
        interrupt: 0,
        reset: 0,
        short: 0,
        cpus: 0,
        refuse: None,
    };

    /// Every fault that no program is told about: sleeps that end early or late, threads that start
    /// late, a clock that steps, sockets that move less than they could. Any program should stand
    /// it. Nothing is refused and no connection breaks.
    pub const SILENT: Faults = Faults {
        spurious: 20,
        late: 20,
        late_start: 4,
        clock_step: 2000,
        interrupt: 20,
        short: 4,
        ..Faults::NONE
    };
}

impl Default for Faults {
    /// No fault but one spurious wake-up in 50.
    fn default() -> Faults {
        Faults { spurious: 50, ..Faults::NONE }
    }
}
