//! Lines of the core that are made wrong on purpose, one at a time, to see that a test notices.
//!
//! Each has a name that stands in the core as `mutant!("name": right => wrong)`, and somebody who
//! must catch it: the simulation; a loom model where the fault is one of memory order, which a
//! simulation can't have, for its threads take turns; or a native test, where it is about what the
//! simulation leaves out.

#![forbid(unsafe_code)]

use std::fmt;
use std::process::Command;
use std::time::Duration;

use xshell::cmd;

use crate::Error;
use crate::command::{self, Project};
use crate::counts::Counts;
use crate::loom;

/// Who must catch a mutant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Catcher {
    /// The simulation's suite.
    Sim,
    /// The loom models with this in their names.
    Loom(&'static str),
    /// A program of the native tests, those with this in their names: for what the simulation doesn't have.
    Native(&'static str, &'static str),
}

use Catcher::{Loom, Native, Sim};

/// Every mutant, by what is lost with it.
const MUTANTS: &[(&str, Catcher)] = &[
    // A wake-up.
    ("push-wake", Sim),
    ("inbox-wake", Sim),
    ("inject-wake", Sim),
    ("join-wake", Sim),
    ("close-wake", Sim),
    ("notify", Sim),
    ("edge-wake", Sim),
    ("bell", Sim),
    ("call-wake", Sim),
    ("send-wake", Sim),
    ("disconnect", Sim),
    ("group-wake", Sim),
    ("unlock-wake", Sim),
    ("claim-late", Sim),
    ("claim-lost", Sim),
    ("read-wake", Sim),
    ("write-wake", Sim),
    ("write-abandoned", Sim),
    ("notify-one", Sim),
    ("notify-all", Sim),
    ("barrier-wake", Sim),
    ("permit-wake", Sim),
    ("permit-pass", Sim),
    ("once-wake", Sim),
    ("unpark-wake", Sim),
    ("unpark-token", Sim),
    ("future-wake", Sim),
    ("future-pass", Sim),
    ("future-early", Sim),
    ("room-kept", Sim),
    ("heir-rests", Sim),
    ("budget-found", Loom("hurried_after_its_look")),
    ("write-gives-up", Sim),
    ("write-whose", Native("sync", "locks::")),
    ("lock-alone", Sim),
    ("lock-last", Sim),
    ("search-last", Loom("two_at_once")),
    // A look that would see who can still wake somebody, or that there is none.
    ("deadlock-threads", Sim),
    ("deadlock-again", Sim),
    ("deadlock-timers", Sim),
    ("deadlock-sockets", Sim),
    ("deadlock-calls", Sim),
    ("deadlock-called", Sim),
    ("deadlock-callers", Sim),
    ("deadlock-rest", Sim),
    ("deadlock-monitor", Sim),
    // A look at one that goes on, or at several at different moments.
    ("look-pins", Sim),
    ("look-again", Sim),
    // A refusal, and what is to be undone after it.
    ("first-worker", Sim),
    ("first-refused", Native("workers", "running_out::")),
    ("thread-refused", Sim),
    ("worker-refused", Sim),
    ("token-refused", Sim),
    ("call-refused", Sim),
    ("call-none", Sim),
    ("call-enough", Sim),
    ("call-after-end", Sim),
    ("call-closed", Sim),
    ("poller-elsewhere", Native("workers", "running_out::")),
    // A fork.
    ("fork-word", Native("workers", "forks::")),
    ("fork-thread", Native("workers", "forks::")),
    ("fork-process", Native("workers", "forks::")),
    ("fork-poller", Native("workers", "forks::")),
    // A look that comes before sleep, or after a race.
    ("sleep-inbox", Loom("readied_at_home")),
    ("sleep-inject", Loom("injected")),
    ("sleep-steal", Loom("pushed")),
    ("sleep-closing", Loom("closed")),
    ("unstart-needed", Loom("offered")),
    ("sleep-deadline", Sim),
    ("sleep-claimed", Sim),
    ("wake-recheck", Loom("token")),
    ("lock-recheck", Sim),
    ("write-recheck", Sim),
    ("read-announce", Sim),
    ("wait-order", Sim),
    ("edges", Sim),
    ("edges-since", Sim),
    ("edges-ended", Native("waits", "net::")),
    ("look-twice", Sim),
    ("claim", Sim),
    ("steal-claim", Sim),
    ("abandoned", Sim),
    ("strand", Sim),
    ("strand-late", Sim),
    ("strand-scope", Sim),
    // An order.
    ("sleep-token", Sim),
    ("sleep-order", Sim),
    // A goroutine, a message or a stack.
    ("next-older", Sim),
    ("requeue", Sim),
    ("refill", Sim),
    ("recycle", Sim),
    ("timer-nearest", Sim),
    ("timer-remove", Sim),
    ("timer-stale", Loom("deadlines_of_all_kinds")),
    ("far-turn", Loom("deadlines_of_all_kinds")),
    ("near-order", Loom("deadlines_of_all_kinds")),
    ("crowd-over", Loom("close_deadlines_are_a_crowd")),
    ("timeout-unlink", Sim),
    // A turn.
    ("budget", Sim),
    ("streak", Sim),
    ("turn", Sim),
    ("begun", Native("workers", "scheduling::")),
    ("yield-budget", Sim),
    ("checkpoint", Sim),
    ("grace", Sim),
    ("joined", Native("workers", "fairness::")),
    ("payer", Native("counts", "")),
    ("list-names", Sim),
    ("list-gone", Sim),
    ("list-fetches", Sim),
    ("busy-timers", Sim),
    ("busy-sockets", Sim),
    ("busy-shared", Sim),
    ("adapt", Sim),
    ("stride-kept", Sim),
    ("hurry", Sim),
    ("thieves", Sim),
    ("has-pushed", Native("workers", "scheduling::")),
    ("without-waiting", Native("workers", "fairness::")),
    ("aged", Native("workers", "fairness::")),
    ("unshared-length", Sim),
    // What those get who are held up, or wait for those who are.
    ("relieve", Sim),
    ("hog", Sim),
    ("blocked", Native("workers", "held_up::")),
    ("rest-ends", Native("workers", "held_up::")),
    ("rest-mail", Sim),
    ("regain-left", Sim),
    ("hand-over-mail", Sim),
    ("hand-over-bound", Sim),
    ("regain-wake", Sim),
    ("sleep-wanted", Sim),
    ("generous", Sim),
    ("close-rest", Sim),
    ("stand-in", Sim),
    ("rouse", Sim),
    ("monitor-recheck", Sim),
    ("unwatched", Sim),
    ("unguarded", Sim),
    // Processors that come and go.
    ("surplus", Sim),
    ("surplus-told", Sim),
    ("steal-surplus", Sim),
    ("surplus-locked", Sim),
    ("surplus-away", Sim),
    ("more-wake", Sim),
    ("deserted", Sim),
    ("sleep-surplus", Sim),
    ("poller-given-up", Sim),
    // An ordering or a fence.
    ("inside-fence", Loom("processor_is_taken")),
    ("take-fence", Loom("processor_is_taken")),
    ("take-inside", Loom("processor_is_taken")),
    ("go-out", Loom("processor_is_taken")),
    ("queue-publish", Loom("run_queue")),
    ("queue-see", Loom("run_queue")),
    ("retreat", Loom("run_queue")),
    ("inbox-push", Loom("inbox")),
    ("state-commit", Loom("commit")),
    ("state-notify", Loom("commit")),
    ("lock-release", Loom("lock")),
    ("own-again", Sim),
    ("own-turn", Loom("own_lock")),
    ("own-fence", Loom("own_lock")),
    ("own-release", Loom("own_lock")),
    ("revoke-once", Sim),
    ("revoke-waits", Sim),
    ("revoke-fence", Loom("own_lock")),
    ("late-many", Loom("many_deadlines")),
    ("patience", Loom("patience")),
    ("patience-stay", Loom("patience")),
    ("patience-new", Loom("patience")),
    ("patience-many", Loom("patience")),
    ("spin", Native("workers", "idle_workers::")),
    ("spin-due", Native("workers", "idle_workers::")),
    ("accepted", Native("workers", "placement::")),
    ("quiet-fence", Loom("quiet_mutex")),
    ("woken-late", Loom("woken_one_is_late")),
    ("woken-pace", Loom("woken_one_is_late")),
    ("quiet-look", Sim),
    ("quiet-again", Loom("becomes_quiet")),
    ("read-release", Loom("rwlock")),
    ("write-release", Loom("rwlock")),
    ("once-release", Loom("once_is_seen")),
    ("parker-wake", Loom("parker")),
    ("join-done", Loom("join")),
    ("ending-leave", Loom("last_to_leave")),
    ("wake-fence", Loom("pushed")),
];

