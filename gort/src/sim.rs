//! Simulation: a program under every schedule that a seed can choose, to be run again by its seed.
//!
//! [`check`] runs a program many times, each time under another seed, which decides all that a
//! machine would decide by chance: which goroutine goes on, who is woken first and how late, how
//! long a packet takes. Time is virtual: a sleep of an hour takes none. When the program fails, the
//! panic names the seed, and that seed shows the same failure each time, on every machine.
//!
//! Take `gort` with its feature `sim` in your `dev-dependencies`. Outside of a check everything
//! runs as ever, so native and simulated tests share a binary.
//!
//! ```
//! use gort::sim;
//!
//! sim::check(&sim::Config { seeds: 100, ..sim::Config::default() }, || {
//!     let (tx, rx) = gort::chan::bounded(0);
//!     gort::go(move || {
//!         gort::sleep(std::time::Duration::from_secs(3600));
//!         tx.send(7).unwrap();
//!     });
//!     assert_eq!(rx.recv(), Ok(7));
//!     assert!(sim::now().as_secs() >= 3600);
//! });
//! ```
//!
//! # What fails
//!
//! A panic of the program; a deadlock; goroutines that are left behind when the program has
//! returned, even though they were given a second; a program that makes no progress. A panic of
//! another goroutine is no failure: whoever joins it learns of it.
//!
//! # What a program must keep to
//!
//! - It starts goroutines and not `std` threads, and waits by `gort`'s means: a `std` lock that is
//!   held over a wait stops everything.
//! - It starts from the same state each time: what it keeps in statics outlives a run. When a
//!   failing seed does not do the same again, the check says `not deterministic`.
//! - Its goroutines fit on their stacks: in a simulation there are no guards below them.
//!
//! `std`'s clocks and the order of its hash maps follow the seed with the feature `sim`; with
//! `os-sim` alone they are the machine's.

use std::fmt::Write as _;
use std::panic::resume_unwind;
use std::time::Duration;

use os_linux::Linux;
use os_sim::Outcome;
pub use os_sim::{Faults, Refusal, Scarce, Strategy, active};
use rt_core::inspect::{self, Seen};
use rt_core::{Deadlock, os};

use crate::Builder;

/// The environment variable with the one seed to run.
const SEED: &str = "GORT_SIM_SEED";

/// How long, by the virtual clock, others are given when the program has returned.
const GRACE: Duration = Duration::from_secs(1);

/// What begins the list of those that have not ended.
const LEFT: &str =
    "left behind: the program returned, but a second later these goroutines had not ended:";

/// How many of the last events a failure shows.
const EVENTS_SHOWN: usize = 40;

/// What to simulate.
///
/// ```
/// let config = gort::sim::Config { seeds: 10_000, procs: Some(2), ..Default::default() };
/// ```
#[derive(Clone, Debug)]
pub struct Config {
    /// How many seeds to run.
    pub seeds: u64,
    /// The first seed; the others are the ones that follow it.
    pub first: u64,
    /// The number of processors, 1 to 256. `None`: 1 to 8, by the seed.
    pub procs: Option<usize>,
    /// How a seed chooses who goes on.
    pub strategy: Strategy,
    /// What goes wrong, and how often.
    pub faults: Faults,
    /// The receive buffer of each socket, in bytes.
    pub socket_buffer: usize,
    /// After so many switch points a run fails for want of progress.
    pub step_limit: u64,
}

impl Default for Config {
    /// A thousand seeds from 0; by the seed, 1 to 8 processors and either strategy; the faults that
    /// any program should stand without being told, but a clock that steps.
    fn default() -> Config {
        let one = os_sim::Config::default();
        Config {
            seeds: 1000,
            first: 0,
            procs: None,
            strategy: Strategy::Mixed,
            faults: Faults { clock_step: 0, ..Faults::SILENT },
            socket_buffer: one.socket_buffer,
            step_limit: one.step_limit,
        }
    }
}

