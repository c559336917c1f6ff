//! The simulation suite: the real core on virtual threads, every schedule and fault from a seed.

#![forbid(unsafe_code)]

use std::time::Duration;

use lexopt::{Arg, ValueExt as _};
use xshell::cmd;

use crate::command::{self, Project};
use crate::counts::Counts;
use crate::{Error, mutants};

/// The simulation is a binary of its own, because a binary has one platform.
const BINARY: &[&str] =
    &["--release", "-p", "tests", "--bin", "sim", "--no-default-features", "--features", "sim"];

/// Seeds of a run that asks for no number.
const SEEDS: u64 = 3000;

/// For all seeds together, without the building.
const LIMIT: Duration = Duration::from_secs(20 * 60);

/// `cargo ci sim`, and `cargo ci sim --mutants [FILTER..]`.
pub(crate) fn run(project: &Project, args: &[String]) -> Result<Counts, Error> {
    if let Some(at) = args.iter().position(|arg| arg == "--mutants") {
        let filters = [&args[..at], &args[at + 1..]].concat();
        return mutants::run(project, &filters, false);
    }
    let options = options(args)?;
    cmd!(project.sh, "cargo build {BINARY...}").run()?;
    let suite = cmd!(project.sh, "cargo run --quiet {BINARY...} -- {options...}");
    let finished = command::show(suite, Some(LIMIT))?;
    Ok(Counts::parse(&finished.output).or_failed(finished.success))
}

/// Checks that the options are there, and returns those to hand on. The suite knows what each can be.
fn options(args: &[String]) -> Result<Vec<String>, Error> {
    let mut parser = lexopt::Parser::from_args(args);
    let mut options = Vec::new();
    while let Some(arg) = parser.next()? {
        let (name, value) = match arg {
            Arg::Long("seeds") => ("--seeds", parser.value()?.parse::<u64>()?.to_string()),
            Arg::Long("seed") => ("--seed", parser.value()?.parse::<u64>()?.to_string()),
            Arg::Long("program") => ("--program", parser.value()?.string()?),
            Arg::Long("procs") => ("--procs", parser.value()?.parse::<usize>()?.to_string()),
            Arg::Long("mode") => ("--mode", parser.value()?.string()?),
            Arg::Long("strategy") => ("--strategy", parser.value()?.string()?),
            Arg::Long("faults") => ("--faults", parser.value()?.string()?),
            other => return Err(other.unexpected().into()),
        };
        options.extend([name.to_owned(), value]);
    }
    if !options.iter().any(|option| option == "--seeds" || option == "--seed") {
        options.extend(["--seeds".to_owned(), SEEDS.to_string()]);
    }
    Ok(options)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<String, Error> {
        let args: Vec<_> = line.split_whitespace().map(str::to_owned).collect();
        Ok(options(&args)?.join(" "))
    }

    #[test]
    fn options_are_checked_and_handed_on() -> Result<(), Error> {
        assert_eq!(parse("")?, "--seeds 3000");
        assert_eq!(parse("--seed=7 --procs 3")?, "--seed 7 --procs 3");
        assert_eq!(parse("--mode migratory --seeds 5")?, "--mode migratory --seeds 5");
        for wrong in ["--seeds many", "--seed", "--speed 1", "7"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
        Ok(())
    }
}
