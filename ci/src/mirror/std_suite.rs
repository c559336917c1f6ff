//! The suite of std's locks, channels, lazy values and threads: `library/std/tests`, and the unit tests
//! of `std::thread`, as Debian packages them.
//!
//! The package is downloaded when asked for, and only the tests are taken out of it. Tests of what
//! std has not stabilized are left out; how many, is said.

use std::fs;
use std::path::{Path, PathBuf};

use xshell::cmd;

use super::{Rewriting, SHIMS_OF_ALL, write_tests};
use crate::command::Project;
use crate::{Error, debian};

/// A package with the sources of a std that is no older than the one that gort mirrors.
const PACKAGE: &str = "rust-web-src";

/// What the suite needs, as lines of a Cargo.toml.
const NEEDS: &str = "rand = \"0.9\"\n";

const SHIMS: &str = include_str!("locks.rs");

/// The files about locks, and how many tests of each have to be left after leaving out.
const LOCKS: &[(&str, usize)] = &[
    ("sync/barrier", 1),
    ("sync/condvar", 12),
    ("sync/lazy_lock", 12),
    ("sync/mpsc", 54),
    ("sync/mpsc_sync", 52),
    ("sync/mutex", 14),
    ("sync/once", 7),
    ("sync/once_lock", 12),
    ("sync/rwlock", 20),
];

/// The files about threads, likewise.
const THREADS: &[(&str, usize)] =
    &[("thread", 5), ("thread_local/tests", 9), ("thread_local/dynamic_tests", 3), (UNITS, 29)];

/// What the unit tests of `std::thread` are called here.
const UNITS: &str = "thread_units";

/// What std's tests use that is not stable, or is about the system's threads: an item that says one of
/// these is left out.
const UNSTABLE: &[&str] = &[
    "nonpoison::",
    "Mapped",
    "Guard::map",
    "Guard::filter_map",
    ".get_cloned(",
    "m.set(",
    "m.replace(",
    "get_or_try_init",
    "send_timeout",
    "current_os_id",
    "pthread_getname_np",
];

/// For tests of threads: there are none but gort's, whatever the test itself runs on.
const OF_THREADS: Rewriting = Rewriting {
    everywhere: &[
        ("#![feature(thread_sleep_until)]\n", "use gort::goroutine_local as thread_local;\n"),
        ("use std::thread_local;", "use gort::goroutine_local as thread_local;"),
        ("#[cfg(target_thread_local)]\n", ""),
        ("use std::thread", "use gort::thread"),
        ("use std::sync::{Arc, ", "use gort::sync::{Arc, "),
        // The unit tests are of std's own crate.
        ("use crate::thread::", "use gort::thread::"),
        ("use crate::sync::mpsc::", "use gort::sync::mpsc::"),
        ("use crate::sync::{Arc, ", "use gort::sync::{Arc, "),
        ("use crate::", "use std::"),
        ("super::sleep(", "thread::sleep("),
    ],
    on_goroutines: &[],
};

const REWRITING: Rewriting = Rewriting {
    everywhere: &[
        ("crate::common::test_rng", "::mirror::test_rng"),
        ("use super::nonpoison_and_poison_unwrap_test;\n", ""),
        ("use std::sync::mpmc::SendTimeoutError;\n", ""),
        ("MappedMutexGuard, ", ""),
        ("MappedRwLockReadGuard, MappedRwLockWriteGuard, ", ""),
        ("std::sync::poison::", "gort::sync::"),
        ("std::sync::", "gort::sync::"),
    ],
    on_goroutines: &[
        // Ten readers that look again and again, on four processors: as on SGX, they give way.
        (
            "#[cfg(target_env = \"sgx\")]\n                std::thread::yield_now();",
            "gort::thread::yield_now();",
        ),
        ("use std::thread;", "use gort::thread;"),
        ("use std::{panic, thread};", "use std::panic; use gort::thread;"),
        ("use std::{env, thread};", "use std::env; use gort::thread;"),
        ("use std::{hint, mem, thread};", "use std::{hint, mem}; use gort::thread;"),
        ("use std::{hint, mem, thread, u32};", "use std::{hint, mem, u32}; use gort::thread;"),
    ],
};

/// Std's macro for a test of both kinds of locks, that makes a test of the kind that is stable.
const BOTH_KINDS: &str = "
#[allow(unused_macros)]
macro_rules! nonpoison_and_poison_unwrap_test {
    (name: $name:ident, test_body: { $($body:tt)* }) => {
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            #[test]
            fn poison() {
                fn body() {
                    #[allow(unused_imports)]
                    use ::mirror::{locks, maybe_unwrap};
                    $($body)*
                }
                ::mirror::WAY(body);
            }
        }
    };
}
";

