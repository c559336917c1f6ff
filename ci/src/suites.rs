//! The test suites: which packages are tested in which profile.
//!
//! nextest runs them where it is installed. It takes nine minutes to build on two cores, so CI
//! doesn't install it: [`one_by_one`] does the same with cargo alone. Both give each test a process
//! of its own and a time limit, so a hang is a failure with a name.

#![forbid(unsafe_code)]

use std::time::Duration;

use xshell::cmd;

use crate::Error;
use crate::command::{self, Project, find_program};
use crate::counts::Counts;
use crate::{one_by_one, tour};

/// Packages under test with their features, and how they are built.
pub(crate) struct Suite {
    pub(crate) packages: &'static [&'static str],
    /// A profile of the workspace's Cargo.toml; `None` is cargo's own choice, the debug profile.
    pub(crate) profile: Option<&'static str>,
}

const DEBUG: Suite = Suite { packages: &["--workspace"], profile: None };
/// What the workspace's own features leave out: programs under check, and their sources of chance.
const SIMULATED: &[Suite] = &[
    Suite { packages: &["-p", "gort", "--features", "sim"], profile: None },
    Suite { packages: &["-p", "os-sim", "--features", "interpose"], profile: None },
];
const CHECKED: Suite = Suite { packages: &["-p", "tests"], profile: Some("checked") };
const THIN: Suite = Suite { packages: &["-p", "tests"], profile: Some("release") };
const FAT: Suite = Suite { packages: &["-p", "tests"], profile: Some("fat") };

/// Darwin's backend, over stand-ins for what only Darwin has: with the calls of newer systems, and
/// under the whole runtime.
const DARWIN: &[Suite] = &[
    Suite { packages: &["-p", "os-darwin-stub", "--features", "wait-on-address"], profile: None },
    Suite {
        packages: &[
            "-p",
            "tests",
            "--no-default-features",
            "--features",
            "std,os-darwin-stub,arch-amd64",
        ],
        profile: None,
    },
];

/// For all doc tests together, with their building. libtest names the one that takes long.
const DOC_TEST_LIMIT: Duration = Duration::from_secs(15 * 60);

/// `cargo ci test`.
pub(crate) fn debug(project: &Project, filters: &[String]) -> Result<Counts, Error> {
    let mut tests = run(project, &DEBUG, filters)?;
    // A filter is for what somebody works on; a suite without a match would be red.
    for suite in if filters.is_empty() { SIMULATED } else { &[] } {
        tests = tests + run(project, suite, filters)?;
    }
    let doc_tests = cmd!(project.sh, "cargo test --doc --workspace -- {filters...}");
    let finished = command::show(doc_tests, Some(DOC_TEST_LIMIT))?;
    Ok(tests + Counts::parse(&finished.output).or_failed(finished.success))
}

/// `cargo ci checked`.
pub(crate) fn checked(project: &Project, filters: &[String]) -> Result<Counts, Error> {
    run(project, &CHECKED, filters)
}

/// `cargo ci lto`.
pub(crate) fn lto(project: &Project, filters: &[String]) -> Result<Counts, Error> {
    Ok(run(project, &THIN, filters)? + run(project, &FAT, filters)?)
}

/// `cargo ci darwin`.
pub(crate) fn darwin(project: &Project, filters: &[String]) -> Result<Counts, Error> {
    let mut tests = Counts::default();
    for suite in DARWIN {
        tests = tests + run(project, suite, filters)?;
    }
    tour::with(project, &DARWIN[1].packages[2..])?;
    Ok(tests)
}

/// Runs the tests of a suite whose names contain one of the filters, or all if there is none.
fn run(project: &Project, suite: &Suite, filters: &[String]) -> Result<Counts, Error> {
    if find_program("cargo-nextest").is_none() {
        return one_by_one::run(project, suite, filters);
    }
    let packages = suite.packages;
    let profile = suite.profile.map(|name| ["--cargo-profile", name]);
    let profile = profile.as_slice().as_flattened();
    let reporting = if project.ci { ["--profile", "ci"].as_slice() } else { &[] };
    let run = cmd!(
        project.sh,
        "cargo nextest run {reporting...} {packages...} {profile...} {filters...}"
    );
    // No limit here: nextest has its own for each test, and a build has none.
    let finished = command::show(run, None)?;
    Ok(Counts::parse(&finished.output).or_failed(finished.success))
}
