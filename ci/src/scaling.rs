//! The tables of docs/scaling.md are what the simulation says.

#![forbid(unsafe_code)]

use std::time::Duration;

use xshell::cmd;

use crate::command::{self, Project};
use crate::counts::Counts;
use crate::tables::replaced;
use crate::{Error, Usage};

/// As the simulation, a binary of its own.
const BINARY: &[&str] =
    &["--release", "-p", "tests", "--bin", "scaling", "--no-default-features", "--features", "sim"];

/// Without the building. It takes a second.
const LIMIT: Duration = Duration::from_secs(120);

const DOCUMENT: &str = "docs/scaling.md";

/// The tables stand between these lines of the document.
const MARKS: [&str; 2] =
    ["<!-- tables: cargo ci scaling --write -->\n", "<!-- end of tables -->\n"];

/// `cargo ci scaling`.
pub(crate) fn run(project: &Project, args: &[String]) -> Result<Counts, Error> {
    let write = match args {
        [] => false,
        [arg] if arg == "--write" => true,
        _ => return Err(Usage(format!("scaling takes `--write` or nothing: {args:?}")).into()),
    };
    cmd!(project.sh, "cargo build {BINARY...}").run()?;
    let finished = command::show(cmd!(project.sh, "cargo run --quiet {BINARY...}"), Some(LIMIT))?;
    if !finished.success {
        return Err("a program failed".into());
    }
    let document = project.sh.read_file(DOCUMENT)?;
    let made = replaced(&document, MARKS, &format!("{}\n", finished.output.trim_end()))
        .ok_or_else(|| format!("{DOCUMENT} has no place for tables"))?;
    if made == document {
        return Ok(Counts { passed: 1, failed: 0 });
    }
    if !write {
        return Err(format!("{DOCUMENT} says otherwise: `cargo ci scaling --write`").into());
    }
    project.sh.write_file(DOCUMENT, made)?;
    Ok(Counts::default())
}
