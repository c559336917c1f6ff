//! What may stand only in certain places: questions about the target, assembly, statics.

use super::Violation;
use super::source::{closing, without_tests, words};
use super::tree::{File, Tree, is_backend};

/// The one file outside of the backends that may ask about the target.
const TARGET_FILE: &str = "gort/src/platform.rs";

/// What stands in for one system on another is for one target, as a backend is.
const STAND_IN: &str = "darwin-shim";

/// Files of `os-*` crates with assembly: raw system calls, and the load of the thread's word. And what
/// gort's switch is measured against, which must not be gort's.
const ASM_FILES: &[&str] = &[
    "os-linux/src/local.rs",
    "os-linux/src/bare/syscall/x86_64.rs",
    "os-linux/src/bare/syscall/aarch64.rs",
    "bench/peers/rust/src/bin/floor.rs",
];

/// Files with statics, each with the reason. `rt-core` never has one, so that several runtimes live
/// in one process.
const STATIC_FILES: &[(&str, &str)] = &[
    ("gort/src/default.rs", "the process-wide default runtime, and who starts it"),
    ("gort/src/boot.rs", "the allocator of a program without libc"),
    ("gort/src/thread/current.rs", "numbers of goroutines and threads, and who a plain thread is"),
    ("gort/src/thread/local.rs", "numbers of keys, and keys that a macro makes"),
    ("gort/src/thread/store.rs", "what a plain thread keeps"),
    ("gort/src/lent.rs", "threads to be joined after their runtime; that std has destructors"),
    ("os-linux/src/process.rs", "signal handlers belong to the process"),
    ("os-darwin-stub/src/process.rs", "signal handlers belong to the process"),
    ("os-darwin-stub/src/local.rs", "the key of the thread's slot, made once"),
    ("os-darwin-stub/src/wait.rs", "a word may be woken from any runtime of the process"),
    ("os-darwin-stub/src/stand_in.rs", "how many guards the kernel has split mappings for"),
    ("os-darwin-stub/src/darwin.rs", "what the system offers, asked once"),
    ("os-linux/src/fence.rs", "what the kernel offers, asked once"),
    ("os-linux/src/bare/machine.rs", "what the kernel told at the start"),
    ("os-linux/src/bare/start.rs", "where the kernel's words are; the first alternate stack"),
    ("os-linux/src/bare/tls.rs", "the first thread's storage, before there is memory"),
    (
        "os-unix/src/hosted/fork.rs",
        "a child knows its past by a copy of memory, and takes no argument",
    ),
    ("os-linux/src/memory.rs", "what the kernel offers, asked once"),
    ("os-linux/src/poll.rs", "what the kernel offers, asked once"),
    ("os-conformance/src/os/fork.rs", "a child is told by a function that takes no argument"),
    ("os-unix/src/threads.rs", "that the system lacks threads"),
    ("os-linux/src/hosted/thread.rs", "a symbol of the linker's, declared"),
    ("os-sim/src/gate.rs", "the check that this thread runs"),
    ("os-sim/src/watchdog.rs", "one watch over all checks of a process"),
    ("os-sim/src/stack.rs", "stacks to use again, between the checks of one thread"),
];

/// `cfg(target_*)` is for the backends and the file that chooses one.
pub(super) fn target_cfgs(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for file in tree.rust() {
        let of_a_target = is_backend(file.package()) || file.package() == STAND_IN;
        if file.path == TARGET_FILE || of_a_target {
            continue;
        }
        for at in ["cfg", "cfg_attr"].iter().flat_map(|word| words(&file.code, word)) {
            let Some(open) = file.code[at..].find('(').map(|offset| at + offset) else { continue };
            if file.code[open..closing(&file.code, open)].contains("target_") {
                let sentence = format!("Asking for the target is for backends and {TARGET_FILE}.");
                violations.push(Violation::new(&file.path, file.line(at), sentence));
            }
        }
    }
    violations
}

