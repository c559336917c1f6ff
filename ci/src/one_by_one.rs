//! A test runner that needs nothing but cargo: each test in a process of its own, under a time
//! limit, as many at once as there are processors.
//!
//! It stands in for nextest. `cargo test` would not do: it runs the tests of a binary as threads of
//! one process, where a hang has no limit, and tests that count threads or mappings see those of
//! others.

#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::Value;
use xshell::cmd;

use crate::Error;
use crate::command::{self, Project};
use crate::counts::Counts;
use crate::suites::Suite;

/// The time limit of one test, as in `.config/nextest.toml`.
const LIMIT: Duration = Duration::from_secs(120);

/// An executable full of tests.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Binary {
    /// The target's name, for the reader.
    target: String,
    file: PathBuf,
    /// The package's directory, where cargo runs its tests.
    dir: PathBuf,
}

/// How tests are run.
pub(crate) struct How<'a> {
    /// For one test.
    pub(crate) limit: Duration,
    /// What this machine needs to run the executable at all, before it on the command line.
    pub(crate) runner: &'a [&'a str],
    /// What stands before that when a test runs: a program that watches it, or nothing.
    pub(crate) prefix: &'a [&'a str],
}

impl Binary {
    /// A call of this executable after these words, with the surroundings that cargo would give it.
    fn command(&self, before: &[&[&str]]) -> Command {
        let words = before.concat();
        let mut command = match &words[..] {
            [] => Command::new(&self.file),
            [program, args @ ..] => {
                let mut command = Command::new(program);
                command.args(args).arg(&self.file);
                command
            }
        };
        command.current_dir(&self.dir).env("CARGO_MANIFEST_DIR", &self.dir);
        command
    }
}

/// Builds a suite and runs its tests.
pub(crate) fn run(project: &Project, suite: &Suite, filters: &[String]) -> Result<Counts, Error> {
    let packages = suite.packages;
    let profile = suite.profile.map(|name| ["--profile", name]);
    let profile = profile.as_slice().as_flattened();
    let messages = cmd!(
        project.sh,
        "cargo test --no-run --message-format=json-render-diagnostics {packages...} {profile...}"
    )
    .read()?;
    run_built(&messages, filters, &How { limit: LIMIT, runner: &[], prefix: &[] }, |_, _| false)
}

/// Runs the tests of the executables among cargo's build messages, save those that `skips` names by
/// target and test.
pub(crate) fn run_built(
    messages: &str,
    filters: &[String],
    how: &How<'_>,
    skips: impl Fn(&str, &str) -> bool,
) -> Result<Counts, Error> {
    let mut tests = Vec::new();
    for binary in executables(messages) {
        let listing =
            binary.command(&[how.runner]).args(["--list", "--format", "terse"]).output()?;
        if !listing.status.success() {
            return Err(format!("{} can't list its tests", binary.file.display()).into());
        }
        for name in test_names(&String::from_utf8_lossy(&listing.stdout)) {
            let asked = filters.is_empty() || filters.iter().any(|filter| name.contains(filter));
            if asked && !skips(&binary.target, name) {
                tests.push((binary.clone(), name.to_owned()));
            }
        }
    }
    if tests.is_empty() {
        return Err("no test to run".into());
    }
    let counts = run_tests(&tests, how)?;
    println!("ran one by one: {counts}");
    Ok(counts)
}

/// The test executables among cargo's build messages, one JSON object a line.
fn executables(messages: &str) -> Vec<Binary> {
    let one = |line: &str| {
        let message: Value = serde_json::from_str(line).ok()?;
        if message["reason"] != "compiler-artifact" || message["profile"]["test"] != true {
            return None;
        }
        Some(Binary {
            target: message["target"]["name"].as_str()?.to_owned(),
            file: message["executable"].as_str()?.into(),
            dir: Path::new(message["manifest_path"].as_str()?).parent()?.to_owned(),
        })
    };
    messages.lines().filter_map(one).collect()
}

/// The only test executable among cargo's build messages.
pub(crate) fn executable(messages: &str) -> Option<PathBuf> {
    executables(messages).pop().map(|binary| binary.file)
}

/// The names in libtest's terse listing, which has benchmarks too.
fn test_names(listing: &str) -> impl Iterator<Item = &str> {
    listing.lines().filter_map(|line| line.strip_suffix(": test"))
}

