//! The test suites of the crates that gort mirrors, run against gort with names replaced.
//!
//! A suite is taken from the crate's published package, or for std from Debian's of its sources,
//! rewritten into `target/mirror`, and run as the crate runs it. Each of its files is there three times: on plain threads, on goroutines and on
//! goroutines that migrate. No text of theirs is kept here.

#![forbid(unsafe_code)]

mod std_suite;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use xshell::cmd;

use crate::command::{self, Project};
use crate::counts::Counts;
use crate::{Error, Usage};

/// A crate with a suite that has to pass.
struct Mirrored {
    package: &'static str,
    /// The version whose suite it is.
    version: &'static str,
    /// What the tests need besides, as lines of a Cargo.toml.
    needs: &'static str,
    rewriting: Rewriting,
    /// Files that hold something of a thread's across a wait, which migrating forbids.
    thread_bound: &'static [&'static str],
}

/// What is replaced by what.
struct Rewriting {
    /// In every file.
    everywhere: &'static [(&'static str, &'static str)],
    /// Where the tests run on goroutines.
    on_goroutines: &'static [(&'static str, &'static str)],
}

const CROSSBEAM_CHANNEL: Mirrored = Mirrored {
    package: "crossbeam-channel",
    version: "0.5.17",
    needs: "crossbeam-utils = \"=0.8.23\"\nrand = \"0.8\"\nsignal-hook = \"0.3\"\nnum_cpus = \"1\"\n",
    rewriting: Rewriting {
        everywhere: &[
            ("use crossbeam_channel as cc;", "use gort::chan as cc;"),
            ("use crossbeam_channel::", "use gort::chan::"),
            ("use std::time::{Duration, Instant};", "use gort::time::{Duration, Instant};"),
            ("use std::time::Instant;", "use gort::time::Instant;"),
            // The one place where a test calls the macro behind `select!`.
            ("cc::crossbeam_channel_internal! {", "cc::select! {"),
        ],
        on_goroutines: &[
            ("use std::thread;", "use gort::thread;"),
            ("use std::thread::JoinHandle;", "use gort::thread::JoinHandle;"),
            ("::std::thread::spawn(", "::gort::thread::spawn("),
            ("use crossbeam_utils::thread::scope;", "use mirror::scope;"),
            ("use std::sync::{Arc, Condvar, Mutex};", "use gort::sync::{Arc, Condvar, Mutex};"),
        ],
    },
    thread_bound: &["thread_locals"],
};

/// The three ways to run a suite: functions of `mirror/ways.rs`.
const WAYS: [&str; 3] = ["threads", "goroutines", "migratory"];

/// What the rewritten tests take from elsewhere.
const SHIMS_OF_ALL: &str = include_str!("mirror/ways.rs");
const SHIMS: &str = include_str!("mirror/scope.rs");

/// For one suite, without the building.
const LIMIT: Duration = Duration::from_secs(20 * 60);

/// `cargo ci mirror`.
pub(crate) fn run(project: &Project, args: &[String]) -> Result<Counts, Error> {
    if let Some(option) = args.iter().find(|arg| arg.starts_with('-')) {
        return Err(Usage(format!("filters are parts of names, so not `{option}`")).into());
    }
    let mut counts = Counts::default();
    for manifest in [prepare(project, &CROSSBEAM_CHANNEL)?, std_suite::prepare(project)?] {
        let sh = &project.sh;
        cmd!(sh, "cargo test --release --no-run --manifest-path {manifest}").run()?;
        let tests = cmd!(
            sh,
            "cargo test --quiet --release --no-fail-fast --manifest-path {manifest} -- {args...}"
        );
        let finished = command::show(tests, Some(LIMIT))?;
        counts = counts + Counts::parse(&finished.output).or_failed(finished.success);
    }
    Ok(counts)
}

/// Makes a package of a crate's rewritten tests, and returns its manifest.
fn prepare(project: &Project, mirrored: &Mirrored) -> Result<PathBuf, Error> {
    let root = project.sh.current_dir();
    let folder = root.join("target/mirror").join(mirrored.package);
    // The mirrored crate is there for its sources only.
    let of_tests = format!("{} = \"={}\"\n{}", mirrored.package, mirrored.version, mirrored.needs);
    let manifest = write_package(&root, &folder, &[&of_tests, ""], &[SHIMS_OF_ALL, SHIMS])?;
    let files = published(project, mirrored, &manifest)?;
    empty(&folder.join("tests"))?;
    write_tests(&folder, &files, &mirrored.rewriting, mirrored.thread_bound, |text, _| text)?;
    Ok(manifest)
}

