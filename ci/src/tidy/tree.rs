//! The project as the checks see it: its files, and the dependencies of its packages.

use std::path::{Path, PathBuf};

use serde_json::Value;
use xshell::{Shell, cmd};

use super::source;
use crate::Error;

/// Folders that hold nothing of ours.
const SKIPPED: &[&str] = &["target", ".git"];

/// Crates whose `src` runs in a user's program, besides the backends.
const RUNTIME_CRATES: &[&str] = &["rt-core", "gort"];

/// One file of the project.
pub(super) struct File {
    /// From the root, with `/`.
    pub(super) path: String,
    /// Empty if it isn't text.
    pub(super) text: String,
    /// For Rust, the view without comments and literals; else empty.
    pub(super) code: String,
}

impl File {
    fn new(path: &str, text: &str) -> File {
        let code = if path.ends_with(".rs") { source::code(text) } else { String::new() };
        File { path: path.to_owned(), text: text.to_owned(), code }
    }

    /// The crate that it belongs to: its top folder.
    pub(super) fn package(&self) -> &str {
        self.path.split_once('/').map_or("", |(package, _)| package)
    }

    /// Whether this is code that runs in a user's program.
    pub(super) fn is_runtime(&self) -> bool {
        let package = self.package();
        let inside = self.path.get(package.len()..).unwrap_or_default();
        (RUNTIME_CRATES.contains(&package) || is_backend(package))
            && inside.starts_with("/src/")
            && !inside.contains("/tests/")
            && !inside.contains("/models/")
            && !inside.ends_with("/tests.rs")
    }

    /// The line of an offset, counted from 1.
    pub(super) fn line(&self, at: usize) -> usize {
        source::line_of(&self.text, at)
    }
}

/// Whether the crate serves one operating system or one processor.
pub(super) fn is_backend(package: &str) -> bool {
    package.starts_with("os-") || package.starts_with("arch-")
}

/// What a package's Cargo.toml says that the checks ask for.
pub(super) struct Manifest {
    pub(super) package: String,
    /// From the root, with `/`.
    pub(super) path: String,
    /// The packages that it depends on, for building too.
    pub(super) dependencies: Vec<String>,
    /// The packages that its tests depend on.
    pub(super) for_tests: Vec<String>,
}

/// The whole project.
pub(super) struct Tree {
    pub(super) files: Vec<File>,
    pub(super) manifests: Vec<Manifest>,
}

impl Tree {
    /// The project in the shell's folder.
    pub(super) fn read(sh: &Shell) -> Result<Tree, Error> {
        let root = sh.current_dir();
        let mut paths = Vec::new();
        walk(&root, &mut paths)?;
        paths.sort();
        let mut files = Vec::new();
        for path in paths {
            let text = String::from_utf8(std::fs::read(&path)?).unwrap_or_default();
            files.push(File::new(&from_root(&root, &path)?, &text));
        }
        let metadata = cmd!(sh, "cargo metadata --no-deps --format-version 1").quiet().read()?;
        let metadata: Value = serde_json::from_str(&metadata)?;
        let mut manifests = Vec::new();
        for package in metadata["packages"].as_array().ok_or("cargo metadata has no packages")? {
            let path = Path::new(package["manifest_path"].as_str().unwrap_or_default());
            manifests.push(manifest(package, from_root(&root, path)?));
        }
        Ok(Tree { files, manifests })
    }

    /// A project of these files, for the tests.
    #[cfg(test)]
    pub(super) fn of(files: &[(&str, &str)]) -> Tree {
        let files = files.iter().map(|(path, text)| File::new(path, text)).collect();
        Tree { files, manifests: Vec::new() }
    }

    /// The files of Rust code.
    pub(super) fn rust(&self) -> impl Iterator<Item = &File> {
        self.files.iter().filter(|file| file.path.ends_with(".rs"))
    }

    /// The file at this path.
    pub(super) fn file(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|file| file.path == path)
    }
}

/// All files in the folder and below.
fn walk(dir: &Path, paths: &mut Vec<PathBuf>) -> Result<(), Error> {
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() && !SKIPPED.iter().any(|skipped| entry.file_name() == *skipped) {
            walk(&entry.path(), paths)?;
        } else if kind.is_file() {
            paths.push(entry.path());
        }
    }
    Ok(())
}

/// A path of the project as the checks write it.
fn from_root(root: &Path, path: &Path) -> Result<String, Error> {
    let parts: Vec<_> =
        path.strip_prefix(root)?.iter().map(|part| part.to_string_lossy()).collect();
    Ok(parts.join("/"))
}

/// One package of `cargo metadata`.
fn manifest(package: &Value, path: String) -> Manifest {
    let name = |value: &Value| value["name"].as_str().unwrap_or_default().to_owned();
    let all = package["dependencies"].as_array().into_iter().flatten();
    let (for_tests, dependencies): (Vec<_>, Vec<_>) = all.partition(|d| d["kind"] == "dev");
    let names = |list: Vec<&Value>| list.into_iter().map(name).collect();
    Manifest {
        package: name(package),
        path,
        dependencies: names(dependencies),
        for_tests: names(for_tests),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runtime_code_is_the_source_of_core_gort_and_backends() {
        let is_runtime = |path| File::new(path, "").is_runtime();
        for path in ["rt-core/src/chan.rs", "gort/src/net/mod.rs", "os-linux/src/lib.rs"] {
            assert!(is_runtime(path), "{path}");
        }
        for path in ["ci/src/main.rs", "gort/examples/tour.rs", "rt-core/src/chan/tests.rs"] {
            assert!(!is_runtime(path), "{path}");
        }
    }

    #[test]
    fn dependencies_of_every_kind_are_read() -> Result<(), Error> {
        let text = r#"{"name":"a","dependencies":[{"name":"b"},{"name":"c","kind":"dev"}]}"#;
        let manifest = manifest(&serde_json::from_str(text)?, "a/Cargo.toml".to_owned());
        assert_eq!((manifest.package.as_str(), manifest.path.as_str()), ("a", "a/Cargo.toml"));
        assert_eq!(
            (manifest.dependencies, manifest.for_tests),
            (vec!["b".into()], vec!["c".into()])
        );
        Ok(())
    }
}
