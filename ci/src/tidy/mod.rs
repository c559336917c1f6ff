//! `cargo ci tidy`: the rules of structure that no compiler checks.
//!
//! A check is a function from the tree to its violations, and a row in [`CHECKS`]. All of them are
//! run and all violations are shown. Sizes are shown too, and break nothing.

#![forbid(unsafe_code)]

mod edges;
mod glossary;
mod places;
mod prose;
mod rooms;
mod seam;
mod sizes;
mod source;
mod tree;
mod unfinished;

use std::fmt;

use crate::Error;
use crate::command::Project;
use crate::counts::Counts;
use crate::steps::no_arguments;
use tree::Tree;

/// A place where a rule is broken.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Violation {
    path: String,
    /// Counted from 1.
    line: usize,
    /// What is wrong, and what the rule is.
    sentence: String,
}

impl Violation {
    fn new(path: &str, line: usize, sentence: impl Into<String>) -> Violation {
        Violation { path: path.to_owned(), line, sentence: sentence.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.sentence)
    }
}

/// One rule.
type Check = fn(&Tree) -> Vec<Violation>;

const CHECKS: &[Check] = &[
    edges::between_crates,
    rooms::of_the_core,
    places::target_cfgs,
    places::assembly,
    places::statics,
    prose::opening_lines,
    prose::links,
    prose::forbidden_words,
    seam::symbols,
    unfinished::markers,
    unfinished::unwraps,
    glossary::aliases,
];

/// `cargo ci tidy`.
pub(crate) fn run(project: &Project, args: &[String]) -> Result<Counts, Error> {
    no_arguments(args)?;
    let tree = Tree::read(&project.sh)?;
    print!("{}", sizes::report(&tree));
    let violations: Vec<_> = CHECKS.iter().flat_map(|check| check(&tree)).collect();
    for violation in &violations {
        println!("{violation}");
    }
    match violations.len() {
        0 => Ok(Counts::default()),
        n => Err(format!("{n} violations of the house rules").into()),
    }
}

/// The violations that a check finds in files given as text, as `path:line`.
#[cfg(test)]
fn found(check: Check, files: &[(&str, &str)]) -> Vec<String> {
    let violations = check(&Tree::of(files));
    violations.iter().map(|v| format!("{}:{}", v.path, v.line)).collect()
}
