//! `cargo ci`: all of gort's checks, and the only thing that its CI runs.
//!
//! [`steps::STEPS`] is the list: `cargo ci` takes the steps in that order, `cargo ci STEP` takes
//! one. A new step is a module with one function, and a row in the table.

#![forbid(unsafe_code)]

mod bench;
mod command;
mod compiler;
mod costs;
mod counts;
mod cross;
mod debian;
mod freestanding;
mod hygiene;
mod loom;
mod matrix;
mod mirror;
mod mutants;
mod one_by_one;
mod platforms;
mod sanitize;
mod scaling;
mod sim;
mod soak;
mod steps;
mod suites;
mod tables;
mod tidy;
mod tools;
mod tour;

use std::fmt;
use std::process::ExitCode;

use command::Project;

/// What a step comes back with when it could not pass: a sentence for the reader.
type Error = Box<dyn std::error::Error>;

/// The command line made no sense. Reported with exit status 2, where a red step gives 1.
#[derive(Debug)]
struct Usage(String);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

fn main() -> ExitCode {
    match run(lexopt::Parser::from_env()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("cargo ci: {error}");
            let usage = error.is::<Usage>() || error.is::<lexopt::Error>();
            ExitCode::from(if usage { 2 } else { 1 })
        }
    }
}

/// Does what the command line asks; `false` when a step was red.
fn run(mut parser: lexopt::Parser) -> Result<bool, Error> {
    match parser.next()? {
        None => steps::run_all(&Project::open()?),
        Some(lexopt::Arg::Short('h') | lexopt::Arg::Long("help")) => {
            print!("{}", steps::help());
            Ok(true)
        }
        Some(lexopt::Arg::Value(name)) => {
            let name = name.to_string_lossy();
            let mut args = Vec::new();
            for arg in parser.raw_args()? {
                args.push(arg.into_string().map_err(lexopt::Error::from)?);
            }
            if name == "matrix" {
                return matrix::print(&args).map(|()| true);
            }
            let step = steps::find(&name)?;
            if args.iter().any(|arg| arg == "-h" || arg == "--help") {
                println!("cargo ci {}: {}", step.usage, step.about);
                return Ok(true);
            }
            steps::run_one(&Project::open()?, step, &args)
        }
        Some(other) => Err(other.unexpected().into()),
    }
}
