//! The steps of `cargo ci`, as data, and the running of all of them or of one.

use std::fmt::Write as _;
use std::time::Instant;

use crate::command::Project;
use crate::counts::Counts;
use crate::{
    Error, Usage, bench, costs, cross, freestanding, hygiene, loom, mirror, platforms, sanitize,
    scaling, sim, soak, suites, tidy, tools, tour,
};

/// One thing that `cargo ci` checks.
pub(crate) struct Step {
    pub(crate) name: &'static str,
    /// The name and the arguments that it takes.
    pub(crate) usage: &'static str,
    /// One sentence for `--help` and the heading.
    pub(crate) about: &'static str,
    /// Runs it and says how many tests that was; `Err` when it is red without a failed test.
    run: fn(&Project, &[String]) -> Result<Counts, Error>,
}

/// Every step, in the order of a full run: what is quick and often red comes first.
pub(crate) const STEPS: &[Step] = &[
    Step {
        name: "tools",
        usage: "tools",
        about: "Says which tools are missing and how to get them; with CI=true, gets them.",
        run: tools::run,
    },
    Step {
        name: "fmt",
        usage: "fmt",
        about: "Every file is formatted as rustfmt.toml says.",
        run: hygiene::fmt,
    },
    Step {
        name: "clippy",
        usage: "clippy",
        about: "No compiler or clippy warning in any named feature set.",
        run: hygiene::clippy,
    },
    Step {
        name: "tidy",
        usage: "tidy",
        about: "The structure holds: edges between crates, where asm may stand, the glossary.",
        run: tidy::run,
    },
    Step {
        name: "docs",
        usage: "docs",
        about: "The documentation builds without a warning.",
        run: hygiene::docs,
    },
    Step {
        name: "test",
        usage: "test [FILTER..]",
        about: "All tests and doc tests, in the debug profile.",
        run: suites::debug,
    },
    Step {
        name: "checked",
        usage: "checked [FILTER..]",
        about: "The whole-runtime tests at release speed, with every assertion on.",
        run: suites::checked,
    },
    Step {
        name: "lto",
        usage: "lto [FILTER..]",
        about: "The whole-runtime tests as users ship them: thin LTO, then fat LTO.",
        run: suites::lto,
    },
    Step {
        name: "freestanding",
        usage: "freestanding",
        about: "Programs without libc: what they consist of, how they start, what they say.",
        run: freestanding::run,
    },
    Step {
        name: "platforms",
        usage: "platforms",
        about: "Features choose a platform or say what to write; a program can bring its own.",
        run: platforms::run,
    },
    Step {
        name: "darwin",
        usage: "darwin [FILTER..]",
        about: "The whole-runtime tests and the tour on Darwin's backend, over stand-ins here.",
        run: suites::darwin,
    },
    Step {
        name: "sim",
        usage: "sim [--seeds N] [--seed S] [--program NAME] [--procs P] [--mode default|migratory] \
                [--strategy uniform|pct|mixed] [--faults none|spurious|silent]\n  \
                sim --mutants [FILTER..]",
        about: "The simulation: the real core under schedules and faults drawn from seeds.",
        run: sim::run,
    },
    Step {
        name: "scaling",
        usage: "scaling [--write]",
        about: "The tables of docs/scaling.md are what the simulation says of many processors.",
        run: scaling::run,
    },
    Step {
        name: "costs",
        usage: "costs [--write]\n  costs --where WORKLOAD",
        about: "The hot paths take as many instructions, and locked ones, as docs/performance.md says.",
        run: costs::run,
    },
    Step {
        name: "loom",
        usage: "loom [--mutants] [FILTER..]",
        about: "The model checker: the lock-free pieces in every order with few preemptions.",
        run: loom::run,
    },
    Step {
        name: "sanitize",
        usage: "sanitize [address|thread|valgrind] [FILTER..]",
        about: "The whole-runtime tests under two sanitizers, and some under valgrind.",
        run: sanitize::run,
    },
    Step {
        name: "mirror",
        usage: "mirror [FILTER..]",
        about: "The test suites of the crates that gort mirrors, with names replaced.",
        run: mirror::run,
    },
    Step {
        name: "cross",
        usage: "cross [ROW..]",
        about: "Other targets of the matrix: run under an emulator, linked, or checked.",
        run: cross::run,
    },
    Step {
        name: "soak",
        usage: "soak [--seconds N]",
        about: "Every primitive at once, for a minute: nothing is lost, and nothing grows.",
        run: soak::run,
    },
    Step {
        name: "bench",
        usage: "bench [WORKLOAD..] [--quick] [--rounds N] [--procs N]",
        about: "The workloads of gort and of its peers, in turn: a table, and a page of plots.",
        run: bench::run,
    },
    Step {
        name: "tour",
        usage: "tour",
        about: "The example of the README runs to its end, and so do the others.",
        run: tour::run,
    },
];

