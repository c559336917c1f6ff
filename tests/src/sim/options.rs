//! What the command line asks of the suite.

use std::fmt;

use lexopt::prelude::*;
use os_sim::{Faults, Strategy};

use crate::programs::{self, Program};

/// What is to be run. What is none, the seed decides.
#[derive(Clone, Copy)]
pub(crate) struct Options {
    pub(crate) first: u64,
    pub(crate) seeds: u64,
    /// The only one to be run.
    pub(crate) program: Option<&'static Program>,
    pub(crate) procs: Option<usize>,
    pub(crate) mode: Option<Choice<bool>>,
    pub(crate) strategy: Option<Choice<Strategy>>,
    pub(crate) faults: Option<Choice<Faults>>,
    /// Keeps the events.
    pub(crate) trace: bool,
    /// Without what failures say.
    pub(crate) brief: bool,
}

/// What an option can be set to: a name, and what it stands for.
#[derive(Clone, Copy)]
pub(crate) struct Choice<T> {
    name: &'static str,
    pub(crate) value: T,
}

const fn choice<T>(name: &'static str, value: T) -> Choice<T> {
    Choice { name, value }
}

/// Of `--mode`: whether it is migratory.
const MODES: &[Choice<bool>] = &[choice("default", false), choice("migratory", true)];

const STRATEGIES: &[Choice<Strategy>] = &[
    choice("uniform", Strategy::Uniform),
    choice("pct", Strategy::Pct { changes: 5 }),
    choice("mixed", Strategy::Mixed),
];

const FAULTS: &[Choice<Faults>] = &[
    choice("none", Faults::NONE),
    choice("spurious", Faults { spurious: 50, ..Faults::NONE }),
    choice("silent", Faults::SILENT),
];

pub(crate) const USAGE: &str = "sim [--seeds N] [--seed S] [--program NAME] [--procs P] [--mode default|migratory] \
     [--strategy uniform|pct|mixed] [--faults none|spurious|silent] [--brief]";

impl Options {
    pub(crate) fn parse() -> Result<Options, String> {
        let mut options = Options {
            first: 0,
            seeds: 1000,
            program: None,
            procs: None,
            mode: None,
            strategy: None,
            faults: None,
            trace: false,
            brief: false,
        };
        let mut parser = lexopt::Parser::from_env();
        while let Some(arg) = parser.next().map_err(|e| e.to_string())? {
            match arg {
                Long("seeds") => options.seeds = number(&mut parser, "--seeds")?,
                Long("seed") => {
                    options.first = number(&mut parser, "--seed")?;
                    options.seeds = 1;
                    options.trace = true;
                }
                Long("program") => options.program = Some(program(&mut parser)?),
                Long("procs") => {
                    options.procs = Some(number(&mut parser, "--procs")?.max(1) as usize);
                }
                Long("mode") => options.mode = Some(chosen(&mut parser, "--mode", MODES)?),
                Long("strategy") => {
                    options.strategy = Some(chosen(&mut parser, "--strategy", STRATEGIES)?);
                }
                Long("faults") => options.faults = Some(chosen(&mut parser, "--faults", FAULTS)?),
                Long("brief") => options.brief = true,
                other => return Err(other.unexpected().to_string()),
            }
        }
        Ok(options)
    }

    /// The programs to be run.
    pub(crate) fn programs(&self) -> impl Iterator<Item = &'static Program> {
        let all = self.program.is_none().then(programs::all);
        self.program.into_iter().chain(all.into_iter().flatten())
    }

    /// The command that runs one seed of a program as these options would.
    pub(crate) fn replay(&self, program: &Program, seed: u64) -> String {
        let mut line = format!("cargo ci sim --seed {seed} --program {}", program.name);
        let mut add = |option: &str, value: Option<&dyn fmt::Display>| {
            if let Some(value) = value {
                line += &format!(" --{option} {value}");
            }
        };
        add("procs", self.procs.as_ref().map(|procs| procs as &dyn fmt::Display));
        add("mode", self.mode.as_ref().map(|mode| &mode.name as &dyn fmt::Display));
        add("strategy", self.strategy.as_ref().map(|s| &s.name as &dyn fmt::Display));
        add("faults", self.faults.as_ref().map(|faults| &faults.name as &dyn fmt::Display));
        line
    }
}

/// The choice that an option's value names.
fn chosen<T: Copy>(
    parser: &mut lexopt::Parser,
    option: &str,
    choices: &[Choice<T>],
) -> Result<Choice<T>, String> {
    let value = parser.value().map_err(|e| e.to_string())?;
    let found = choices.iter().find(|choice| value.to_str() == Some(choice.name));
    found.copied().ok_or_else(|| {
        let names: Vec<_> = choices.iter().map(|choice| choice.name).collect();
        format!("{option} is {value:?}: give one of {}", names.join(", "))
    })
}

fn program(parser: &mut lexopt::Parser) -> Result<&'static Program, String> {
    let value = parser.value().map_err(|e| e.to_string())?;
    let found = programs::all().find(|program| value.to_str() == Some(program.name));
    found.ok_or_else(|| {
        let names: Vec<_> = programs::all().map(|program| program.name).collect();
        format!("--program is {value:?}: give one of {}", names.join(", "))
    })
}

fn number(parser: &mut lexopt::Parser, option: &str) -> Result<u64, String> {
    let value = parser.value().map_err(|e| e.to_string())?;
    let text = value.to_string_lossy();
    text.parse().map_err(|_| format!("{option} is {value:?}: give a number"))
}
