//! The tour of the README, run as its reader runs it.

#![forbid(unsafe_code)]

use std::time::Duration;

use xshell::cmd;

use crate::Error;
use crate::command::{self, Project};
use crate::counts::Counts;
use crate::steps::no_arguments;

/// Without the building. The tour takes seconds.
const LIMIT: Duration = Duration::from_secs(120);

/// `cargo ci tour`.
pub(crate) fn run(project: &Project, args: &[String]) -> Result<Counts, Error> {
    no_arguments(args)?;
    cmd!(project.sh, "cargo build --release --example tour").run()?;
    let tour = cmd!(project.sh, "cargo run --quiet --release --example tour");
    if !command::show(tour, Some(LIMIT))?.success {
        return Err("the tour failed".into());
    }
    Ok(Counts::default())
}
