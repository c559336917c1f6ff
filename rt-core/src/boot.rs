//! The stages of a start, by Go's names, and when each was passed.
//!
//! A program that the kernel starts without libc passes all of them. One that libc starts skips
//! those that libc has passed for it, and says so. Stages are recorded as they come, which is Go's
//! order but for one thing: a goroutine is made by a worker, so `mstart` comes before `newproc`.

pub mod tls;

use core::fmt;

use crate::fatal::report;
use crate::lock::Protected;
use crate::{arch, os};

/// A stage of a start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The kernel's first instruction.
    Rt0,
    /// Arguments and bounds of the first stack, and what the processor is.
    Rt0Go,
    /// A host that owns the thread's storage has its say.
    HostHook,
    /// The first thread gets its storage, and a number stored through it is found in memory.
    SetTls,
    /// The first thread's stack is `g0`.
    Bind,
    /// The processor has what compiled code takes for granted.
    Check,
    /// Arguments, environment and auxiliary vector are kept.
    Args,
    /// The number of processors.
    OsInit,
    /// The runtime: stacks, workers, processors.
    SchedInit,
    /// The first thread becomes a worker.
    MStart,
    /// The goroutine of `main` is made.
    NewProc,
    /// The worker looks for work.
    Schedule,
    /// It goes on with the goroutine.
    Gogo,
    /// `main` is called.
    Main,
    /// `main` has returned.
    Exit,
}

/// The number of stages.
pub const STAGES: usize = Stage::Exit as usize + 1;

impl Stage {
    /// Go's name.
    pub fn name(self) -> &'static str {
        match self {
            Stage::Rt0 => "rt0",
            Stage::Rt0Go => "rt0_go",
            Stage::HostHook => "host hook",
            Stage::SetTls => "settls",
            Stage::Bind => "bind g0, m0",
            Stage::Check => "check",
            Stage::Args => "args",
            Stage::OsInit => "osinit",
            Stage::SchedInit => "schedinit",
            Stage::MStart => "mstart",
            Stage::NewProc => "newproc",
            Stage::Schedule => "schedule",
            Stage::Gogo => "gogo",
            Stage::Main => "main",
            Stage::Exit => "exit",
        }
    }
}

/// A stage that was passed.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// Which.
    pub stage: Stage,
    /// Whether there was nothing to do.
    pub skipped: bool,
    /// What was done, or why nothing.
    pub why: &'static str,
    /// The processor's time stamp.
    pub ticks: u64,
}

/// The stages that a start has passed, with the time of each.
#[derive(Debug)]
pub struct Boot {
    steps: Protected<Steps>,
}

/// The steps of a [`Boot`], in order.
#[derive(Clone, Copy, Debug)]
pub struct Steps {
    all: [Option<Step>; STAGES],
}

impl Steps {
    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Step> {
        self.all.iter().flatten()
    }
}

impl Default for Boot {
    fn default() -> Boot {
        Boot::new()
    }
}

impl Boot {
    /// None yet.
    pub fn new() -> Boot {
        Boot { steps: Protected::ordinary(Steps { all: [None; STAGES] }) }
    }

    /// A stage was passed at this moment. Callable before the thread has storage.
    pub fn done(&self, stage: Stage, why: &'static str) {
        self.note(Step { stage, skipped: false, why, ticks: arch::ticks() });
    }

    /// A stage had nothing to do.
    pub fn skipped(&self, stage: Stage, why: &'static str) {
        self.note(Step { stage, skipped: true, why, ticks: arch::ticks() });
    }

    fn note(&self, step: Step) {
        // Outside: there may be no thread-local storage yet that says whether this is inside.
        let mut steps = self.steps.lock_outside();
        // Each stage comes once, so there is room.
        if let Some(room) = steps.all.iter_mut().find(|step| step.is_none()) {
            *room = Some(step);
        }
    }

    /// What was passed so far.
    pub fn steps(&self) -> Steps {
        *self.steps.lock_outside()
    }

    /// Writes a line for each stage from `first` on to the error stream: its name, done or skipped,
    /// nanoseconds since the start, and why. Takes a fraction of a millisecond, to learn how fast time
    /// stamps go.
    pub fn report(&self, first: Stage) {
        let steps = self.steps();
        let rate = Rate::measure();
        let start = steps.iter().next().map_or(0, |step| step.ticks);
        for step in steps.iter().skip_while(|step| step.stage != first) {
            let nanos = rate.nanos(step.ticks.wrapping_sub(start));
            report(format_args!("boot: {}", Line { step, nanos }));
        }
    }
}

/// One line of a report.
struct Line<'a> {
    step: &'a Step,
    nanos: u64,
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Step { stage, skipped, why, .. } = self.step;
        let outcome = if *skipped { "skipped" } else { "done" };
        write!(f, "{:<11} {outcome:<7} {:>9} ns  {why}", stage.name(), self.nanos)
    }
}

/// How many nanoseconds some ticks are.
struct Rate {
    nanos: u64,
    ticks: u64,
}

impl Rate {
    /// Looks at both clocks twice, a fifth of a millisecond apart.
    fn measure() -> Rate {
        /// Long enough that reading the clocks counts for less than a thousandth.
        const SPAN: u64 = 200_000;
        let (first_nanos, first_ticks) = (os::now(), arch::ticks());
        loop {
            let (nanos, ticks) = (os::now(), arch::ticks());
            if nanos >= first_nanos.saturating_add(SPAN) {
                let ticks = ticks.wrapping_sub(first_ticks).max(1);
                return Rate { nanos: nanos - first_nanos, ticks };
            }
            arch::pause();
        }
    }

    fn nanos(&self, ticks: u64) -> u64 {
        // A start of more than some hours is told as one of some hours.
        ticks.saturating_mul(self.nanos) / self.ticks
    }
}
