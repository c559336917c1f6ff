//! `cargo ci cross`: what the matrix has for targets that are not this machine's own.
//!
//! A target's std is built from source, for no toolchain has all of them. What can be run is run, on
//! this machine or by an emulator of the processor; other systems' programs are linked, or only
//! compiled. Everything is below `target/cross`.

#![forbid(unsafe_code)]

mod kit;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use xshell::{Cmd, cmd};

use crate::command::{self, Project};
use crate::counts::Counts;
use crate::freestanding::{self, Programs};
use crate::matrix::{By, CLAUSE, LeftOut, ROWS, Row, Std, Task};
use crate::one_by_one::{self, How};
use crate::{Error, Usage};
use kit::Kit;

/// Where everything is built, below the project's root.
const FOLDER: &str = "target/cross";

/// How tests are built.
const BUILD_TESTS: &[&str] =
    &["--no-run", "--tests", "--profile", "cross", "--message-format=json-render-diagnostics"];

/// Tells the tests of a backend which clauses they are not to check.
const WITHOUT: &str = "OS_LINUX_WITHOUT";

/// The time limit of one test: an emulator makes it some ten times slower.
const LIMIT: Duration = Duration::from_secs(300);

/// `cargo ci cross`.
pub(crate) fn run(project: &Project, args: &[String]) -> Result<Counts, Error> {
    let rows = choose(args)?;
    let kit = Kit::new(project)?;
    let mut counts = Counts::default();
    let mut ends = Vec::new();
    for (row, tasks) in rows {
        println!("\n-- {}: {}, {}", row.name, row.backend, row.features);
        let start = Instant::now();
        let done = At { project, kit: &kit, row }.all(tasks);
        counts = counts + done;
        ends.push((row, done, start.elapsed().as_secs_f64()));
    }
    println!();
    for (row, done, seconds) in ends {
        println!("{seconds:>8.1} s  {:<34} {:<20} {done}", row.name, row.does());
    }
    Ok(counts)
}

/// The rows that are `cross`'s and whose names contain one of the words, or all if there are none. A
/// name as it stands is that row alone.
fn choose(args: &[String]) -> Result<Vec<(&'static Row, &'static [Task])>, Usage> {
    let mine = ROWS.iter().filter_map(|row| match row.by {
        By::Cross(tasks) => Some((row, tasks)),
        By::Step(_) => None,
    });
    let asked = |row: &Row, arg: &String| match ROWS.iter().any(|other| other.name == *arg) {
        true => row.name == arg,
        false => row.name.contains(arg.as_str()),
    };
    let rows: Vec<_> =
        mine.filter(|(row, _)| args.is_empty() || args.iter().any(|arg| asked(row, arg))).collect();
    match rows.is_empty() {
        false => Ok(rows),
        true => Err(Usage(format!("no row of the matrix for {args:?}; see `cargo ci matrix`"))),
    }
}

/// A row, and what it takes to do it.
struct At<'a> {
    project: &'a Project,
    kit: &'a Kit<'a>,
    row: &'static Row,
}

