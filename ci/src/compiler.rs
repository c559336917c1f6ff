//! A compiler that can build std, for another target or with a sanitizer: Debian's `rustc-web` and the
//! sources that belong to it, unpacked into `target/` and not installed.
//!
//! rustup's compiler wants sources that belong to it, which not every machine can get, and its prebuilt
//! std refuses the thread sanitizer's flag. Debian packages compiler and sources, of one version.

#![forbid(unsafe_code)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use xshell::{Shell, cmd};

use crate::command::Project;
use crate::{Error, debian};

/// Below the project's root.
const PREFIX: &str = "target/tools/compiler";

/// The sources of std; the compiler's and LLVM's would be gigabytes.
const SOURCE: &str = "rust-web-src";
const PARTS: &[&str] = &["./usr/src/rustc-*/library/*", "./usr/lib/rustlib/*"];

/// The compiler, which is unpacked first if it is not there.
pub(crate) fn get(project: &Project) -> Result<PathBuf, Error> {
    let prefix = prefix(project);
    let rustc = prefix.join("bin/rustc");
    if cmd!(project.sh, "{rustc} -V").quiet().ignore_stderr().read().is_err() {
        // What an interrupted run has left is of no use.
        project.sh.remove_path(&prefix)?;
        unpack(&project.sh, &prefix)?;
        wrap(&prefix, &rustc)?;
    }
    println!("{}", cmd!(project.sh, "{rustc} -V").quiet().read()?);
    Ok(rustc)
}

/// Where it is.
pub(crate) fn prefix(project: &Project) -> PathBuf {
    project.sh.current_dir().join(PREFIX)
}

/// Downloads the packages and unpacks them into `prefix`.
fn unpack(sh: &Shell, prefix: &Path) -> Result<(), Error> {
    let policy = cmd!(sh, "apt-cache policy rustc-web").read()?;
    let version = candidate(&policy)
        .ok_or("apt knows no package `rustc-web`; on Debian 12 or later: apt-get update")?;
    let std = format!("libstd-rust-web-{version}");
    let llvm = depends(&cmd!(sh, "apt-cache depends --important {std}").read()?)
        .ok_or_else(|| format!("`{std}` needs no libllvm, so it is not what it was"))?;
    let whole = ["rustc-web", "libstd-rust-web-dev", &std, &llvm];
    let packages = debian::download(sh, &[&whole[..], &[SOURCE]].concat())?;
    for package in whole {
        packages.unpack(sh, package, prefix)?;
    }
    packages.unpack_parts(sh, SOURCE, prefix, PARTS)
}

/// Writes a command that starts the compiler with its own LLVM. Nothing else may find that one.
fn wrap(prefix: &Path, rustc: &Path) -> Result<(), Error> {
    let usr = prefix.join("usr");
    let usr = usr.to_str().ok_or("the project stands in a directory that is not UTF-8")?;
    write_script(
        rustc,
        &format!("LD_LIBRARY_PATH='{usr}/lib/x86_64-linux-gnu' exec '{usr}/bin/rustc' \"$@\"\n"),
    )
}

/// Writes a program for the shell.
pub(crate) fn write_script(file: &Path, text: &str) -> Result<(), Error> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(file, format!("#!/bin/sh\n{text}"))?;
    fs::set_permissions(file, fs::Permissions::from_mode(0o755))?;
    Ok(())
}

/// The first two numbers of the version that apt would install.
fn candidate(policy: &str) -> Option<String> {
    let version = policy.lines().find_map(|line| line.trim().strip_prefix("Candidate: "))?;
    let mut numbers = version.split('.');
    let (major, minor) = (numbers.next()?, numbers.next()?);
    major.parse::<u32>().ok()?;
    Some(format!("{major}.{minor}"))
}

/// The package with LLVM's library, from what apt says of dependencies.
fn depends(list: &str) -> Option<String> {
    let packages = list.lines().filter_map(|line| line.trim().strip_prefix("Depends: "));
    packages.into_iter().find(|name| name.starts_with("libllvm")).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_apt_says_is_understood() {
        let policy = "rustc-web:\n  Installed: (none)\n  Candidate: 1.96.0+dfsg1-1~deb12u2\n";
        assert_eq!(candidate(policy).as_deref(), Some("1.96"));
        assert_eq!(candidate("rustc-web:\n  Candidate: (none)\n"), None);
        assert_eq!(candidate(""), None);
        let list = "libstd-rust-web-1.96\n  Depends: libc6\n  Depends: libllvm19\n";
        assert_eq!(depends(list).as_deref(), Some("libllvm19"));
        assert_eq!(depends("a\n  Depends: libc6\n"), None);
    }
}