/// Runs `program` as the first goroutine of a runtime, once for each seed, on a thread of its own.
///
/// With `GORT_SIM_SEED=n` in the environment it runs seed `n` alone and prints its trace to the
/// error stream.
///
/// # Panics
/// When the program fails: the message has the seed, what failed, and the last events. Also when
/// `GORT_SIM_SEED` is no number, and when called inside of a check.
#[track_caller]
pub fn check(config: &Config, program: impl Fn() + Sync) {
    let replayed = std::env::var_os(SEED).map(|text| {
        let seed = text.to_str().and_then(|text| text.trim().parse::<u64>().ok());
        seed.unwrap_or_else(|| panic!("{SEED} is {text:?}: give the number of a seed"))
    });
    if let Some(seed) = replayed {
        let outcome = run(config, seed, true, &program);
        outcome.trace.iter().for_each(|event| eprintln!("{event}"));
        eprintln!("seed {seed}: {} steps, trace {:016x}", outcome.steps, outcome.hash);
        if let Some(failure) = failure(&outcome) {
            panic!("the simulation fails under seed {seed}: {failure}");
        }
        return;
    }
    for seed in config.first..config.first.saturating_add(config.seeds) {
        let outcome = run(config, seed, false, &program);
        if let Some(failure) = failure(&outcome) {
            let again = run(config, seed, true, &program);
            panic!("{}", report(&failure, &outcome, &again));
        }
    }
}

/// One seed, on a real thread of its own: what `std` keeps for each thread is as at the start.
fn run(config: &Config, seed: u64, trace: bool, program: &(impl Fn() + Sync)) -> Outcome {
    assert!(!active(), "a check can't run inside of a check");
    let procs = config.procs.unwrap_or(1 + (seed % 8) as usize);
    let one = os_sim::Config {
        seed,
        procs,
        strategy: config.strategy,
        faults: config.faults,
        socket_buffer: config.socket_buffer,
        step_limit: config.step_limit,
        // Safe code may have kept the name of a goroutine that never ended.
        reclaim: false,
        trace,
        ..os_sim::Config::default()
    };
    let faults = &config.faults;
    let may_refuse = faults.no_memory != 0 || faults.no_thread != 0 || faults.refuse.is_some();
    let main = || {
        program();
        crate::sleep(GRACE);
    };
    let body = || {
        // A deadlock is for the simulation to find, which says what threads wait for as well.
        let builder = Builder::new().procs(procs).deadlock(Deadlock::Off);
        let ran = builder.report_left(left_behind).run(main);
        // A runtime that is refused is no failure of the program, which did not begin.
        if let Err(error) = ran
            && !may_refuse
        {
            panic!("gort: {error}");
        }
    };
    let checked = std::thread::scope(|s| s.spawn(|| os_sim::check::<Linux>(&one, body)).join());
    checked.unwrap_or_else(|panic| resume_unwind(panic))
}

/// Writes down who they are, for [`failure`].
fn left_behind(all: &[Seen]) {
    os::write_error((inspect::list(all) + "\n").as_bytes());
}

/// Why a run counts as failed.
fn failure(outcome: &Outcome) -> Option<String> {
    outcome.failure.clone().or_else(|| {
        // A runtime whose goroutines have all ended gives back every stack.
        let left = outcome.kept_bytes != 0;
        left.then(|| format!("{LEFT}{}", outcome.text.trim_end()))
    })
}

/// What to say about a seed that failed once and was run again.
fn report(failure: &str, outcome: &Outcome, again: &Outcome) -> String {
    let seed = outcome.seed;
    let other = self::failure(again);
    if outcome.hash != again.hash || other.as_deref() != Some(failure) {
        let other = other.as_deref().unwrap_or("no failure");
        return format!(
            "the simulation is not deterministic: seed {seed} gave two traces, of {} and {} \
             steps\nfirst: {failure}\nthen: {other}\nThe program depends on something that the \
             seed does not decide: a static that outlives a run, an address, a `std` thread",
            outcome.steps, again.steps
        );
    }
    let steps = outcome.steps;
    let mut text = format!(
        "the simulation fails under seed {seed} after {steps} steps: {failure}\n\
         replay: {SEED}={seed}\nlast events:"
    );
    let skipped = again.trace.len().saturating_sub(EVENTS_SHOWN);
    for event in &again.trace[skipped..] {
        // Writing to a string is not refused.
        let _ = write!(text, "\n  {event}");
    }
    text
}

/// The virtual time since the check began. Outside of a check: the time of the system's monotonic
/// clock.
pub fn now() -> Duration {
    os_sim::now().unwrap_or_else(|| Duration::from_nanos(os::now()))
}

/// Lets the virtual clock go forward by this much at once, as if nobody could have run meanwhile:
/// what happens to a machine that was suspended.
///
/// # Panics
/// Outside of a check.
#[track_caller]
pub fn advance(time: Duration) {
    assert!(os_sim::advance(time), "gort::sim::advance outside of a check");
}

#[cfg(test)]
mod tests;
