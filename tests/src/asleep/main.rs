//! A process without threads but its runtime's, whose goroutines all wait: `asleep CASE MODE PROCS
//! [report|off]`. It is a program of its own because a test harness has a thread of its own.

mod deadlocks;
mod others;

use std::process::exit;

use gort::runtime::Deadlock;
use tests::{Mode, ms};

/// A case by name. Those of `deadlocks` never return, those of `others` do.
type Case = (&'static str, fn(Mode, &gort::Builder));

/// The status of a process whose case has come to its end.
const OVER: i32 = 7;

fn main() {
    let args: Vec<_> = std::env::args().skip(1).collect();
    let args: Vec<_> = args.iter().map(String::as_str).collect();
    let (case, mode, procs, what) = match args[..] {
        [case, mode, procs] => (case, mode, procs, Deadlock::Abort),
        [case, mode, procs, "report"] => (case, mode, procs, Deadlock::Report),
        [case, mode, procs, "off"] => (case, mode, procs, Deadlock::Off),
        _ => panic!("asleep CASE MODE PROCS [report|off], and not {args:?}"),
    };
    let procs = procs.parse().expect("PROCS is a number");
    let mode = if mode == "migrates" { Mode::Migrates(procs) } else { Mode::Stays(procs) };
    let builder = mode.builder().deadlock(what);
    // Nothing else ends it then, unless whoever has waited for the report does.
    match what {
        Deadlock::Report => others::alarm(others::ENDS, ms(60_000)),
        Deadlock::Off => others::alarm(others::ENDS, ms(300)),
        Deadlock::Abort => {}
    }
    let cases = deadlocks::CASES.iter().chain(others::CASES);
    let (_, run) = cases.into_iter().find(|(name, _)| *name == case).expect("a known CASE");
    run(mode, &builder);
    exit(OVER);
}
