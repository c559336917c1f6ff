//! Workloads, one line of result each: `workload/pN gort VALUE UNIT [key=value ..]`.
//!
//! `cargo run --release -p bench -- WORKLOAD.. [--procs N] [--migratory] [--n COUNT] [--json]`

#![allow(unsafe_code, reason = "`--migratory` is an unsafe promise")]

mod channels;
mod figures;
mod held;
mod locks;
mod memory;
mod servers;
#[cfg(feature = "slow-clock")]
mod slow_clock;
mod start;
mod tasks;
mod timers;
mod workloads;

use std::process::ExitCode;

use figures::Given;
use workloads::WORKLOADS;

/// The workload that is no goroutine's: programs from exec to exit.
const START: &str = "start";

/// What the command line asks for.
struct Options {
    workloads: Vec<String>,
    procs: usize,
    migratory: bool,
    n: Option<u64>,
    /// One line of JSON for each result.
    json: bool,
}

fn main() -> ExitCode {
    let options = match parse() {
        Ok(options) => options,
        Err(error) => {
            eprintln!("bench: {error}");
            eprintln!("usage: bench WORKLOAD.. [--procs N] [--migratory] [--n COUNT] [--json]");
            let names: Vec<&str> = WORKLOADS.iter().map(|w| w.name).collect();
            eprintln!("workloads: {} {START}", names.join(" "));
            return ExitCode::from(2);
        }
    };
    for name in &options.workloads {
        if name == START {
            if let Err(error) = start::run(options.n.unwrap_or(start::ROUNDS), options.json) {
                eprintln!("bench: {name}: {error}");
                return ExitCode::FAILURE;
            }
            continue;
        }
        let Some(workload) = WORKLOADS.iter().find(|w| w.name == name) else { continue };
        let given = Given { n: options.n.unwrap_or(workload.n), procs: options.procs };
        let mut builder = gort::Builder::new().procs(options.procs);
        if options.migratory {
            // SAFETY: no workload keeps anything bound to its thread over a wait, and what they
            // pass to `run` captures numbers only.
            builder = unsafe { builder.migratory() };
        }
        let figures = match builder.run(|| (workload.run)(given)) {
            Ok(figures) => figures,
            Err(error) => {
                eprintln!("bench: {name}: {error}");
                return ExitCode::FAILURE;
            }
        };
        let mode = if options.migratory { "migratory" } else { "default" };
        if options.json {
            println!("{}", figures.json(name, mode, given));
        } else {
            println!("{name}/p{} gort {figures} n={} mode={mode}", given.procs, given.n);
        }
    }
    ExitCode::SUCCESS
}

fn parse() -> Result<Options, String> {
    use lexopt::prelude::*;
    let mut options =
        Options { workloads: Vec::new(), procs: 1, migratory: false, n: None, json: false };
    let mut parser = lexopt::Parser::from_env();
    while let Some(arg) = parser.next().map_err(|e| e.to_string())? {
        match arg {
            Long("procs") => options.procs = number(&mut parser, "--procs")? as usize,
            Long("n") => options.n = Some(number(&mut parser, "--n")?),
            Long("migratory") => options.migratory = true,
            Long("json") => options.json = true,
            Value(name) => {
                let name = name.to_string_lossy().into_owned();
                if name != START && !WORKLOADS.iter().any(|w| w.name == name) {
                    return Err(format!("no workload `{name}`"));
                }
                options.workloads.push(name);
            }
            other => return Err(other.unexpected().to_string()),
        }
    }
    if options.workloads.is_empty() {
        return Err("name at least one workload".into());
    }
    Ok(options)
}

fn number(parser: &mut lexopt::Parser, option: &str) -> Result<u64, String> {
    let value = parser.value().map_err(|e| e.to_string())?;
    let text = value.to_string_lossy().replace('_', "");
    match text.parse() {
        Ok(n) if n > 0 => Ok(n),
        _ => Err(format!("{option} is {value:?}: give a number of at least 1")),
    }
}