impl At<'_> {
    /// Does all of it. A task that comes to no end is a failure, and the next one is tried.
    fn all(&self, tasks: &[Task]) -> Counts {
        let one = |task| {
            self.task(task).unwrap_or_else(|error| {
                println!("error: {error}");
                Counts { passed: 0, failed: 1 }
            })
        };
        tasks.iter().map(one).sum()
    }

    fn task(&self, task: &Task) -> Result<Counts, Error> {
        match *task {
            Task::Check(std, args) => {
                self.cargo("check", std, args).run()?;
                Ok(Counts { passed: 1, failed: 0 })
            }
            Task::Link(args, files) => self.link(args, files),
            Task::Tests(args, left_out) => self.tests(args, left_out),
            Task::Example(name, says) => self.example(name, says),
            Task::Freestanding => self.freestanding(),
        }
    }

    /// A call of cargo for this target, with the compiler that builds std.
    fn cargo(&self, does: &str, std: Std, args: &[&str]) -> Cmd<'_> {
        let target = self.row.target;
        let std = match std {
            Std::Without => "-Zbuild-std=core,alloc",
            Std::With => "-Zbuild-std",
        };
        cmd!(
            self.project.sh,
            "cargo {does} {std} --target {target} --target-dir {FOLDER} {args...}"
        )
        .env("RUSTC", &self.kit.compiler)
        .env("RUSTC_BOOTSTRAP", "1")
        // Nobody builds these again and again, and it takes gigabytes.
        .env("CARGO_INCREMENTAL", "0")
    }

    /// The same for what is linked.
    fn linking(&self, does: &str, std: Std, args: &[&str]) -> Result<Cmd<'_>, Error> {
        let linker = self.kit.linker(self.row.target)?;
        let name = self.row.target.to_uppercase().replace('-', "_");
        let cargo = self
            .cargo(does, std, args)
            .env(format!("CARGO_TARGET_{name}_LINKER"), linker.program)
            .env(format!("CARGO_TARGET_{name}_RUSTFLAGS"), linker.flags)
            // It would take a tool that the compiler doesn't bring.
            .env("CARGO_PROFILE_RELEASE_STRIP", "false");
        Ok(cargo)
    }

    /// What a program of this row is run by; nothing, if this machine can.
    fn runner(&self) -> Result<Option<String>, Error> {
        if !self.row.is_emulated() {
            return Ok(None);
        }
        let emulator = self.kit.emulator()?;
        let emulator = emulator.to_str().ok_or("the project's path is not UTF-8")?;
        Ok(Some(emulator.to_owned()))
    }

    /// Where cargo puts what it builds for this target.
    fn folder(&self) -> PathBuf {
        self.project.sh.current_dir().join(FOLDER).join(self.row.target)
    }

    fn link(&self, args: &[&str], files: &[(&str, &[u8])]) -> Result<Counts, Error> {
        self.linking("build", Std::With, args)?.run()?;
        let mut counts = Counts::default();
        for (file, begins) in files {
            let file = self.folder().join(file);
            let bytes = fs::read(&file)?;
            if !bytes.starts_with(begins) {
                return Err(format!("{} begins with other bytes", file.display()).into());
            }
            println!("linked: {}, {} KiB", file.display(), bytes.len() >> 10);
            counts.passed += 1;
        }
        Ok(counts)
    }

    fn tests(&self, args: &[&str], left_out: &[LeftOut]) -> Result<Counts, Error> {
        let args = [BUILD_TESTS, args].concat();
        let messages = self.linking("test", Std::With, &args)?.read()?;
        let runner = self.runner()?;
        let runner: Vec<&str> = runner.iter().map(String::as_str).collect();
        let clauses = left_out.iter().filter(|it| it.target == CLAUSE).map(|it| it.part);
        let clauses = format!("{WITHOUT}={}", Vec::from_iter(clauses).join(","));
        let how = How { limit: LIMIT, runner: &runner, prefix: &["env", &clauses] };
        let skips = |target: &str, test: &str| left_out.iter().any(|it| it.has(target, test));
        let counts = one_by_one::run_built(&messages, &[], &how, skips)?;
        for it in left_out {
            println!("not run here: {it}: {}", it.why);
        }
        Ok(counts)
    }

    fn example(&self, name: &str, says: &str) -> Result<Counts, Error> {
        let args = ["--release", "-p", "gort", "--example", name];
        self.linking("build", Std::With, &args)?.run()?;
        let program = self.folder().join("release/examples").join(name);
        let finished = command::watch(self.call(&program)?, Some(LIMIT), true)?;
        if !finished.success || !finished.output.contains(says) {
            return Err(format!("{name} has not come to {says:?}").into());
        }
        Ok(Counts { passed: 1, failed: 0 })
    }

    /// The call of a program of this row.
    fn call(&self, program: &Path) -> Result<Command, Error> {
        let Some(runner) = self.runner()? else { return Ok(Command::new(program)) };
        let mut command = Command::new(runner);
        command.arg(program);
        Ok(command)
    }

    fn freestanding(&self) -> Result<Counts, Error> {
        let args = freestanding::BUILD.split(' ').collect::<Vec<_>>();
        self.linking("build", Std::Without, &args)?.run()?;
        let folder = self.folder().join("freestanding");
        let programs = Programs {
            project: self.project,
            runner: self.runner()?.unwrap_or_default(),
            folder: folder.to_str().ok_or("the project's path is not UTF-8")?.to_owned(),
        };
        let counts = freestanding::elsewhere(&programs);
        for (claim, why) in freestanding::not_elsewhere() {
            println!("not shown here: {claim}: {why}");
        }
        Ok(counts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(args: &[&str]) -> Vec<&'static str> {
        let args: Vec<_> = args.iter().map(|&arg| arg.to_owned()).collect();
        choose(&args).map_or(Vec::new(), |rows| rows.iter().map(|(row, _)| row.name).collect())
    }

    #[test]
    fn rows_are_chosen_by_name_or_by_a_part_of_it() {
        assert_eq!(names(&["aarch64-unknown-linux-musl"]), ["aarch64-unknown-linux-musl"]);
        assert_eq!(names(&["linux-musl-bare"]), ["aarch64-unknown-linux-musl-bare"]);
        assert!(names(&["freebsd"]).len() > 1 && names(&[]).len() > names(&["aarch64"]).len());
        // Not done by this step, and not there.
        assert!(names(&["x86_64-unknown-linux-gnu"]).is_empty() && names(&["vax"]).is_empty());
    }
}
