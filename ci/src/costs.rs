//! `cargo ci costs`: what one operation of the hot paths costs, in instructions and in locked ones, is what
//! docs/performance.md says.
//!
//! Times change with the machine and with what else it does; these counts don't, so a change that makes a
//! path longer is seen on any machine. Callgrind runs a workload of `bench` with few operations and with
//! many, and what the others took is divided by their number, so that starts and ends don't count. What is done
//! every few milliseconds would count fifty times as often there: `bench` has a clock that is as much slower.

#![forbid(unsafe_code)]

mod callgrind;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use xshell::cmd;

use crate::command::{Project, find_program};
use crate::counts::Counts;
use crate::tables::replaced;
use crate::{Error, Usage};
use callgrind::{Locked, Profile};

/// The hot paths: workloads of `bench`.
const WORKLOADS: &[&str] =
    &["switch", "spawn_join", "pingpong_unbuf", "chan_buf", "select", "mutex"];

/// The modes, and how `bench` is told of them.
const MODES: &[(&str, &[&str])] = &[("default", &[]), ("migratory", &["--migratory"])];

/// A row that may be further off than the others: by this share of its instructions, and by so many locked ones.
struct Wavers {
    row: (&'static str, &'static str),
    share: f64,
    locked: f64,
}

/// What depends on which thread is faster.
const WAVERS: &[Wavers] = &[
    // When the monitor looks decides which of the four producers wait from then on.
    Wavers { row: ("select", "migratory"), share: 0.05, locked: 1.5 },
];

/// How often a row is measured that is not as written. What the machine does besides holds threads up, and others
/// then do more; so the least counts.
const TIMES: u32 = 3;

/// So many operations, and so many more.
const FEW: u64 = 20_000;
const MORE: u64 = 100_000;

/// Where the programs and what callgrind writes are.
const FOLDER: &str = "target/costs";

/// As for `cargo ci sanitize valgrind`: by way of libc, or rustix looks for the kernel's clock where
/// valgrind has none.
const BY_LIBC: &str = "--cfg rustix_use_libc";

const DOCUMENT: &str = "docs/performance.md";

/// The table stands between these lines of the document.
const MARKS: [&str; 2] = [BEGIN, END];
const BEGIN: &str = "<!-- counts: cargo ci costs --write -->\n";
const END: &str = "<!-- end of counts -->\n";

/// What an operation takes.
#[derive(Clone, Debug, PartialEq)]
struct Cost {
    workload: String,
    mode: String,
    instructions: f64,
    locked: f64,
}

/// `cargo ci costs`.
pub(crate) fn run(project: &Project, args: &[String]) -> Result<Counts, Error> {
    let args: Vec<_> = args.iter().map(String::as_str).collect();
    if find_program("valgrind").is_none() {
        return Err("valgrind is missing; on Debian: apt-get install valgrind".into());
    }
    let document = project.sh.read_file(DOCUMENT)?;
    let measured = match args[..] {
        [] => measure(project, &written(&document))?,
        ["--write"] => measure(project, &[])?,
        ["--where", workload] if WORKLOADS.contains(&workload) => {
            return show_where(project, workload);
        }
        _ => {
            return Err(Usage(format!(
                "costs takes `--write`, or `--where` and one of {WORKLOADS:?}"
            ))
            .into());
        }
    };
    if args == ["--write"] {
        let made =
            replaced(&document, MARKS, &table(&measured)).ok_or("there is no place for a table")?;
        project.sh.write_file(DOCUMENT, made)?;
        return Ok(Counts::default());
    }
    let written = written(&document);
    let wrong: Vec<_> = measured.iter().flat_map(|cost| differences(&written, cost)).collect();
    for sentence in &wrong {
        println!("{sentence}");
    }
    match wrong.len() {
        0 => Ok(Counts { passed: measured.len() as u64, failed: 0 }),
        _ => {
            Err(format!("{DOCUMENT} says otherwise; if it is meant: cargo ci costs --write").into())
        }
    }
}

fn build(project: &Project) -> Result<Locked, Error> {
    let build = cmd!(
        project.sh,
        "cargo build --release -p bench --features slow-clock --target-dir {FOLDER}"
    );
    build.env("RUSTFLAGS", BY_LIBC).run()?;
    let program = format!("{FOLDER}/release/bench");
    let listing = cmd!(project.sh, "objdump -d --no-show-raw-insn {program}").quiet().read()?;
    Ok(Locked::read(&listing))
}

fn measure(project: &Project, written: &[Cost]) -> Result<Vec<Cost>, Error> {
    let locked = build(project)?;
    let mut costs = Vec::new();
    for &workload in WORKLOADS {
        for &(mode, options) in MODES {
            let once = || -> Result<Cost, Error> {
                let profile = profile(project, workload, options)?;
                Ok(Cost {
                    workload: workload.to_owned(),
                    mode: mode.to_owned(),
                    instructions: profile.instructions() as f64 / MORE as f64,
                    locked: profile.locked(&locked) as f64 / MORE as f64,
                })
            };
            let mut cost = once()?;
            for _ in 1..TIMES {
                if !differences(written, &cost).is_empty() {
                    let again = once()?;
                    cost.instructions = cost.instructions.min(again.instructions);
                    cost.locked = cost.locked.min(again.locked);
                }
            }
            println!("{workload} {mode}: {:.1}, {:.2} locked", cost.instructions, cost.locked);
            costs.push(cost);
        }
    }
    Ok(costs)
}

fn wavers(workload: &str, mode: &str) -> Option<&'static Wavers> {
    WAVERS.iter().find(|wavers| wavers.row == (workload, mode))
}

