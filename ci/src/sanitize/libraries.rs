//! The sanitizers' own libraries, which Debian's compiler lacks and rustup's brings.

#![forbid(unsafe_code)]

use std::path::Path;

use xshell::cmd;

use crate::command::Project;
use crate::{Error, compiler};

/// Where in a compiler's directory the libraries for our target are.
const LIBRARIES: &str = "lib/rustlib/x86_64-unknown-linux-gnu/lib";

/// Copies those of the toolchain that we were built with, under the name that Debian's compiler looks
/// for.
pub(super) fn copy(project: &Project) -> Result<(), Error> {
    let sh = &project.sh;
    let to = compiler::prefix(project).join("usr").join(LIBRARIES);
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
        sh.copy_file(&found, to.join(format!("librustc-stable{end}")))?;
    }
    Ok(())
}
