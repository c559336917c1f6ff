//! What the toolchain itself checks: formatting, lints, documentation.

#![forbid(unsafe_code)]

use xshell::cmd;

use crate::Error;
use crate::command::Project;
use crate::counts::Counts;
use crate::steps::no_arguments;

/// One way to build the workspace that must be free of warnings.
struct FeatureSet {
    name: &'static str,
    /// Which packages, and with which features.
    args: &'static [&'static str],
}

/// The feature sets that are promised to build. Never `--all-features`: the features that choose
/// a platform exclude each other.
const FEATURE_SETS: &[FeatureSet] = &[
    FeatureSet { name: "default", args: &["--workspace"] },
    FeatureSet { name: "sim", args: &["-p", "tests", "--features", "sim"] },
    FeatureSet { name: "a user's sim", args: &["-p", "gort", "--features", "sim"] },
    FeatureSet { name: "interpose", args: &["-p", "os-sim", "--features", "interpose"] },
    FeatureSet {
        name: "freestanding",
        args: &["-p", "freestanding", "--features", "freestanding", "--profile", "freestanding"],
    },
    FeatureSet {
        name: "darwin",
        args: &[
            "-p",
            "tests",
            "--no-default-features",
            "--features",
            "std,os-darwin-stub,arch-amd64",
        ],
    },
    FeatureSet { name: "valgrind", args: &["-p", "tests", "--features", "valgrind"] },
    FeatureSet { name: "address", args: &["-p", "tests", "--features", "sanitize-address"] },
    FeatureSet { name: "thread", args: &["-p", "tests", "--features", "sanitize-thread"] },
];

/// `cargo ci fmt`.
pub(crate) fn fmt(project: &Project, args: &[String]) -> Result<Counts, Error> {
    no_arguments(args)?;
    cmd!(project.sh, "cargo fmt --all --check").run()?;
    Ok(Counts::default())
}

/// `cargo ci clippy`.
pub(crate) fn clippy(project: &Project, args: &[String]) -> Result<Counts, Error> {
    no_arguments(args)?;
    for set in FEATURE_SETS {
        let which = set.args;
        cmd!(project.sh, "cargo clippy {which...} --all-targets -- -D warnings")
            .run()
            .map_err(|error| format!("feature set `{}`: {error}", set.name))?;
    }
    Ok(Counts::default())
}

/// `cargo ci docs`.
pub(crate) fn docs(project: &Project, args: &[String]) -> Result<Counts, Error> {
    no_arguments(args)?;
    cmd!(project.sh, "cargo doc --workspace --no-deps").env("RUSTDOCFLAGS", "-D warnings").run()?;
    Ok(Counts::default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_feature_set_is_everything_at_once() {
        for set in FEATURE_SETS {
            assert!(!set.args.contains(&"--all-features"), "{}", set.name);
        }
    }
}