/// What is executed by the further operations.
fn profile(project: &Project, workload: &str, options: &[&str]) -> Result<Profile, Error> {
    let run = |n: u64| -> Result<Profile, Error> {
        let file = format!("{FOLDER}/callgrind.{workload}.{n}");
        let (out, n) = (format!("--callgrind-out-file={file}"), n.to_string());
        let log = format!("--log-file={FOLDER}/valgrind.log");
        let whole = ["--dump-instr=yes", "--compress-pos=no", "--compress-strings=no"];
        let bench = format!("{FOLDER}/release/bench");
        cmd!(
            project.sh,
            "valgrind --quiet --tool=callgrind {whole...} {log} {out} {bench} {workload} --n {n} {options...}"
        )
        .quiet()
        .ignore_stdout()
        .run()?;
        Ok(Profile::read(&project.sh.read_file(file)?))
    };
    Ok(run(FEW + MORE)?.without(&run(FEW)?))
}

/// Prints which of our functions an operation's instructions are of, whatever they were inlined into.
fn show_where(project: &Project, workload: &str) -> Result<Counts, Error> {
    let locked = build(project)?;
    let profile = profile(project, workload, &[])?;
    let executed: Vec<_> = profile.of_program().filter(|&(_, count)| count != 0).collect();
    let addresses: Vec<_> = executed.iter().map(|(address, _)| format!("{address:#x}")).collect();
    let program = format!("{FOLDER}/release/bench");
    let origins = cmd!(project.sh, "addr2line -a -i -f -C -e {program} {addresses...}").quiet();
    let root = format!("{}/", project.sh.current_dir().display());
    let places = callgrind::places(&origins.read()?, &root);
    let mut counts = BTreeMap::new();
    for (address, count) in executed {
        let place = places.get(&address).map_or("elsewhere", String::as_str);
        *counts.entry(place).or_insert(0) += count;
    }
    let mut files = BTreeMap::new();
    for (place, count) in &counts {
        *files.entry(place.split(' ').next().unwrap_or(place)).or_insert(0) += count;
    }
    for counts in [files, counts] {
        let mut counts: Vec<_> = counts.into_iter().collect();
        counts.sort_by_key(|&(_, count)| -count);
        for (place, count) in counts.into_iter().filter(|it| it.1 >= MORE as i64) {
            println!("{:>8.1}  {place}", count as f64 / MORE as f64);
        }
        println!();
    }
    println!("{:>8.1}  in all", profile.instructions() as f64 / MORE as f64);
    println!("{:>8.1}  of them locked", profile.locked(&locked) as f64 / MORE as f64);
    Ok(Counts::default())
}

/// The table of the document.
fn table(costs: &[Cost]) -> String {
    let mut text = String::from(
        "| an operation of | mode | instructions | of them locked |\n|---|---|---|---|\n",
    );
    for cost in costs {
        // Writing to a String can't fail.
        let _ = writeln!(
            text,
            "| `{}` | {} | {:.1} | {:.2} |",
            cost.workload, cost.mode, cost.instructions, cost.locked
        );
    }
    text
}

/// What the document says.
fn written(document: &str) -> Vec<Cost> {
    let table = document.split_once(BEGIN).and_then(|(_, rest)| rest.split_once(END));
    let rows = table.map_or("", |(table, _)| table).lines().filter_map(|line| {
        let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [workload, mode, instructions, locked] = cells[..] else { return None };
        Some(Cost {
            workload: workload.trim_matches('`').to_owned(),
            mode: mode.to_owned(),
            instructions: instructions.parse().ok()?,
            locked: locked.parse().ok()?,
        })
    });
    rows.collect()
}

/// A sentence for each count that is not as written: by more than half a percent and half an instruction,
/// or by a twentieth of a locked one. One that is better is not as written either, or it could become
/// worse again unseen.
fn differences(written: &[Cost], measured: &Cost) -> Vec<String> {
    let Cost { workload, mode, instructions, locked } = measured;
    let Some(was) = written.iter().find(|it| it.workload == *workload && it.mode == *mode) else {
        return vec![format!("{workload} {mode} is not in the table")];
    };
    let (share, few) = wavers(workload, mode).map_or((0.005, 0.05), |row| (row.share, row.locked));
    let mut sentences = Vec::new();
    if (instructions - was.instructions).abs() > 0.5 + was.instructions * share {
        let was = was.instructions;
        sentences.push(format!("{workload} {mode}: {instructions:.1} instructions, not {was}"));
    }
    if (locked - was.locked).abs() > few {
        sentences.push(format!("{workload} {mode}: {locked:.2} locked, not {}", was.locked));
    }
    sentences
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(instructions: f64, locked: f64) -> Cost {
        Cost { workload: "switch".to_owned(), mode: "default".to_owned(), instructions, locked }
    }

    #[test]
    fn what_is_written_is_read() {
        let document = format!("a\n{BEGIN}{END}b\n");
        let made = replaced(&document, MARKS, &table(&[cost(102.5, 1.0)])).unwrap_or_default();
        assert_eq!(written(&made), [cost(102.5, 1.0)]);
        assert!(made.starts_with("a\n") && made.ends_with("b\n"), "{made}");
        assert_eq!(replaced("a\n", MARKS, ""), None);
    }

    #[test]
    fn a_longer_path_is_seen_and_so_is_a_shorter_one() {
        let was = [cost(100.0, 1.0)];
        assert!(differences(&was, &cost(100.9, 1.04)).is_empty());
        for (instructions, locked, sentences) in
            [(102.0, 1.0, 1), (98.0, 1.0, 1), (100.0, 1.1, 1), (90.0, 0.0, 2)]
        {
            let found = differences(&was, &cost(instructions, locked));
            assert_eq!(found.len(), sentences, "{found:?}");
        }
        assert_eq!(differences(&[], &was[0]), ["switch default is not in the table"]);
    }
}
