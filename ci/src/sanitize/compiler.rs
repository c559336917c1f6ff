//! A compiler that can build std with a sanitizer: Debian's `rustc-web` and the sources that belong
//! to it, unpacked into `target/` and not installed.
//!
//! rustup's prebuilt std is built without a sanitizer, and refuses the thread sanitizer's flag; its
//! compiler wants sources that belong to it. Debian packages both, of one version. The sanitizers'
//! own libraries, which Debian leaves out, come with rustup's compiler.

#![forbid(unsafe_code)]

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use xshell::{Shell, cmd};

use crate::Error;
use crate::command::Project;

/// Below the project's root.
const PREFIX: &str = "target/sanitize/compiler";

/// Where in a compiler's directory the libraries for our target are.
const LIBRARIES: &str = "lib/rustlib/x86_64-unknown-linux-gnu/lib";

/// The compiler, which is unpacked first if it is not there.
pub(super) fn get(project: &Project) -> Result<PathBuf, Error> {
    let prefix = project.sh.current_dir().join(PREFIX);
    let rustc = prefix.join("bin/rustc");
    if cmd!(project.sh, "{rustc} -V").quiet().ignore_stderr().read().is_err() {
        // What an interrupted run has left is of no use.
        project.sh.remove_path(&prefix)?;
        unpack(&project.sh, &prefix)?;
        libraries(&project.sh, &prefix)?;
        wrap(&prefix, &rustc)?;
    }
    println!("{}", cmd!(project.sh, "{rustc} -V").quiet().read()?);
    Ok(rustc)
}

/// Downloads the packages and unpacks them into `prefix`.
fn unpack(sh: &Shell, prefix: &Path) -> Result<(), Error> {
    let policy = cmd!(sh, "apt-cache policy rustc-web").read()?;
    let version = candidate(&policy)
        .ok_or("apt knows no package `rustc-web`; on Debian 12 or later: apt-get update")?;
    let std = format!("libstd-rust-web-{version}");
    let llvm = depends(&cmd!(sh, "apt-cache depends --important {std}").read()?)
        .ok_or_else(|| format!("`{std}` needs no libllvm, so it is not what it was"))?;
    let packages = ["rustc-web", "libstd-rust-web-dev", &std, &llvm, "rust-web-src"];

    let downloads = sh.create_temp_dir()?;
    // Not as the user `_apt`, to whom the directory is closed.
    let download = Command::new("apt-get")
        .args(["download", "-qq", "-o", "APT::Sandbox::User=root"])
        .args(packages)
        .current_dir(downloads.path())
        .status()?;
    if !download.success() {
        return Err(format!("apt-get can't download {packages:?}").into());
    }
    fs::create_dir_all(prefix)?;
    for package in sh.read_dir(downloads.path())? {
        let is_source = package
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with("rust-web-src_"));
        if is_source {
            unpack_std(sh, &package, prefix)?;
        } else {
            cmd!(sh, "dpkg -x {package} {prefix}").run()?;
        }
    }
    Ok(())
}

/// Unpacks std's part of the sources; the compiler's and LLVM's would be gigabytes.
fn unpack_std(sh: &Shell, package: &Path, prefix: &Path) -> Result<(), Error> {
    let archive = package.with_extension("tar");
    let whole = Command::new("dpkg")
        .arg("--fsys-tarfile")
        .arg(package)
        .stdout(File::create(&archive)?)
        .status()?;
    if !whole.success() {
        return Err(format!("dpkg can't read {}", package.display()).into());
    }
    let parts = ["./usr/src/rustc-*/library/*", "./usr/lib/rustlib/*"];
    cmd!(sh, "tar -x -f {archive} -C {prefix} --wildcards {parts...}").run()?;
    Ok(())
}

/// Copies the sanitizers' libraries of the toolchain that we were built with, under the name that
/// Debian's compiler looks for.
fn libraries(sh: &Shell, prefix: &Path) -> Result<(), Error> {
    let sysroot = cmd!(sh, "rustc --print sysroot").read()?;
    let from = Path::new(&sysroot).join(LIBRARIES);
    for sanitizer in ["asan", "tsan"] {
        let end = format!("_rt.{sanitizer}.a");
        let found = sh.read_dir(&from)?.into_iter().find(|file| {
            file.file_name().is_some_and(|name| name.to_string_lossy().ends_with(&end))
        });
        let found = found.ok_or_else(|| {
            format!("{} has no *{end}; rustup's toolchains have it", from.display())
        })?;
        let name = format!("librustc-stable{end}");
        sh.copy_file(&found, prefix.join("usr").join(LIBRARIES).join(name))?;
    }
    Ok(())
}

/// Writes a command that starts the compiler with its own LLVM. Nothing else may find that one.
fn wrap(prefix: &Path, rustc: &Path) -> Result<(), Error> {
    let usr = prefix.join("usr");
    let usr = usr.to_str().ok_or("the project stands in a directory that is not UTF-8")?;
    let script = format!(
        "#!/bin/sh\nLD_LIBRARY_PATH='{usr}/lib/x86_64-linux-gnu' exec '{usr}/bin/rustc' \"$@\"\n"
    );
    fs::create_dir_all(prefix.join("bin"))?;
    fs::write(rustc, script)?;
    fs::set_permissions(rustc, fs::Permissions::from_mode(0o755))?;
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
