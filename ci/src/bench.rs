//! `cargo ci bench`: gort's workloads and those of its peers, in turn on this machine.
//!
//! What is measured is in `bench/` and `bench/peers/`; this builds it, runs it and compares. Runs of one
//! workload are interleaved (A B C A B C), so that what disturbs the machine disturbs all of them, and
//! what counts is the median and the ratio within one run. It runs only when asked for by name: a
//! busy machine changes times, and no check of CI goes by them.

#![forbid(unsafe_code)]

mod page;
mod peers;
mod results;
mod run;
mod workloads;

use crate::command::Project;
use crate::counts::Counts;
use crate::{Error, Usage};
use peers::Peer;
use results::{Machine, Results};
use workloads::{WORKLOADS, Workload};

/// Where the results are written to.
const FOLDER: &str = "bench/results";

/// What the command line asks for.
struct Options {
    workloads: Vec<&'static Workload>,
    /// Fewer operations and rounds.
    quick: bool,
    /// How often each is run; the median counts.
    rounds: usize,
    procs: Vec<usize>,
}

/// `cargo ci bench`.
pub(crate) fn run(project: &Project, args: &[String]) -> Result<Counts, Error> {
    let options = parse(args)?;
    let (peers, missing) = peers::build_all(project)?;
    for (name, why) in &missing {
        println!("WITHOUT {name}: {why}");
    }
    let machine = Machine::read(project)?;
    println!("{machine}");
    project.sh.create_dir(FOLDER)?;
    let mut counts = Counts::default();
    for workload in &options.workloads {
        let results = one(project, workload, &peers, &options);
        print!("{results}");
        for failed in &results.failed {
            println!("  FAILED {failed}");
        }
        counts.passed += results.entries.len() as u64;
        counts.failed += results.failed.iter().filter(|row| row.starts_with("gort")).count() as u64;
        let file = format!("{FOLDER}/{}.json", workload.row);
        project.sh.write_file(file, results.json(&machine, options.quick)?)?;
    }
    let page = format!("{FOLDER}/index.html");
    project.sh.write_file(&page, page::of_all(project, &missing)?)?;
    println!("\n{page} shows it, and what was measured before");
    Ok(counts)
}

/// Runs one workload, on every peer that has it.
fn one(
    project: &Project,
    workload: &'static Workload,
    peers: &[Peer],
    options: &Options,
) -> Results {
    let mut results = Results::of(workload);
    for &procs in options.procs.iter().filter(|procs| workload.procs.contains(procs)) {
        for _ in 0..workload.rounds.unwrap_or(options.rounds) {
            for peer in peers.iter().filter(|peer| peer.has(workload)) {
                let n = if options.quick { workload.quick } else { workload.n };
                match run::once(project, workload, peer, procs, n) {
                    Ok(lines) => results.add(procs, lines),
                    Err(error) => results.fail(procs, peer.label, &error.to_string()),
                }
            }
        }
    }
    results
}

fn parse(args: &[String]) -> Result<Options, Usage> {
    let mut options = Options { workloads: Vec::new(), quick: false, rounds: 0, procs: vec![1, 2] };
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let mut number = || {
            let value = args.next().and_then(|value| value.parse::<usize>().ok());
            value.filter(|&n| n > 0).ok_or_else(|| Usage(format!("{arg} wants a number")))
        };
        match arg.as_str() {
            "--quick" => options.quick = true,
            "--rounds" => options.rounds = number()?,
            "--procs" => options.procs = vec![number()?],
            name => {
                // `tcp_echo` stands for all rows that it has.
                let named = WORKLOADS.iter().filter(|row| row.row == name || row.name == name);
                let before = options.workloads.len();
                options.workloads.extend(named);
                if options.workloads.len() == before {
                    let names: Vec<_> = WORKLOADS.iter().map(|row| row.row).collect();
                    let names = names.join(" ");
                    return Err(Usage(format!("no workload `{name}`; there are: {names}")));
                }
            }
        }
    }
    if options.workloads.is_empty() {
        options.workloads.extend(WORKLOADS);
    }
    if options.rounds == 0 {
        options.rounds = if options.quick { 3 } else { 7 };
    }
    Ok(options)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn the_command_line_names_rows_or_workloads() -> Result<(), Usage> {
        let options = parse(&words("switch tcp_echo --quick --procs 2"))?;
        let rows: Vec<_> = options.workloads.iter().map(|workload| workload.row).collect();
        assert_eq!(rows, ["switch", "tcp_echo_50", "tcp_echo_1000"]);
        assert_eq!((options.quick, options.rounds, options.procs), (true, 3, vec![2]));
        assert_eq!(parse(&[])?.workloads.len(), WORKLOADS.len());
        for bad in ["swich", "--rounds", "--rounds 0", "--fast"] {
            assert!(parse(&words(bad)).is_err(), "{bad}");
        }
        Ok(())
    }
}
