//! Debian's packages, downloaded and unpacked below `target/`: nothing is installed.

#![forbid(unsafe_code)]

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use xshell::{Shell, TempDir, cmd};

use crate::Error;

/// Packages in a folder that goes with this.
pub(crate) struct Packages {
    folder: TempDir,
}

/// Downloads packages, of the versions that apt would install.
///
/// # Errors
/// apt is missing or doesn't know one of them.
pub(crate) fn download(sh: &Shell, packages: &[&str]) -> Result<Packages, Error> {
    let folder = sh.create_temp_dir()?;
    // Not as the user `_apt`, to whom the directory is closed.
    let download = Command::new("apt-get")
        .args(["download", "-qq", "-o", "APT::Sandbox::User=root"])
        .args(packages)
        .current_dir(folder.path())
        .status()
        .map_err(|error| format!("apt-get is needed to get {packages:?}: {error}"))?;
    if !download.success() {
        return Err(format!("apt-get can't download {packages:?}").into());
    }
    Ok(Packages { folder })
}

impl Packages {
    /// The file of a package.
    fn file(&self, sh: &Shell, package: &str) -> Result<PathBuf, Error> {
        let begins = format!("{package}_");
        let mut files = sh.read_dir(self.folder.path())?.into_iter();
        let found = files.find(|file| {
            file.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&begins))
        });
        found.ok_or_else(|| format!("`{package}` was not downloaded").into())
    }

    /// Unpacks all of a package.
    pub(crate) fn unpack(&self, sh: &Shell, package: &str, prefix: &Path) -> Result<(), Error> {
        fs::create_dir_all(prefix)?;
        let file = self.file(sh, package)?;
        cmd!(sh, "dpkg -x {file} {prefix}").run()?;
        Ok(())
    }

    /// Unpacks what matches these patterns of a package that is too large to be unpacked.
    pub(crate) fn unpack_parts(
        &self,
        sh: &Shell,
        package: &str,
        prefix: &Path,
        parts: &[&str],
    ) -> Result<(), Error> {
        fs::create_dir_all(prefix)?;
        let file = self.file(sh, package)?;
        let archive = file.with_extension("tar");
        let whole = Command::new("dpkg")
            .arg("--fsys-tarfile")
            .arg(&file)
            .stdout(File::create(&archive)?)
            .status()?;
        if !whole.success() {
            return Err(format!("dpkg can't read {}", file.display()).into());
        }
        cmd!(sh, "tar -x -f {archive} -C {prefix} --wildcards {parts...}").run()?;
        Ok(())
    }
}