/// Makes a package of the rewritten tests, and returns its manifest.
pub(super) fn prepare(project: &Project) -> Result<PathBuf, Error> {
    let root = project.sh.current_dir();
    let folder = root.join("target/mirror/std");
    let source = source(project, &root.join("target/mirror/std-source"))?;
    let manifest = super::write_package(&root, &folder, &["", NEEDS], &[SHIMS_OF_ALL, SHIMS])?;
    super::empty(&folder.join("tests"))?;
    let locks = stable_files(&source, LOCKS)?;
    write_tests(&folder, &locks, &REWRITING, &[], |text, way| {
        format!("{}{text}", BOTH_KINDS.replace("WAY", way))
    })?;
    let threads = stable_files(&source, THREADS)?;
    write_tests(&folder, &threads, &OF_THREADS, &[], |text, _| text)?;
    Ok(manifest)
}

/// The text of these files, without the tests of what is not stable.
fn stable_files(source: &Path, files: &[(&str, usize)]) -> Result<Vec<(String, String)>, Error> {
    let mut texts = Vec::new();
    for (file, least) in files {
        let text = fs::read_to_string(source.join(file).with_extension("rs"))?;
        let (text, kept, left_out) = stable_only(&text);
        println!("{file}: {kept} tests, and {left_out} of what is not stable");
        if kept < *least {
            return Err(format!("{file} has only {kept} tests of what is stable").into());
        }
        texts.push((file.replace('/', "_"), text));
    }
    Ok(texts)
}

/// The folder with std's tests, which is filled when it is not there.
fn source(project: &Project, folder: &Path) -> Result<PathBuf, Error> {
    let tests = folder.join("tests");
    if tests.join(UNITS).with_extension("rs").exists() {
        return Ok(tests);
    }
    let sh = &project.sh;
    let unpacked = sh.create_temp_dir()?;
    // Out of hundreds of megabytes only the tests.
    let parts = ["*/library/std/tests/*", "*/library/std/src/thread/tests.rs"];
    debian::download(sh, &[PACKAGE])?.unpack_parts(sh, PACKAGE, unpacked.path(), &parts)?;
    let versions = sh.read_dir(unpacked.path().join("usr/src"))?;
    let version = versions.first().ok_or_else(|| format!("`{PACKAGE}` has no sources"))?;
    super::empty(folder)?;
    let (from, units) = (version.join("library/std/tests"), tests.join(UNITS).with_extension("rs"));
    cmd!(sh, "cp -r {from} {tests}").run()?;
    fs::copy(version.join("library/std/src/thread/tests.rs"), units)?;
    Ok(tests)
}

/// The text without the items that use what is not stable, and how many tests it has and had more.
fn stable_only(text: &str) -> (String, usize, usize) {
    let (mut stable, mut kept, mut left_out) = (String::new(), 0, 0);
    for item in items(text) {
        let is_use = item.lines().any(|line| line.starts_with("use "));
        let tests = item.matches("#[test]").count() + item.matches("test_body:").count();
        if !is_use && UNSTABLE.iter().any(|word| item.contains(word)) {
            left_out += tests;
        } else {
            kept += tests;
            stable.push_str(&item);
        }
    }
    (stable, kept, left_out)
}

/// The items of a formatted file, each with what stands before it.
fn items(text: &str) -> Vec<String> {
    let (mut items, mut item) = (Vec::new(), String::new());
    for line in text.lines() {
        item.push_str(line);
        item.push('\n');
        let ends = line.starts_with(['}', ')'])
            || !line.starts_with([' ', '/', '#']) && line.ends_with([';', '}']);
        if ends {
            items.push(std::mem::take(&mut item));
        }
    }
    items.push(item);
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_that_use_the_unstable_are_left_out() {
        let text = "use std::{\n    Mapped,\n};\n\n#[test]\nfn a() {\n    m.set(1);\n}\n\n\
                    // Why.\n#[test]\nfn b() {}\n\nboth!(\n    name: c,\n    test_body: {\n    }\n);\n";
        let (stable, kept, left_out) = stable_only(text);
        assert_eq!((kept, left_out), (2, 1));
        assert!(
            stable.contains("Mapped") && stable.contains("// Why.") && !stable.contains("fn a")
        );
    }
}
