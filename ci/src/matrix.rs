//! The matrix: which backends are built for which target, and what is done there. This is data; who
//! does it are the steps of `cargo ci`, and `cargo ci cross` for targets that are not this machine's.

#![forbid(unsafe_code)]

mod rows;

use std::fmt::{self, Write as _};

pub(crate) use rows::ROWS;

use crate::{Error, Usage, freestanding};

/// One line of the matrix.
pub(crate) struct Row {
    /// For the command line; no other row has it.
    pub(crate) name: &'static str,
    /// As rustc calls it.
    pub(crate) target: &'static str,
    /// The crates of the system and of the processor.
    pub(crate) backend: &'static str,
    /// In words.
    pub(crate) features: &'static str,
    pub(crate) by: By,
}

/// Who does it.
pub(crate) enum By {
    /// The step of this name, which runs things on this machine.
    Step(&'static str),
    /// `cargo ci cross`, by these tasks.
    Cross(&'static [Task]),
}

/// What `cargo ci cross` does for a row, in this order.
pub(crate) enum Task {
    /// Compiles packages without linking them. The arguments are cargo's.
    Check(Std, &'static [&'static str]),
    /// Links programs, which this machine has nothing to run with: cargo's arguments, and the files
    /// below the target's folder with their first bytes.
    Link(&'static [&'static str], &'static [(&'static str, &'static [u8])]),
    /// Runs the tests of packages, each in a process of its own. The arguments are cargo's.
    Tests(&'static [&'static str], &'static [LeftOut]),
    /// Runs an example of `gort`, which has to say this.
    Example(&'static str, &'static str),
    /// Builds the programs without libc and checks what they do and say.
    Freestanding,
}

/// How much of the standard library is built for a check.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Std {
    Without,
    With,
}

/// In place of an executable's name: it is a clause of the platform's contract that is left out.
pub(crate) const CLAUSE: &str = "clause";

/// Tests that can't run there, and why.
pub(crate) struct LeftOut {
    /// The executable's name.
    pub(crate) target: &'static str,
    /// A part of the tests' names; empty: all of its tests.
    pub(crate) part: &'static str,
    pub(crate) why: &'static str,
}

impl LeftOut {
    /// Whether this test is one of them.
    pub(crate) fn has(&self, target: &str, test: &str) -> bool {
        self.target == target && test.contains(self.part)
    }
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(format!("{} {}", self.target, self.part).trim_end())
    }
}

impl Row {
    /// What is done, in a word: the most that is.
    pub(crate) fn does(&self) -> &'static str {
        let By::Cross(tasks) = self.by else { return "run" };
        let runs = |task: &Task| !matches!(task, Task::Check(..) | Task::Link(..));
        if tasks.iter().any(runs) {
            return if self.is_emulated() { "run under emulation" } else { "run" };
        }
        let links = tasks.iter().any(|task| matches!(task, Task::Link(..)));
        if links { "link" } else { "check" }
    }

    /// Whether this machine can't run its programs by itself. (Other systems' it can't run at all.)
    pub(crate) fn is_emulated(&self) -> bool {
        !self.target.starts_with("x86_64-")
    }

    /// What does it, behind `cargo ci`.
    pub(crate) fn command(&self) -> String {
        match self.by {
            By::Step(step) => step.to_owned(),
            By::Cross(_) => format!("cross {}", self.name),
        }
    }

    /// Everything that is left out of it, and why.
    pub(crate) fn left_out(&self) -> Vec<(String, &'static str)> {
        let tasks = match self.by {
            By::Step(_) => &[],
            By::Cross(tasks) => tasks,
        };
        let mut all = Vec::new();
        for task in tasks {
            match task {
                Task::Tests(_, left_out) => {
                    all.extend(left_out.iter().map(|it| (it.to_string(), it.why)));
                }
                Task::Freestanding => {
                    let claims = freestanding::not_elsewhere();
                    all.extend(claims.map(|(claim, why)| (claim.to_owned(), why)));
                }
                Task::Check(..) | Task::Link(..) | Task::Example(..) => {}
            }
        }
        all
    }
}

