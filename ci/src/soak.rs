//! The soak: every primitive at once for as long as is asked; nothing is lost and nothing grows.

#![forbid(unsafe_code)]

use std::time::Duration;

use lexopt::{Arg, ValueExt as _};
use xshell::cmd;

use crate::command::{self, Project};
use crate::counts::Counts;
use crate::{Error, Usage};

/// With every assertion on, at nearly full speed.
const BINARY: &[&str] = &["--profile", "checked", "-p", "tests", "--bin", "soak"];

/// How long it takes when nobody says so.
const SECONDS: u64 = 60;

/// Less than this is no soak: each of eight runtimes has to come to its cruising height.
const LEAST: u64 = 8;

/// What is given to it beyond its time. It has a watch of its own.
const MORE: Duration = Duration::from_secs(120);

/// `cargo ci soak`.
pub(crate) fn run(project: &Project, args: &[String]) -> Result<Counts, Error> {
    let seconds = seconds(args)?;
    cmd!(project.sh, "cargo build {BINARY...}").run()?;
    let text = seconds.to_string();
    // So many heaps are there before long: how many more malloc makes, of 64 MiB of addresses each, would
    // depend on how its threads meet.
    let soak = cmd!(project.sh, "cargo run --quiet {BINARY...} -- --seconds {text}")
        .env("MALLOC_ARENA_MAX", "2");
    let finished = command::show(soak, Some(Duration::from_secs(seconds) + MORE))?;
    Ok(Counts::parse(&finished.output).or_failed(finished.success))
}

fn seconds(args: &[String]) -> Result<u64, Error> {
    let mut parser = lexopt::Parser::from_args(args);
    let mut seconds = SECONDS;
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Long("seconds") => seconds = parser.value()?.parse()?,
            other => return Err(other.unexpected().into()),
        }
    }
    if seconds < LEAST {
        return Err(Usage(format!("--seconds is {seconds}: give at least {LEAST}")).into());
    }
    Ok(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<u64, Error> {
        let args: Vec<_> = line.split_whitespace().map(str::to_owned).collect();
        seconds(&args)
    }

    #[test]
    fn the_time_is_checked() -> Result<(), Error> {
        assert_eq!(parse("")?, SECONDS);
        assert_eq!(parse("--seconds 1800")?, 1800);
        for wrong in ["--seconds", "--seconds long", "--seconds 7", "60", "--minutes 1"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
        Ok(())
    }
}
