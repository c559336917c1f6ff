//! The tools that the steps need: installed on a CI machine, asked for elsewhere.

#![forbid(unsafe_code)]

use xshell::cmd;

use crate::Error;
use crate::command::{Project, find_program};
use crate::counts::Counts;
use crate::steps::no_arguments;

/// A program from a Debian package of the same name, and what it is for.
struct Program {
    name: &'static str,
    used_for: &'static str,
}

const PROGRAMS: &[Program] = &[
    Program { name: "curl", used_for: "tests of the network examples" },
    Program { name: "gdb", used_for: "tests of backtraces and of the debugger's view" },
    Program { name: "strace", used_for: "tests that count system calls" },
    Program { name: "valgrind", used_for: "`cargo ci sanitize valgrind`" },
    Program { name: "wrk", used_for: "load for the server benchmarks" },
];

/// Parts of the Rust toolchain: rustup's name and the program that cargo looks for.
const COMPONENTS: &[(&str, &str)] = &[("rustfmt", "fmt"), ("clippy", "clippy")];

/// `cargo ci tools`.
pub(crate) fn run(project: &Project, args: &[String]) -> Result<Counts, Error> {
    no_arguments(args)?;
    components(project)?;
    programs(project)?;
    if find_program("cargo-nextest").is_none() {
        println!(
            "cargo-nextest is not installed: the tests run all the same, by `cargo ci` itself, \
             each in a process of its own. To get it: cargo install --locked cargo-nextest"
        );
    }
    Ok(Counts::default())
}

/// Adds rustfmt and clippy where they are missing.
fn components(project: &Project) -> Result<(), Error> {
    for (component, program) in COMPONENTS {
        if cmd!(project.sh, "cargo {program} --version").quiet().ignore_stderr().read().is_ok() {
            continue;
        }
        if project.ci {
            cmd!(project.sh, "rustup component add {component}").run()?;
        } else {
            println!(
                "{component} is missing, so `cargo ci {program}` will fail. \
                 To get it: rustup component add {component}"
            );
        }
    }
    Ok(())
}

/// Installs Debian packages where they are missing.
fn programs(project: &Project) -> Result<(), Error> {
    let missing: Vec<_> =
        PROGRAMS.iter().filter(|program| find_program(program.name).is_none()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let packages: Vec<_> = missing.iter().map(|program| program.name).collect();
    if project.ci {
        let root = cmd!(project.sh, "id -u").quiet().read()? == "0";
        // `env` takes either this or the command itself as its arguments.
        let as_root: &[_] = if root { &[] } else { &["sudo", "-n", "env"] };
        let apt_get = ["DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", "--yes"];
        cmd!(project.sh, "env {as_root...} {apt_get...} update").run()?;
        let install = cmd!(project.sh, "env {as_root...} {apt_get...} install {packages...}");
        install.arg("--no-install-recommends").run()?;
        return Ok(());
    }
    for program in &missing {
        println!("{} is missing; it is used for {}.", program.name, program.used_for);
    }
    println!("On Debian, to get what is missing: apt-get install {}", packages.join(" "));
    Ok(())
}
