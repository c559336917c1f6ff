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
use crate::{mutants, one_by_one};

/// For all models together, without the building.
const LIMIT: Duration = Duration::from_secs(5 * 60);

/// Builds go apart from all others, for the flags are other ones.
const TARGET: &str = "target/loom";

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
        return mutants::run(project, &options.filters, true);
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
    // The profile `bench` is `release` for a test executable.
    let build = cmd!(
        project.sh,
        "cargo rustc -p rt-core --lib --profile bench --target-dir {TARGET}
            --message-format=json-render-diagnostics -- -C debug-assertions=yes"
    )
    .env("RUSTFLAGS", "--cfg loom")
    // Link-time optimization would take longer than it saves.
    .env("CARGO_PROFILE_BENCH_LTO", "off")
    .env("CARGO_PROFILE_BENCH_CODEGEN_UNITS", "16");
    let build = mutant.into_iter().fold(build, |build, name| build.env(mutants::VARIABLE, name));
    let messages = build.quiet().read()?;
    one_by_one::executable(&messages).ok_or_else(|| "cargo has built no model".into())
}

/// The model that catches a mutant, of those with `models` in their names.
pub(crate) fn mutant(project: &Project, name: &str, models: &str) -> Result<Option<String>, Error> {
    let mut run = Command::new(build(project, Some(name))?);
    run.current_dir(project.sh.current_dir()).arg(models).env("RUST_BACKTRACE", "0");
    let finished = command::watch(run, Some(LIMIT), false)?;
    let caught = !finished.success && !finished.timed_out;
    Ok(caught.then(|| format!("the model `{}`", first_failure(&finished.output, models))))
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
}