/// The environment variable that `rt-core/build.rs` takes a name from.
pub(crate) const VARIABLE: &str = "GORT_MUTANT";

/// Builds go apart from all others.
const TARGET: &str = "target/mutants";

/// How the simulation is built. Without optimization, for most of the time goes into building.
const BUILD: &[&str] = &[
    "--quiet",
    "-p",
    "tests",
    "--bin",
    "sim",
    "--no-default-features",
    "--features",
    "sim",
    "--target-dir",
    TARGET,
];

/// How many seeds of each program a mutant gets.
const SEEDS: &str = "200";

/// For one native test under one mutant. A mutant that hangs longer is caught.
const LIMIT: Duration = Duration::from_secs(60);

/// For one program of the simulation under one mutant, the same. The longest takes 1.4 s on a machine of four cores.
const PROGRAM_LIMIT: Duration = Duration::from_secs(30);

/// Runs those whose names contain one of the filters, or all; only loom's, if `loom_only`.
pub(crate) fn run(project: &Project, filters: &[String], loom_only: bool) -> Result<Counts, Error> {
    let asked = |&&(name, catcher): &&(&str, Catcher)| {
        let matches = filters.is_empty() || filters.iter().any(|f| name.contains(f.as_str()));
        matches && (!loom_only || matches!(catcher, Loom(_)))
    };
    let mut counts = Counts::default();
    for &(name, catcher) in MUTANTS.iter().filter(asked) {
        let caught = match catcher {
            Sim => simulated(project, name)?,
            Loom(models) => loom::mutant(project, name, models)?,
            Native(program, tests) => native(project, name, program, tests)?,
        };
        match caught {
            Some(how) => {
                counts.passed += 1;
                println!("mutant {name}: caught by {how}");
            }
            None => {
                counts.failed += 1;
                println!("mutant {name}: NOT caught by {catcher}");
            }
        }
    }
    if counts == Counts::default() {
        return Err("no mutant of that name".into());
    }
    println!("mutants caught: {} of {}", counts.passed, counts.passed + counts.failed);
    Ok(counts)
}