/// `cargo ci matrix [--json]`. It is no step: what it prints is for a reader or for a program.
pub(crate) fn print(args: &[String]) -> Result<(), Error> {
    match args {
        [] => print!("{}", table()),
        [arg] if arg == "--json" => println!("{}", json()),
        [arg, ..] => return Err(Usage(format!("`matrix` takes `--json`, and not `{arg}`")).into()),
    }
    Ok(())
}

/// The matrix for a reader, and below it what is left out.
fn table() -> String {
    let mut lines =
        vec![["target", "backend", "features", "what", "cargo ci .."].map(str::to_owned)];
    for row in ROWS {
        let cells = [row.target, row.backend, row.features, row.does()].map(str::to_owned);
        let [target, backend, features, does] = cells;
        lines.push([target, backend, features, does, row.command()]);
    }
    let width = |column: usize| lines.iter().map(|line| line[column].len()).max().unwrap_or(0);
    let widths: [usize; 5] = std::array::from_fn(width);
    let mut text = String::new();
    for line in &lines {
        let cells = line.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
        // Writing to a String can't fail.
        let _ = writeln!(text, "{}", Vec::from_iter(cells).join("  ").trim_end());
    }
    for row in ROWS {
        for (what, why) in row.left_out() {
            let _ = write!(text, "\nnot in {}: {what}: {why}", row.name);
        }
    }
    text.trim_end().to_owned() + "\n"
}

/// The matrix for a workflow: an object with the list `include`.
fn json() -> serde_json::Value {
    let row = |row: &Row| {
        serde_json::json!({
            "name": row.name,
            "target": row.target,
            "backend": row.backend,
            "features": row.features,
            "does": row.does(),
            "command": row.command(),
        })
    };
    serde_json::json!({ "include": ROWS.iter().map(row).collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::steps;

    #[test]
    fn names_are_unique_and_can_be_typed() {
        for (index, row) in ROWS.iter().enumerate() {
            assert!(ROWS[..index].iter().all(|other| other.name != row.name), "{}", row.name);
            assert!(row.name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c)));
            assert!(
                row.name.starts_with(row.target) || row.target.starts_with(row.name),
                "{}",
                row.name
            );
        }
    }

    #[test]
    fn what_is_left_out_has_a_reason() {
        for (what, why) in ROWS.iter().flat_map(Row::left_out) {
            assert!(!why.is_empty() && !what.is_empty());
        }
        let left_out = LeftOut { target: "a", part: "b", why: "" };
        assert_eq!(left_out.to_string(), "a b");
        assert!(left_out.has("a", "abc") && !left_out.has("b", "abc") && !left_out.has("a", "c"));
    }

    #[test]
    fn table_and_json_have_every_row() {
        let (table, json) = (table(), json());
        assert_eq!(table.lines().filter(|line| line.contains("  ")).count(), 1 + ROWS.len());
        assert_eq!(json["include"].as_array().map(Vec::len), Some(ROWS.len()));
        assert!(print(&["--xml".to_owned()]).is_err());
    }

    #[test]
    fn the_workflow_has_every_row_and_the_other_steps() {
        let workflow = include_str!("../../.github/workflows/ci.yml");
        assert!(workflow.contains("cargo ci matrix --json"), "it asks for the rows");
        let by_row =
            |step: &str| ROWS.iter().any(|row| matches!(row.by, By::Step(name) if name == step));
        for step in steps::STEPS {
            let named = workflow.contains(&format!("- {}\n", step.name));
            let expected = !by_row(step.name) && !["tools", "cross"].contains(&step.name);
            assert_eq!(named, expected, "the step {} in ci.yml", step.name);
        }
    }
}
