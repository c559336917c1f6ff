//! `cargo ci sanitize`: the whole-runtime tests under the address sanitizer, the thread sanitizer
//! and valgrind, each of which is told of our stacks (`rt-core/src/fiber.rs`).
//!
//! `tests/tests/sanitized` has programs that are wrong on purpose: were a tool blind to goroutines,
//! those tests would fail.

#![forbid(unsafe_code)]

mod libraries;
mod skipped;

use std::time::Duration;

use xshell::cmd;

use crate::command::{Project, find_program};
use crate::counts::Counts;
use crate::one_by_one::{self, How};
use crate::{Error, Usage, compiler};

/// The time limit of one test: the tools make it some ten times slower, valgrind fifty.
const LIMIT: Duration = Duration::from_secs(300);

/// The only system that the backends and these tools have in common. Named, so that build scripts
/// and macros are built without the sanitizer.
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// rustix makes system calls by itself if it may. By way of libc the sanitizers see what is mapped,
/// unmapped and sent; and under valgrind it would look for the kernel's clock where there is none.
const BY_LIBC: &str = "--cfg rustix_use_libc";

/// A tool that watches a program's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tool {
    Address,
    Thread,
    Valgrind,
}

const TOOLS: [Tool; 3] = [Tool::Address, Tool::Thread, Tool::Valgrind];

impl Tool {
    /// On the command line.
    fn name(self) -> &'static str {
        match self {
            Tool::Address => "address",
            Tool::Thread => "thread",
            Tool::Valgrind => "valgrind",
        }
    }

    /// The feature of `tests` with which the runtime tells the tool of its stacks.
    fn feature(self) -> &'static str {
        match self {
            Tool::Address => "sanitize-address",
            Tool::Thread => "sanitize-thread",
            Tool::Valgrind => "valgrind",
        }
    }

    /// What stands before a test's executable.
    fn prefix(self) -> &'static [&'static str] {
        match self {
            // Workers bring alternate signal stacks, inside of their own mappings. The sanitizer
            // would put its own there first, and in the end unmap whatever it finds: ours.
            Tool::Address => &[
                "env",
                "ASAN_OPTIONS=handle_segv=0:handle_sigbus=0:use_sigaltstack=0:detect_stack_use_after_return=1",
            ],
            // The handlers of faults are as in other builds, for tests look at what they do.
            // A runtime that ends before a call of one of its goroutines does leaves that call's
            // thread to end by itself: it is joined later, or never if the process ends.
            Tool::Thread => &[
                "env",
                "TSAN_OPTIONS=handle_segv=0:handle_sigbus=0:use_sigaltstack=0:report_thread_leaks=0:halt_on_error=1",
            ],
            // Children too, for many tests run in a process of their own. Fairness, because a
            // thread that waits for another by yielding would keep the only turn there is.
            Tool::Valgrind => &[
                "valgrind",
                "--quiet",
                "--error-exitcode=99",
                "--trace-children=yes",
                "--fair-sched=yes",
                "--num-callers=30",
            ],
        }
    }

    /// What is built of the tests.
    fn targets(self) -> &'static [&'static str] {
        match self {
            Tool::Address | Tool::Thread => &["--tests"],
            Tool::Valgrind => &["--test=tasks", "--test=sync", "--test=sanitized"],
        }
    }

    /// Whether it runs this test: valgrind a few, for one takes as long as fifty without it.
    fn runs(self, target: &str, name: &str) -> bool {
        let is_one = || match target {
            "tasks" => name.starts_with("smoke::"),
            "sync" => name.starts_with("mutex::"),
            _ => true,
        };
        self != Tool::Valgrind || is_one()
    }
}

/// `cargo ci sanitize`.
pub(crate) fn run(project: &Project, args: &[String]) -> Result<Counts, Error> {
    let (tools, filters) = choose(args)?;
    let counts = tools.iter().map(|&tool| one(project, tool, filters));
    Ok(counts.collect::<Result<Vec<_>, _>>()?.into_iter().sum())
}

/// The tools that were asked for, all of them if none was, and the filters behind.
fn choose(args: &[String]) -> Result<(Vec<Tool>, &[String]), Usage> {
    if let Some(option) = args.iter().find(|arg| arg.starts_with('-')) {
        return Err(Usage(format!("`sanitize` has no option `{option}`")));
    }
    let named = |arg: &String| TOOLS.into_iter().find(|tool| tool.name() == arg.as_str());
    match args.split_first() {
        Some((first, rest)) => match named(first) {
            Some(tool) => Ok((vec![tool], rest)),
            None => Ok((TOOLS.into(), args)),
        },
        None => Ok((TOOLS.into(), args)),
    }
}

/// Builds the tests for one tool, and runs them.
fn one(project: &Project, tool: Tool, filters: &[String]) -> Result<Counts, Error> {
    println!("-- {}", tool.name());
    let messages = build(project, tool)?;
    let how = How { limit: LIMIT, runner: &[], prefix: tool.prefix() };
    let skips = |target: &str, name: &str| {
        !tool.runs(target, name) || skipped::reason(tool, target, name).is_some()
    };
    let counts = one_by_one::run_built(&messages, filters, &how, skips)?;
    for (skip, reason) in skipped::by(tool) {
        println!("not run under {}: {skip}: {reason}", tool.name());
    }
    Ok(counts)
}

/// Builds the tests, and returns cargo's messages.
fn build(project: &Project, tool: Tool) -> Result<String, Error> {
    let (sh, feature, targets) = (&project.sh, tool.feature(), tool.targets());
    let dir = format!("target/sanitize/{}", tool.name());
    let build = cmd!(
        sh,
        "cargo test --no-run --message-format=json-render-diagnostics -p tests {targets...}
            --features {feature} --target-dir {dir}"
    );
    if tool == Tool::Valgrind {
        if find_program("valgrind").is_none() {
            return Err("valgrind is missing; on Debian: apt-get install valgrind".into());
        }
        return Ok(build.env("RUSTFLAGS", BY_LIBC).read()?);
    }
    let compiler = compiler::get(project)?;
    libraries::copy(project)?;
    let flags = format!("-Zsanitizer={} {BY_LIBC}", tool.name());
    let build = build
        .args(["-Zbuild-std", "--target", TARGET])
        .env("RUSTC", compiler)
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTFLAGS", flags);
    Ok(build.read()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn a_tool_comes_first_and_filters_follow() -> Result<(), Error> {
        assert_eq!(choose(&[])?, (TOOLS.to_vec(), &[][..]));
        let line = args("thread races mutex");
        assert_eq!(choose(&line)?, (vec![Tool::Thread], &line[1..]));
        let line = args("races");
        assert_eq!(choose(&line)?, (TOOLS.to_vec(), &line[..]));
        assert!(choose(&args("--thread")).is_err());
        Ok(())
    }
}