/// Who of the simulation's programs catches a mutant, if any.
fn simulated(project: &Project, name: &str) -> Result<Option<String>, Error> {
    cmd!(project.sh, "cargo build {BUILD...}").env(VARIABLE, name).quiet().run()?;
    let mut suite = Command::new("target/mutants/debug/sim");
    suite.current_dir(project.sh.current_dir()).args(["--seeds", SEEDS, "--brief"]);
    suite.env("RUST_BACKTRACE", "0");
    let finished = command::watch_lines(suite, PROGRAM_LIMIT)?;
    Ok(catch(&finished.output, finished.success, finished.timed_out))
}

/// Which of a native program's tests catches a mutant, if any.
fn native(
    project: &Project,
    name: &str,
    program: &str,
    tests: &str,
) -> Result<Option<String>, Error> {
    let args = ["test", "-p", "tests", "--test", program, "--target-dir", TARGET];
    let build = cmd!(project.sh, "cargo {args...} --no-run").env(VARIABLE, name);
    build.quiet().ignore_stderr().run()?;
    let mut run = Command::new("cargo");
    run.current_dir(project.sh.current_dir()).args(args).args(["--", tests]);
    run.env(VARIABLE, name).env("RUST_BACKTRACE", "0");
    let finished = command::watch_lines(run, LIMIT)?;
    if finished.success {
        return Ok(None);
    }
    Ok(Some(format!("the test `{}`", first_failed(&finished.output).unwrap_or(tests))))
}

/// The first test that libtest says has failed; none if one never ended.
fn first_failed(output: &str) -> Option<&str> {
    output.lines().find_map(|line| line.strip_prefix("---- ")?.strip_suffix(" stdout ----"))
}