/// Steps that run only when asked for by name: sanitizers and other targets build std as well, and make
/// tests slow; the mirrored suites and the workloads measure times, which a busy machine doesn't keep.
const ON_DEMAND: &[&str] = &["sanitize", "mirror", "cross", "bench"];

/// The step of that name.
pub(crate) fn find(name: &str) -> Result<&'static Step, Usage> {
    STEPS.iter().find(|step| step.name == name).ok_or_else(|| {
        let names: Vec<_> = STEPS.iter().map(|step| step.name).collect();
        Usage(format!("there is no step `{name}`; the steps are: {}", names.join(", ")))
    })
}

/// The text of `cargo ci --help`.
pub(crate) fn help() -> String {
    let mut text = String::from(
        "All of gort's checks.\n\n    cargo ci               every step, in this order, but those that \
         must be named: sanitize, mirror, cross, bench\n    \
         cargo ci STEP [ARGS]   one of them\n    \
         cargo ci matrix        which targets there are, and what is done for each; --json for a workflow\n\nSteps:\n",
    );
    for step in STEPS {
        // Writing to a String can't fail.
        let _ = writeln!(text, "  {}\n      {}", step.usage, step.about);
    }
    text
}

/// For a step that takes no arguments.
pub(crate) fn no_arguments(args: &[String]) -> Result<(), Usage> {
    match args.first() {
        None => Ok(()),
        Some(arg) => Err(Usage(format!("this step takes no argument, so not `{arg}`"))),
    }
}

/// How one step ended.
struct Outcome {
    name: &'static str,
    seconds: f64,
    counts: Counts,
    red: bool,
}

/// Runs a step under its heading and times it. Only a wrong command line is an `Err`.
fn timed(project: &Project, step: &Step, args: &[String]) -> Result<Outcome, Error> {
    println!("\n== {}: {}", step.name, step.about);
    let start = Instant::now();
    let (counts, red) = match (step.run)(project, args) {
        Ok(counts) => (counts, counts.failed > 0),
        Err(error) if error.is::<Usage>() || error.is::<lexopt::Error>() => return Err(error),
        Err(error) => {
            println!("error: {error}");
            // A red step never ends in "0 failed".
            (Counts { passed: 0, failed: 1 }, true)
        }
    };
    let seconds = start.elapsed().as_secs_f64();
    println!("== {}: {} in {seconds:.1} s", step.name, if red { "RED" } else { "ok" });
    Ok(Outcome { name: step.name, seconds, counts, red })
}

/// Runs one step; `false` when it was red.
pub(crate) fn run_one(project: &Project, step: &Step, args: &[String]) -> Result<bool, Error> {
    let outcome = timed(project, step, args)?;
    if outcome.counts != Counts::default() {
        println!("\n{}", outcome.counts);
    }
    Ok(!outcome.red)
}

/// Runs every step that is not on demand and sums up; `false` when one was red. A red step doesn't stop the rest, so that
/// one run shows all there is to mend.
pub(crate) fn run_all(project: &Project) -> Result<bool, Error> {
    let mut outcomes = Vec::new();
    for step in STEPS.iter().filter(|step| !ON_DEMAND.contains(&step.name)) {
        outcomes.push(timed(project, step, &[])?);
    }
    println!("\n== all steps");
    for outcome in &outcomes {
        let verdict = if outcome.red { "RED" } else { "ok" };
        println!("{:>8.1} s  {:<8} {verdict}", outcome.seconds, outcome.name);
    }
    println!("{:>8.1} s  together", outcomes.iter().map(|outcome| outcome.seconds).sum::<f64>());
    let total: Counts = outcomes.iter().map(|outcome| outcome.counts).sum();
    if total.passed == 0 {
        println!("error: no test ran, so nothing was proven");
    }
    println!("\n{total}");
    Ok(total.passed > 0 && !outcomes.iter().any(|outcome| outcome.red))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_step_is_answered_with_the_list() {
        let message = find("tset").err().map(|usage| usage.0).unwrap_or_default();
        assert!(message.contains("`tset`"), "{message}");
        for step in STEPS {
            assert!(message.contains(step.name), "{message}");
            assert!(find(step.name).is_ok());
            assert!(ON_DEMAND.iter().all(|name| find(name).is_ok()));
        }
    }

    #[test]
    fn help_says_one_sentence_about_each_step() {
        let help = help();
        for step in STEPS {
            assert!(help.contains(step.usage) && help.contains(step.about), "{}", step.name);
            assert!(step.about.ends_with('.') && step.usage.starts_with(step.name));
        }
    }

    #[test]
    fn a_step_without_arguments_refuses_them() {
        assert!(no_arguments(&[]).is_ok());
        assert!(no_arguments(&["--all".to_owned()]).is_err());
    }
}