/// Runs all of the tests and tells of those that fail.
fn run_tests(tests: &[(Binary, String)], how: &How<'_>) -> Result<Counts, Error> {
    let jobs = std::thread::available_parallelism()?.get();
    let left = Mutex::new(tests.iter());
    // A statement of its own, so that the lock is released before the test runs.
    let next = || left.lock().ok()?.next();
    let work = || {
        let mut counts = Counts::default();
        while let Some((binary, name)) = next() {
            counts = counts + run_test(binary, name, how);
        }
        counts
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..jobs).map(|_| scope.spawn(work)).collect();
        let mut total = Counts::default();
        for worker in workers {
            total = total + worker.join().map_err(|_| "the test runner panicked")?;
        }
        Ok(total)
    })
}

/// Runs one test; prints what it wrote if it fails.
fn run_test(binary: &Binary, name: &str, how: &How<'_>) -> Counts {
    let start = Instant::now();
    let mut command = binary.command(&[how.prefix, how.runner]);
    command.args(["--exact", "--nocapture", name]);
    let (verdict, output) = match command::watch(command, Some(how.limit), false) {
        // libtest exits with success when the name matches no test, so its own count is asked.
        Ok(done) if done.success && Counts::parse(&done.output).passed == 1 => {
            return Counts { passed: 1, failed: 0 };
        }
        Ok(done) if done.timed_out => ("TIMED OUT", done.output),
        Ok(done) => ("FAILED", done.output),
        Err(error) => ("NOT STARTED", error.to_string()),
    };
    let seconds = start.elapsed().as_secs_f64();
    println!("{verdict} after {seconds:.1} s: {} {name}\n{output}", binary.target);
    Counts { passed: 0, failed: 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_test_executables_are_taken() {
        let message = |target, test, executable| {
            let artifact = serde_json::json!({
                "reason": "compiler-artifact",
                "manifest_path": "/p/a/Cargo.toml",
                "target": { "name": target },
                "profile": { "test": test },
                "executable": executable,
            });
            format!("{artifact}\n")
        };
        let messages = [
            message("a", true, Some("/t/a-1")),
            message("b", false, Some("/t/b")),
            message("c", true, None),
            "{\"reason\":\"build-finished\",\"success\":true}\nno JSON\n".to_owned(),
        ];
        let binary = Binary { target: "a".into(), file: "/t/a-1".into(), dir: "/p/a".into() };
        assert_eq!(executables(&messages.concat()), [binary]);
    }

    #[test]
    fn benchmarks_are_not_tests() {
        let listing = "one::two: test\nfast: benchmark\nthree: test\n\n2 tests, 1 benchmark\n";
        assert_eq!(test_names(listing).collect::<Vec<_>>(), ["one::two", "three"]);
    }

    #[test]
    fn a_hang_a_crash_and_a_missing_test_are_failures() -> Result<(), Error> {
        // A stand-in for a test binary. `install` writes it: a file that this process had open for
        // writing can't be run while another thread's child still holds it.
        let sh = xshell::Shell::new()?;
        let dir = sh.create_temp_dir()?;
        let file = dir.path().join("tests");
        let script = "#!/bin/sh
            case $3 in
            good) echo 'test result: ok. 1 passed; 0 failed';;
            gone) echo 'test result: ok. 0 passed; 0 failed';;
            hang) sleep 60;;
            *) kill -ABRT $$;;
            esac";
        cmd!(sh, "install -m 755 /dev/stdin {file}").stdin(script).run()?;
        let binary = Binary { target: "script".into(), file, dir: dir.path().to_owned() };
        let tests = ["good", "gone", "crash"].map(|name| (binary.clone(), name.to_owned()));
        let how = How { limit: LIMIT, runner: &["env"], prefix: &["env"] };
        assert_eq!(run_tests(&tests, &how)?, Counts { passed: 1, failed: 2 });
        let hang = [(binary, "hang".to_owned())];
        let how = How { limit: Duration::from_millis(100), runner: &[], prefix: &[] };
        assert_eq!(run_tests(&hang, &how)?, Counts { passed: 0, failed: 1 });
        Ok(())
    }
}