/// What the suite's output says about a mutant. None: it was not noticed.
fn catch(output: &str, success: bool, timed_out: bool) -> Option<String> {
    let mut runs = output.lines().filter_map(|line| line.strip_prefix("sim "));
    if !output.contains("\ntest result:") {
        let last = runs.next_back().and_then(|run| run.split_whitespace().next());
        let end = if timed_out { "hangs" } else { "crashes" };
        return Some(format!("`{}`, which {end}", last.unwrap_or("none")));
    }
    let programs: Vec<_> = runs.filter_map(failures).collect();
    let (most, seeds) = programs.iter().copied().max_by_key(|&(_, seeds)| seeds)?;
    debug_assert!(!success, "failures and success");
    let all: u64 = programs.iter().map(|&(_, seeds)| seeds).sum();
    Some(format!("{all} seeds of {} programs, {seeds} of {SEEDS} in `{most}`", programs.len()))
}

/// `NAME .. seeds, traces .., N failed`: the name and number, if any has failed.
fn failures(run: &str) -> Option<(&str, u64)> {
    let name = run.split_whitespace().next()?;
    let failed = run.strip_suffix(" failed")?.rsplit(' ').next()?.parse().ok()?;
    Some((name, failed))
}

impl fmt::Display for Catcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Sim => f.write_str("the simulation"),
            Loom(models) => write!(f, "the models `{models}`"),
            Native(program, tests) => write!(f, "the tests `{tests}` of `{program}`"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_output_of_the_suite_is_understood() {
        let good = "sim park         200 seeds, traces 12\ntest result: ok. 200 passed; 0 failed\n";
        assert_eq!(catch(good, true, false), None);
        let bad = "sim park         200 seeds, traces 12\n\
                   sim steal        200 seeds, traces 13, 7 failed\n\
                   sim join         200 seeds, traces 13, 50 failed\n\
                   test result: FAILED. 150 passed; 57 failed\n";
        let text = "57 seeds of 2 programs, 50 of 200 in `join`";
        assert_eq!(catch(bad, false, false).as_deref(), Some(text));
        let crash = "sim park         200 seeds, traces 12\nsim steal";
        assert_eq!(catch(crash, false, false).as_deref(), Some("`steal`, which crashes"));
        assert_eq!(catch(crash, false, true).as_deref(), Some("`steal`, which hangs"));
    }

    #[test]
    fn a_failed_test_has_a_name() {
        let output = "running 2 tests\n.F\nfailures:\n\n---- a::b stdout ----\nno\n";
        assert_eq!(first_failed(output), Some("a::b"));
        assert_eq!(first_failed("running 2 tests\n"), None);
    }

    #[test]
    fn there_are_enough_and_each_is_there_once() {
        let simulated = MUTANTS.iter().filter(|mutant| mutant.1 == Sim).count();
        assert!(simulated >= 20, "{simulated}");
        for (i, (name, _)) in MUTANTS.iter().enumerate() {
            assert!(!MUTANTS[..i].iter().any(|(other, _)| other == name), "{name}");
        }
    }

    #[test]
    fn the_native_tests_are_there() {
        let tests = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/tests");
        for (name, catcher) in MUTANTS {
            let Native(program, part) = catcher else { continue };
            let file = if part.is_empty() {
                format!("{program}.rs")
            } else {
                format!("{program}/main.rs")
            };
            let code = std::fs::read_to_string(tests.join(file)).expect("a program of that name");
            let module = format!("mod {};", part.trim_end_matches("::"));
            assert!(part.is_empty() || code.contains(&module), "{name}: no tests `{part}`");
        }
    }

    #[test]
    fn each_stands_in_the_core_and_no_other_does() {
        let core = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../rt-core/src");
        let mut stack = vec![core];
        let mut found = Vec::new();
        while let Some(path) = stack.pop() {
            if path.is_dir() {
                let entries = std::fs::read_dir(path).expect("a folder can be read");
                stack.extend(entries.map(|entry| entry.expect("it has a name").path()));
                continue;
            }
            let code = std::fs::read_to_string(path).expect("a file can be read");
            for (_, rest) in
                code.match_indices("mutant!(").map(|(at, m)| (at, &code[at + m.len()..]))
            {
                let name = rest.trim_start().strip_prefix('"').and_then(|r| r.split('"').next());
                found.extend(name.map(str::to_owned));
            }
        }
        found.sort();
        let mut listed: Vec<_> = MUTANTS.iter().map(|(name, _)| (*name).to_owned()).collect();
        listed.sort();
        assert_eq!(found, listed);
    }
}
