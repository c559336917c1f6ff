//! Debian's packages, downloaded and unpacked where we want them, and not installed.

#![forbid(unsafe_code)]

use std::fs;
use std::path::Path;
use std::process::Command;

use xshell::{Shell, cmd};

use crate::Error;

/// Downloads the packages and unpacks them into `prefix`, which is there afterwards only if that
/// succeeded.
pub(crate) fn unpack(sh: &Shell, packages: &[String], prefix: &Path) -> Result<(), Error> {
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
    let partial = prefix.with_extension("partial");
    sh.remove_path(&partial)?;
    for package in sh.read_dir(downloads.path())? {
        cmd!(sh, "dpkg -x {package} {partial}").run()?;
    }
    fs::rename(partial, prefix)?;
    Ok(())
}
