//! The tools for other targets, unpacked below `target/tools`: nothing is installed, and nothing else
//! finds them. A linker for every target is zig's, an emulator is qemu's.

#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};

use xshell::cmd;

use crate::command::Project;
use crate::compiler::{self, write_script};
use crate::{Error, debian};

/// Below the project's root.
const PREFIX: &str = "target/tools/cross";

/// The package of PyPI that has the linker, with its version.
const ZIG: &str = "ziglang==0.17.0";

/// Packages of Debian's with the emulator, and with the libc of the processor that it emulates.
const QEMU: &str = "qemu-user-static";
const LIBC: &str = "libc6-arm64-cross";

/// A target as zig calls it, for the linker.
struct Zig {
    target: &'static str,
    /// The system, the libc and its version.
    zig: &'static str,
    /// Arguments of rustc's that zig's linker has no use for, as patterns of the shell.
    drops: &'static str,
    /// What it wants besides.
    adds: &'static str,
    /// For rustc.
    flags: &'static str,
}

/// rustc brings start files of musl's, and so does zig.
const ONE_MUSL: &str = "-Clink-self-contained=no";

/// `-dead_strip` crashes the linker, and the libraries are part of `libSystem`.
const DARWIN: &str = "-liconv|-lm|-arch|arm64|x86_64|-mmacosx-version-min=*|-Wl,-dead_strip";

const fn linux(target: &'static str, zig: &'static str, flags: &'static str) -> Zig {
    Zig { target, zig, drops: "", adds: "", flags }
}

const fn darwin(target: &'static str, zig: &'static str) -> Zig {
    Zig { target, zig, drops: DARWIN, adds: "-lSystem", flags: "" }
}

const ZIGS: &[Zig] = &[
    linux("x86_64-unknown-linux-musl", "x86_64-linux-musl", ONE_MUSL),
    linux("aarch64-unknown-linux-musl", "aarch64-linux-musl", ONE_MUSL),
    // The libc of the emulator's package has at least this version.
    linux("aarch64-unknown-linux-gnu", "aarch64-linux-gnu.2.36", ""),
    darwin("x86_64-apple-darwin", "x86_64-macos"),
    darwin("aarch64-apple-darwin", "aarch64-macos"),
];

/// The tools.
pub(super) struct Kit<'a> {
    project: &'a Project,
    prefix: PathBuf,
    pub(super) compiler: PathBuf,
}

/// How a target's programs are linked.
pub(super) struct Linker {
    pub(super) program: PathBuf,
    /// For rustc.
    pub(super) flags: &'static str,
}

