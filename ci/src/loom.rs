//! The model checker: the core's lock-free pieces on loom's threads and atomics, and the proof that
//! the models can fail.

#![forbid(unsafe_code)]

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use lexopt::{Arg, ValueExt as _};
use xshell::cmd;

use crate::Error;
use crate::command::{self, Project};
use crate::counts::Counts;
use crate::one_by_one;

/// For all models together, without the building.
const LIMIT: Duration = Duration::from_secs(5 * 60);

/// Builds go apart from all others, for the flags are other ones.
const TARGET: &str = "target/loom";

/// Lines of the core that are made wrong, one at a time, by `--cfg mutant=".."`: each name, and the
/// models that have to see it, by a part of their names.
const MUTANTS: &[(&str, &str)] = &[
    ("queue-publish", "run_queue"),
    ("queue-see", "run_queue"),
    ("inbox-push", "inbox"),
    ("state-commit", "commit"),
    ("state-notify", "commit"),
    ("lock-release", "lock"),
    ("parker-wake", "parker"),
    ("join-done", "join"),
    ("ending-leave", "last_to_leave"),
    ("sleep-inbox", "readied_at_home"),
    ("sleep-inject", "injected"),
    ("sleep-steal", "pushed"),
    ("sleep-closing", "closed"),
    ("wake-fence", "pushed"),
    ("wake-recheck", "token"),
    ("search-last", "two_at_once"),
];

/// What the command line asks for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Options {
    mutants: bool,
    filters: Vec<String>,
}

/// `cargo ci loom`.
pub(crate) fn run(project: &Project, args: &[String]) -> Result<Counts, Error> {
    let options = options(args)?;
    if options.mutants {
        return mutants(project, &options.filters);
    }
    let models = build(project, None)?;
    let filters = &options.filters;
    let run = cmd!(project.sh, "{models} --show-output {filters...}");
    let finished = command::show(run, Some(LIMIT))?;
    let counts = Counts::parse(&finished.output).or_failed(finished.success);
    if counts == Counts::default() {
        return Err("no model to run".into());
    }
    Ok(counts)
}

fn options(args: &[String]) -> Result<Options, Error> {
    let mut parser = lexopt::Parser::from_args(args);
    let mut options = Options::default();
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Long("mutants") => options.mutants = true,
            Arg::Value(filter) => options.filters.push(filter.string()?),
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(options)
}

/// Builds the models, with one line made wrong or none, and returns the executable.
fn build(project: &Project, mutant: Option<&str>) -> Result<PathBuf, Error> {
    let mutant = mutant.map(|name| ["--cfg".to_owned(), format!("mutant={name:?}")]);
    let mutant = mutant.as_slice().as_flattened();
    // The profile `bench` is `release` for a test executable. What follows `--` is for the core
    // alone, so that a mutant builds nothing else again.
    let build = cmd!(
        project.sh,
        "cargo rustc -p rt-core --lib --profile bench --target-dir {TARGET}
            --message-format=json-render-diagnostics -- -C debug-assertions=yes {mutant...}"
    )
    .env("RUSTFLAGS", "--cfg loom")
    // Link-time optimization would take longer than it saves.
    .env("CARGO_PROFILE_BENCH_LTO", "off")
    .env("CARGO_PROFILE_BENCH_CODEGEN_UNITS", "16");
    let messages = build.read()?;
    one_by_one::executable(&messages).ok_or_else(|| "cargo has built no model".into())
}

/// `cargo ci loom --mutants`: every one, or those whose names contain a filter, must be caught.
fn mutants(project: &Project, filters: &[String]) -> Result<Counts, Error> {
    let mut counts = Counts::default();
    let asked =
        |name: &str| filters.is_empty() || filters.iter().any(|f| name.contains(f.as_str()));
    for &(name, models) in MUTANTS.iter().filter(|(name, _)| asked(name)) {
        let mut run = Command::new(build(project, Some(name))?);
        run.current_dir(project.sh.current_dir()).arg(models).env("RUST_BACKTRACE", "0");
        let finished = command::watch(run, Some(LIMIT), false)?;
        if !finished.success && !finished.timed_out {
            counts.passed += 1;
            println!("mutant {name}: caught by {}", first_failure(&finished.output, models));
        } else {
            counts.failed += 1;
            println!("mutant {name}: NOT caught by the models `{models}`");
        }
    }
    if counts == Counts::default() {
        return Err("no mutant of that name".into());
    }
    println!("mutants caught: {} of {}", counts.passed, counts.passed + counts.failed);
    Ok(counts)
}

/// The model that failed first; `asked` if the failure has ended the process before its report.
fn first_failure<'a>(output: &'a str, asked: &'a str) -> &'a str {
    let failed = |line: &'a str| line.strip_prefix("thread '")?.split('\'').next();
    output.lines().find_map(failed).unwrap_or(asked)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, Error> {
        let args: Vec<_> = line.split_whitespace().map(str::to_owned).collect();
        options(&args)
    }

    #[test]
    fn options_are_understood() -> Result<(), Error> {
        assert_eq!(parse("")?, Options::default());
        let filters = vec!["sleep".to_owned()];
        assert_eq!(parse("--mutants sleep")?, Options { mutants: true, filters });
        assert!(parse("--mutant").is_err());
        Ok(())
    }

    #[test]
    fn a_failure_has_a_name() {
        let output = "running 2 tests\nthread 'models::a' (7) panicked at b.rs:1:\nno\n";
        assert_eq!(first_failure(output, "m"), "models::a");
        assert_eq!(first_failure("killed", "m"), "m");
    }

    #[test]
    fn every_mutant_is_named_once() {
        for (index, (name, _)) in MUTANTS.iter().enumerate() {
            assert!(MUTANTS[..index].iter().all(|(other, _)| other != name), "{name}");
        }
    }
}
