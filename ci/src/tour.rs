//! The tour of the README, run as its reader runs it; and the other examples that come to an end,
//! each of which asserts its result.

#![forbid(unsafe_code)]

use std::time::Duration;

use xshell::cmd;

use crate::Error;
use crate::command::{self, Project};
use crate::counts::Counts;
use crate::steps::no_arguments;

/// Without the building. The tour takes seconds.
const LIMIT: Duration = Duration::from_secs(120);

/// The other examples, and what each is given.
const EXAMPLES: &[(&str, &[&str])] = &[
    ("pipeline", &[]),
    ("wordcount", &["docs"]),
    ("philosophers", &["200"]),
    ("local", &[]),
    ("barrier", &["8"]),
    ("tokio_bridge", &[]),
    ("embed_several", &[]),
    ("embed_library", &[]),
    ("embed_thread", &[]),
];

/// `cargo ci tour`.
pub(crate) fn run(project: &Project, args: &[String]) -> Result<Counts, Error> {
    no_arguments(args)?;
    with(project, &[])?;
    let mut counts = Counts::default();
    for &(name, arguments) in EXAMPLES {
        cmd!(project.sh, "cargo build --release --example {name}").run()?;
        let example =
            cmd!(project.sh, "cargo run --quiet --release --example {name} -- {arguments...}");
        match command::show(example, Some(LIMIT))?.success {
            true => counts.passed += 1,
            false => counts.failed += 1,
        }
    }
    Ok(counts)
}

/// Runs the tour on the platform of these features.
pub(crate) fn with(project: &Project, features: &[&str]) -> Result<(), Error> {
    cmd!(project.sh, "cargo build --release --example tour {features...}").run()?;
    let tour = cmd!(project.sh, "cargo run --quiet --release --example tour {features...}");
    if !command::show(tour, Some(LIMIT))?.success {
        return Err("the tour failed".into());
    }
    Ok(())
}
