//! Programs without libc: builds them, and checks what is claimed of them.
//!
//! The executables stay in `target/freestanding/`, with their link maps and the output of each run
//! that failed.

#![forbid(unsafe_code)]

mod file;
mod runs;

use std::process::Command;
use std::time::Duration;

use xshell::cmd;

use crate::Error;
use crate::command::{self, Project};
use crate::counts::Counts;
use crate::steps::no_arguments;

/// Where the executables are.
const FOLDER: &str = "target/freestanding";

/// The longest that one of them runs, on a machine that does other things as well.
const LIMIT: Duration = Duration::from_secs(120);

/// What they are built with.
pub(crate) const BUILD: &str = "--profile freestanding -p freestanding --features freestanding";

/// The executables, and how they are run.
pub(crate) struct Programs<'a> {
    pub(crate) project: &'a Project,
    /// What stands before each of them on the command line, if this machine needs something.
    pub(crate) runner: String,
    pub(crate) folder: String,
}

/// One claim: its sentence, what shows it, and whether that can be shown of programs for another
/// processor.
struct Check {
    claim: &'static str,
    show: fn(&Programs<'_>) -> Result<(), Error>,
    place: Where,
}

/// Where a claim can be shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Where {
    /// Under an emulator too.
    Anywhere,
    /// With this machine's own programs, for this reason.
    Here(&'static str),
}

/// `cargo ci freestanding`.
pub(crate) fn run(project: &Project, args: &[String]) -> Result<Counts, Error> {
    no_arguments(args)?;
    let build: Vec<_> = BUILD.split(' ').collect();
    cmd!(project.sh, "cargo build {build...}").run()?;
    // What starts them oddly is an ordinary program, and so is the portable one's other build.
    cmd!(project.sh, "cargo build -p tests --bin odd_start").run()?;
    cmd!(project.sh, "cargo build -p gort --example portable").run()?;
    let programs = Programs { project, runner: String::new(), folder: FOLDER.to_owned() };
    Ok(show(&programs, |_| true))
}

/// The claims that can be shown of programs for another processor.
pub(crate) fn elsewhere(programs: &Programs<'_>) -> Counts {
    show(programs, |place| place == Where::Anywhere)
}

/// The claims that can't be, and why.
pub(crate) fn not_elsewhere() -> impl Iterator<Item = (&'static str, &'static str)> {
    file::CHECKS.iter().chain(runs::CHECKS).filter_map(|check| match check.place {
        Where::Here(why) => Some((check.claim, why)),
        Where::Anywhere => None,
    })
}

/// Shows the claims of these places.
fn show(programs: &Programs<'_>, which: fn(Where) -> bool) -> Counts {
    let mut counts = Counts::default();
    for check in file::CHECKS.iter().chain(runs::CHECKS).filter(|check| which(check.place)) {
        match (check.show)(programs) {
            Ok(()) => {
                println!("ok: {}", check.claim);
                counts.passed += 1;
            }
            Err(error) => {
                println!("FAILED: {}: {error}", check.claim);
                counts.failed += 1;
            }
        }
    }
    counts
}

impl Programs<'_> {
    /// The call of one of them, for a line of the shell.
    fn program(&self, name: &str) -> String {
        format!("{} {}/{name}", self.runner, self.folder).trim_start().to_owned()
    }

    /// Runs a line of the shell in the project's root and returns what it wrote, with `status N` as
    /// the last line.
    fn shell(&self, line: &str) -> Result<String, Error> {
        let mut command = Command::new("sh");
        let root = self.project.sh.current_dir();
        command.current_dir(root).arg("-c").arg(format!("{line}\necho status $?"));
        let finished = command::watch(command, Some(LIMIT), false)?;
        if finished.timed_out {
            return Err(format!("`{line}` took too long:\n{}", finished.output).into());
        }
        Ok(finished.output)
    }
}

/// All of these texts are in the output.
fn contains(output: &str, texts: &[&str]) -> Result<(), Error> {
    match texts.iter().find(|text| !output.contains(**text)) {
        None => Ok(()),
        Some(text) => Err(format!("there is no {text:?} in\n{output}").into()),
    }
}

/// None of these texts is in the output.
fn lacks(output: &str, texts: &[&str]) -> Result<(), Error> {
    match texts.iter().find(|text| output.contains(**text)) {
        None => Ok(()),
        Some(text) => Err(format!("there is a {text:?} in\n{output}").into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_looked_for() {
        assert!(contains("one two", &["one", "two"]).is_ok());
        let refused = contains("one two", &["one", "three"]).unwrap_err().to_string();
        assert!(refused.contains("\"three\""), "{refused}");
        assert!(lacks("one two", &["three"]).is_ok());
        assert!(lacks("one two", &["three", "two"]).is_err());
    }
}
