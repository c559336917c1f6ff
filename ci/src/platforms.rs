//! Who chooses the platform: which features make one, what is said when they make none or two, and a
//! program that brings its own, as docs/porting.md says step by step.
//!
//! trybuild can't do the second: it compiles programs against a library as it is, and here it is the
//! library that must not compile, by its features.

#![forbid(unsafe_code)]

use std::time::Duration;

use xshell::cmd;

use crate::Error;
use crate::command::{self, Project};
use crate::counts::Counts;
use crate::steps::no_arguments;

/// For a program that takes moments.
const LIMIT: Duration = Duration::from_secs(120);

/// Features that make a platform here.
const MADE: &[&str] = &[
    "std,platform-auto",
    "std,os-linux,arch-amd64",
    "std,os-darwin-stub,arch-amd64",
    "std,os-darwin-stub,platform-auto",
    "std,os-linux,platform-auto",
    "std,sim,arch-amd64",
    "std,platform-custom",
];

/// Features that make none, and what the compiler is to say then.
const REFUSED: &[(&str, &str)] = &[
    ("std", "gort has no processor: enable its feature `platform-auto`"),
    ("std,os-linux", "gort has no processor: enable its feature `platform-auto`"),
    ("std,arch-amd64", "gort has no operating system: enable its feature `platform-auto`"),
    ("std,platform-custom,platform-auto", "take gort with `default-features = false"),
    ("std,platform-custom,os-darwin-stub", "take gort with `default-features = false"),
    ("std,os-linux,os-darwin-stub,arch-amd64", "two operating systems are named: leave one"),
    ("os-linux-bare,os-darwin-stub", "two operating systems are named: leave one"),
    ("std,sim,os-darwin-stub,arch-amd64", "two operating systems are named: leave one"),
    ("os-linux-bare,platform-auto", "goes with `default-features = false` and neither"),
];

/// The program that brings its own platform: anybody's, and no crate of this workspace.
const CUSTOM: &str = "examples/custom-os";
/// How that came about. A block that begins with a language and a file has what is in the file.
const GUIDE: &str = "docs/porting.md";

/// `cargo ci platforms`.
pub(crate) fn run(project: &Project, args: &[String]) -> Result<Counts, Error> {
    no_arguments(args)?;
    let mut counts = Counts::default();
    for features in MADE {
        let said = check(project, features)?;
        count(&mut counts, said.is_none(), || format!("`{features}` makes no platform"));
    }
    for (features, sentence) in REFUSED {
        let said = check(project, features)?;
        let is_said = said.is_some_and(|said| said.contains(sentence));
        count(&mut counts, is_said, || format!("of `{features}` nobody says: {sentence}"));
    }
    let sh = &project.sh;
    let guide = sh.read_file(GUIDE)?;
    let blocks = blocks(&guide);
    count(&mut counts, !blocks.is_empty(), || format!("{GUIDE} shows no file"));
    for (file, text) in blocks {
        let whole = sh.read_file(format!("{CUSTOM}/{file}"))?;
        count(&mut counts, whole.contains(text), || {
            format!("what {GUIDE} shows of {file} is not in it:\n{text}")
        });
    }
    let manifest = format!("{CUSTOM}/Cargo.toml");
    let built = ["--manifest-path", manifest.as_str(), "--target-dir", "target/custom-os"];
    let tests = command::show(cmd!(sh, "cargo test {built...}"), None)?;
    counts = counts + Counts::parse(&tests.output).or_failed(tests.success);
    let program = command::show(cmd!(sh, "cargo run --quiet {built...}"), Some(LIMIT))?;
    count(&mut counts, program.success, || format!("the program in {CUSTOM} failed"));
    Ok(counts)
}

fn count(counts: &mut Counts, passed: bool, why: impl FnOnce() -> String) {
    if passed {
        counts.passed += 1;
    } else {
        println!("error: {}", why());
        counts.failed += 1;
    }
}

/// What the compiler says of gort with these features, if it refuses.
fn check(project: &Project, features: &str) -> Result<Option<String>, Error> {
    let check =
        cmd!(project.sh, "cargo check --quiet -p gort --no-default-features --features {features}");
    let output = check.quiet().ignore_status().output()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    Ok((!output.status.success()).then_some(said))
}

/// The blocks of a page that show a file: its name, and what is shown of it.
fn blocks(page: &str) -> Vec<(&str, &str)> {
    let mut blocks = Vec::new();
    let mut rest = page;
    while let Some((_, behind)) = rest.split_once("\n```") {
        let Some((head, behind)) = behind.split_once('\n') else { break };
        let Some((text, behind)) = behind.split_once("\n```") else { break };
        if let Some((_, file)) = head.split_once(' ') {
            blocks.push((file, text));
        }
        rest = behind;
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_have_a_file_and_its_text() {
        let page = "a\n\n```toml Cargo.toml\nx = 1\ny = 2\n```\n\n```console\n$ ls\n```\n\n\
                    ```rust src/lib.rs\nfn f() {}\n```\n";
        assert_eq!(blocks(page), [("Cargo.toml", "x = 1\ny = 2"), ("src/lib.rs", "fn f() {}")]);
        assert!(blocks("no block").is_empty());
    }
}