/// Writes a package outside of the workspace, without its tests, and returns its manifest. It takes
/// the first of `needs` for its tests, the second for what they take from elsewhere.
fn write_package(
    root: &Path,
    folder: &Path,
    needs: &[&str; 2],
    shims: &[&str],
) -> Result<PathBuf, Error> {
    let manifest = folder.join("Cargo.toml");
    fs::create_dir_all(folder.join("src"))?;
    let mut text = String::from(
        "[package]\nname = \"mirror\"\nedition = \"2021\"\npublish = false\n\n[lib]\n\
         test = false\ndoctest = false\n\n[workspace]\n\n[dependencies]\n",
    );
    // Writing to a String can't fail.
    let _ = writeln!(text, "gort = {{ path = {:?} }}", root.join("gort"));
    let _ = writeln!(text, "{}\n[dev-dependencies]\n{}", needs[1], needs[0]);
    fs::write(&manifest, text)?;
    // Only one file can begin with what it is.
    let shims: Vec<_> = shims.iter().map(|shim| shim.replace("//! ", "// ")).collect();
    fs::write(folder.join("src/lib.rs"), shims.join("\n"))?;
    Ok(manifest)
}

/// Makes a folder, or removes what is in it.
fn empty(folder: &Path) -> Result<(), Error> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    Ok(fs::create_dir_all(folder)?)
}

/// Writes every file once for each way to run it; `finish` adds what depends on that.
fn write_tests(
    folder: &Path,
    files: &[(String, String)],
    rewriting: &Rewriting,
    thread_bound: &[&str],
    finish: impl Fn(String, &str) -> String,
) -> Result<(), Error> {
    let tests = folder.join("tests");
    for (name, text) in files {
        for way in WAYS {
            if way == "migratory" && thread_bound.contains(&name.as_str()) {
                continue;
            }
            let text = finish(rewrite(text, rewriting, way), way);
            fs::write(tests.join(format!("{name}_{way}.rs")), text)?;
        }
    }
    Ok(())
}

/// The test files of the published package, by name.
fn published(
    project: &Project,
    mirrored: &Mirrored,
    manifest: &Path,
) -> Result<Vec<(String, String)>, Error> {
    let metadata =
        cmd!(project.sh, "cargo metadata --format-version 1 --manifest-path {manifest}").read()?;
    let metadata: serde_json::Value = serde_json::from_str(&metadata)?;
    let source = metadata["packages"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|package| package["name"] == mirrored.package)
        .and_then(|package| package["manifest_path"].as_str())
        .ok_or_else(|| format!("cargo doesn't know where {} is", mirrored.package))?;
    let mut files = Vec::new();
    for entry in fs::read_dir(Path::new(source).with_file_name("tests"))? {
        let path = entry?.path();
        let name = path.file_stem().map(|name| name.to_string_lossy().into_owned());
        if let (Some(name), Some("rs")) = (name, path.extension().and_then(|it| it.to_str())) {
            files.push((name, fs::read_to_string(&path)?));
        }
    }
    if files.is_empty() {
        return Err(format!("the package {} has no tests", mirrored.package).into());
    }
    files.sort();
    Ok(files)
}

/// The text with names replaced, in which each test is run in one of the ways.
fn rewrite(text: &str, rewriting: &Rewriting, way: &str) -> String {
    let on_goroutines = if way == "threads" { &[] } else { rewriting.on_goroutines };
    let mut text = text.to_owned();
    for (from, to) in rewriting.everywhere.iter().chain(on_goroutines) {
        text = text.replace(from, to);
    }
    let mut rewritten = String::new();
    let mut in_head = false;
    for line in text.lines() {
        in_head |= line.trim() == "#[test]";
        let name = line.trim().strip_prefix("fn ").and_then(|rest| rest.strip_suffix("() {"));
        match name {
            Some(name) if in_head => {
                in_head = false;
                let _ = writeln!(rewritten, "fn {name}() {{ ::mirror::{way}(__{name}) }}");
                let _ = writeln!(rewritten, "fn __{name}() {{");
            }
            _ => {
                let _ = writeln!(rewritten, "{line}");
            }
        }
    }
    rewritten
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = "use std::thread;\nuse crossbeam_channel::select;\n\n#[test]\n\
                          #[ignore]\nfn one() {\n    two();\n}\n\nfn two() {\n}\n";

    #[test]
    fn tests_are_wrapped_and_nothing_else() {
        let text = rewrite(SAMPLE, &CROSSBEAM_CHANNEL.rewriting, "goroutines");
        assert!(
            text.contains("fn one() { ::mirror::goroutines(__one) }\nfn __one() {\n"),
            "{text}"
        );
        assert!(text.contains("\nfn two() {\n"), "{text}");
    }

    #[test]
    fn names_are_replaced_as_the_way_asks() {
        let text = rewrite(SAMPLE, &CROSSBEAM_CHANNEL.rewriting, "threads");
        assert!(text.contains("use std::thread;\nuse gort::chan::select;\n"), "{text}");
        let text = rewrite(SAMPLE, &CROSSBEAM_CHANNEL.rewriting, "migratory");
        assert!(text.contains("use gort::thread;\nuse gort::chan::select;\n"), "{text}");
    }
}