/// Assembly is for `arch-*/src` and the listed files.
pub(super) fn assembly(tree: &Tree) -> Vec<Violation> {
    let allowed = |file: &File| {
        let source = format!("{}/src/", file.package());
        file.package().starts_with("arch-") && file.path.starts_with(&source)
            || ASM_FILES.contains(&file.path.as_str())
    };
    let mut violations = Vec::new();
    for file in tree.rust().filter(|file| !allowed(file)) {
        for name in ["asm", "naked_asm", "global_asm"] {
            for at in words(&file.code, name) {
                if file.code[at + name.len()..].starts_with('!') {
                    let sentence =
                        format!("`{name}!` stands in arch-*/src and {ASM_FILES:?} only.");
                    violations.push(Violation::new(&file.path, file.line(at), sentence));
                }
            }
        }
    }
    violations
}

/// No statics and thread-locals at run time, save in the listed files.
pub(super) fn statics(tree: &Tree) -> Vec<Violation> {
    let allowed = |file: &File| STATIC_FILES.iter().any(|(path, _)| file.path == *path);
    let mut violations = Vec::new();
    for file in tree.rust().filter(|file| file.is_runtime() && !allowed(file)) {
        let code = without_tests(&file.code);
        let statics = words(&code, "static").filter(|&at| is_item(&code, at));
        let locals = words(&code, "thread_local").filter(|at| code[at + 12..].starts_with('!'));
        for at in statics.chain(locals) {
            let sentence =
                "A static; the files that may have one are listed, with reasons, in tidy.";
            violations.push(Violation::new(&file.path, file.line(at), sentence));
        }
    }
    violations
}

/// Whether this `static` declares something: it is no lifetime and no modifier of a closure.
fn is_item(code: &str, at: usize) -> bool {
    let after = code[at + "static".len()..].trim_start();
    !code[..at].ends_with('\'') && !after.starts_with('|') && !after.starts_with("move")
}

#[cfg(test)]
mod tests {
    use super::super::found;
    use super::*;

    #[test]
    fn questions_about_the_target() {
        let code = "//! a\n#[cfg(unix)]\n#[cfg(all(unix, target_os = \"linux\"))]\nuse a;";
        assert_eq!(found(target_cfgs, &[("rt-core/src/a.rs", code)]), ["rt-core/src/a.rs:3"]);
        assert_eq!(
            found(target_cfgs, &[("gort/src/a.rs", "if cfg!(target_arch = \"x\")")]).len(),
            1
        );
        assert_eq!(found(target_cfgs, &[("tests/a.rs", "#[cfg_attr(target_os, b)]")]).len(), 1);
        for good in [TARGET_FILE, "os-linux/src/a.rs", "arch-amd64/build.rs", "darwin-shim/a.rs"] {
            assert!(found(target_cfgs, &[(good, code)]).is_empty(), "{good}");
        }
    }

    #[test]
    fn assembly_in_its_places() {
        for bad in ["rt-core/src/a.rs", "arch-amd64/tests/a.rs", "os-linux/src/a.rs"] {
            let code = "// asm!\nasm!(\"\");\nnaked_asm!();\ncore::arch::global_asm!();";
            assert_eq!(found(assembly, &[(bad, code)]), [2, 3, 4].map(|n| format!("{bad}:{n}")));
        }
        for good in ["arch-amd64/src/a.rs", ASM_FILES[0]] {
            assert!(found(assembly, &[(good, "asm!(\"\")")]).is_empty(), "{good}");
        }
    }

    #[test]
    fn statics_in_their_places() {
        let code = "static A: u8 = 0;\npub(crate) static mut B: &'static u8 = &0;\n\
                    thread_local! {}\nspawn(static || 0);\n\
                    #[cfg(test)]\nmod t { static C: u8 = 0; }";
        let lines = ["rt-core/src/a.rs:1", "rt-core/src/a.rs:2", "rt-core/src/a.rs:3"];
        assert_eq!(found(statics, &[("rt-core/src/a.rs", code)]), lines);
        for good in ["gort/src/default.rs", "os-linux/src/fence.rs", "tests/src/a.rs"] {
            assert!(found(statics, &[(good, code)]).is_empty(), "{good}");
        }
        assert!(
            STATIC_FILES.iter().all(|(path, why)| !path.starts_with("rt-core") && !why.is_empty())
        );
    }
}