impl<'a> Kit<'a> {
    /// The compiler, and the others when they are asked for.
    pub(super) fn new(project: &'a Project) -> Result<Kit<'a>, Error> {
        let prefix = project.sh.current_dir().join(PREFIX);
        Ok(Kit { project, prefix, compiler: compiler::get(project)? })
    }

    /// The linker for a target.
    pub(super) fn linker(&self, target: &str) -> Result<Linker, Error> {
        let zig = ZIGS.iter().find(|zig| zig.target == target);
        let zig = zig.ok_or_else(|| format!("no linker is known for {target}"))?;
        let python = self.python()?;
        let program = self.prefix.join("bin").join(format!("link-{target}"));
        write_script(&program, &linker_script(zig, &python, &self.prefix))?;
        Ok(Linker { program, flags: zig.flags })
    }

    /// A Python that has the package with the linker.
    fn python(&self) -> Result<PathBuf, Error> {
        let (sh, venv) = (&self.project.sh, self.prefix.join("python"));
        let python = venv.join("bin/python");
        let works = cmd!(sh, "{python} -m ziglang version").quiet().ignore_stderr().read();
        if works.is_err() {
            sh.remove_path(&venv)?;
            cmd!(sh, "python3 -m venv {venv}")
                .run()
                .map_err(|error| format!("{error}; on Debian: apt-get install python3-venv"))?;
            cmd!(sh, "{python} -m pip install --quiet {ZIG}").run()?;
        }
        Ok(python)
    }

    /// A program that runs a command line in which executables for 64-bit Arm are run by the emulator,
    /// those that they start included.
    pub(super) fn emulator(&self) -> Result<PathBuf, Error> {
        let sh = &self.project.sh;
        let qemu = self.prefix.join("usr/bin/qemu-aarch64-static");
        let libc = self.prefix.join("usr/aarch64-linux-gnu");
        let works = cmd!(sh, "{qemu} --version").quiet().ignore_stderr().ignore_stdout().run();
        if works.is_err() || !libc.exists() {
            let packages = debian::download(sh, &[QEMU, LIBC])?;
            let only = ["./usr/bin/qemu-aarch64-static"];
            packages.unpack_parts(sh, QEMU, &self.prefix, &only)?;
            packages.unpack(sh, LIBC, &self.prefix)?;
        }
        let program = self.prefix.join("bin/emulate-aarch64");
        write_script(&program, &emulator_script(&qemu, &libc))?;
        Ok(program)
    }
}

/// Calls zig as a linker, with the arguments that it takes.
fn linker_script(zig: &Zig, python: &Path, prefix: &Path) -> String {
    let (python, cache) = (python.display(), prefix.join("cache"));
    let (target, drops, adds) = (zig.zig, zig.drops, zig.adds);
    let filter = if drops.is_empty() {
        String::new()
    } else {
        format!(
            "n=$#\nwhile [ $n -gt 0 ]; do\n  case \"$1\" in {drops}) ;; *) set -- \"$@\" \"$1\";; esac\n  \
             shift; n=$((n-1))\ndone\n"
        )
    };
    format!(
        "{filter}export ZIG_GLOBAL_CACHE_DIR='{cache}' ZIG_LOCAL_CACHE_DIR='{cache}'\n\
         exec '{python}' -m ziglang cc -target {target} \"$@\" {adds}\n",
        cache = cache.display()
    )
}

/// How the kernel knows an executable for 64-bit Arm, and with which mask: the file's first bytes.
const MAGIC: &str =
    "\\x7fELF\\x02\\x01\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x02\\x00\\xb7\\x00";
const MASK: &str = "\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\x00\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xfe\\xff\\xff\\xff";

/// Tells a kernel of its own (a user namespace's list of formats, since Linux 6.7) of the emulator.
/// So tests may start themselves again, and the machine's own list stays as it is. `F`: the emulator
/// is opened now, wherever the program will look for files. And no cores: the emulator would write
/// out all that a program has reserved, which takes all of the machine's memory.
fn emulator_script(qemu: &Path, libc: &Path) -> String {
    let (qemu, libc) = (qemu.display(), libc.display());
    format!(
        "export QEMU_LD_PREFIX='{libc}'\nulimit -c 0\n\
         exec unshare --user --map-root-user --mount sh -c '\n\
         list=/proc/sys/fs/binfmt_misc\n\
         if mount -t binfmt_misc none $list && printf %s \"$1\" > $list/register; then\n  \
         shift; exec \"$@\"\nfi\n\
         echo \"no emulation: this takes Linux 6.7, and the right to make a user namespace\" >&2\n\
         exit 126' sh ':gort-aarch64:M::{MAGIC}:{MASK}:{qemu}:F' \"$@\"\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::{By, ROWS, Task};

    #[test]
    fn arguments_are_dropped_where_the_linker_wants_it() {
        let (python, prefix) = (Path::new("/p/python"), Path::new("/p"));
        let plain = linker_script(&ZIGS[0], python, prefix);
        assert!(!plain.contains("shift") && plain.contains("-target x86_64-linux-musl"), "{plain}");
        let apple = ZIGS
            .iter()
            .find(|zig| zig.target == "aarch64-apple-darwin")
            .map(|zig| linker_script(zig, python, prefix));
        assert!(apple.is_some_and(|it| it.contains("-arch|arm64") && it.contains("-lSystem\n")));
    }

    #[test]
    fn every_row_that_links_has_a_linker() {
        for row in ROWS {
            let By::Cross(tasks) = row.by else { continue };
            if tasks.iter().any(|task| !matches!(task, Task::Check(..))) {
                assert!(ZIGS.iter().any(|zig| zig.target == row.target), "{}", row.name);
            }
        }
    }
}
