//! Which module of `rt-core` may use which: the rooms of ARCHITECTURE.md, from the inside out.

use super::Violation;
use super::tree::{File, Tree};

/// A group of modules, and what they may use besides each other.
struct Room {
    modules: &'static [&'static str],
    may_use: &'static [&'static str],
}

const SEAM: &[&str] =
    &["arch", "arch_trait", "os", "os_trait", "platform", "poller", "net", "seam"];

/// What stands on nothing but the seam.
const TOOLS: &[&str] = &["blocks", "fatal", "fiber", "idle", "row", "state", "time"];

/// Queues and stacks know the record of a goroutine, and nothing that runs one.
const QUEUES: &[&str] = &["inbox", "inject", "list", "queued", "run_queue", "stack"];

const ROOMS: &[Room] = &[
    Room { modules: SEAM, may_use: &[] },
    Room { modules: TOOLS, may_use: SEAM },
    // Who takes a lock keeps its processor.
    Room { modules: &["lock"], may_use: &["arch", "os", "seam", "worker"] },
    Room {
        modules: QUEUES,
        may_use: &["arch", "os", "seam", "fatal", "fiber", "lock", "state", "goroutine"],
    },
    // Everything that is built on parking uses these doors of the scheduler and no others.
    Room {
        modules: &["chan", "sync"],
        may_use: &["arch", "os", "seam", "fatal", "lock", "switch", "time", "wait"],
    },
];

/// Modules of the rooms use what their room may. The scheduler, which is all the other modules, uses
/// everything but what is built on it. The models look at all.
pub(super) fn of_the_core(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for file in tree.rust().filter(|file| file.path.starts_with("rt-core/src/")) {
        let module = module_of(file);
        let room = ROOMS.iter().find(|room| room.modules.contains(&module));
        for (at, used) in uses(&file.code) {
            let allowed = match room {
                Some(room) => {
                    used == module || room.modules.contains(&used) || room.may_use.contains(&used)
                }
                None => ["lib", "models"].contains(&module) || !["chan", "sync"].contains(&used),
            };
            if !allowed {
                let sentence = format!("`{module}` may not use `{used}`: see the rooms in tidy.");
                violations.push(Violation::new(&file.path, file.line(at), sentence));
            }
        }
    }
    violations
}

/// `stack` for `rt-core/src/stack.rs` and `rt-core/src/stack/pool.rs`.
fn module_of(file: &File) -> &str {
    let inside = file.path.strip_prefix("rt-core/src/").unwrap_or_default();
    inside.split(['/', '.']).next().unwrap_or_default()
}

/// The modules that code names after `crate::`, alone or in braces. Types and functions at the top
/// of the crate are the seam's or anybody's.
fn uses(code: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    for (at, before) in code.match_indices("crate::") {
        let rest = &code[at + before.len()..];
        let names = match rest.strip_prefix('{') {
            Some(list) => list.split('}').next().unwrap_or_default(),
            // A macro is its own room, except `fatal!`, which stands for its module.
            None if is_macro(rest) => "",
            None => rest.split([':', ';', '(', '!', '{', ' ', ')', ',']).next().unwrap_or_default(),
        };
        let names = names.split(',').map(|name| name.trim().split("::").next().unwrap_or_default());
        let is_module = |name: &&str| name.starts_with(|c: char| c.is_ascii_lowercase());
        found.extend(names.filter(is_module).map(|name| (at, name)));
    }
    found
}

fn is_macro(rest: &str) -> bool {
    let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
    rest[end..].starts_with('!') && &rest[..end] != "fatal"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sentences(files: &[(&str, &str)]) -> Vec<String> {
        of_the_core(&Tree::of(files)).into_iter().map(|violation| violation.sentence).collect()
    }

    #[test]
    fn what_the_rooms_allow_passes() {
        let good = [
            ("rt-core/src/lock.rs", "use crate::seam::AtomicU32; use crate::{arch, os};"),
            (
                "rt-core/src/stack/pool.rs",
                "use crate::goroutine::GoroutineRef; use crate::OsResult;",
            ),
            (
                "rt-core/src/chan/channel.rs",
                "use crate::chan::error; crate::fatal!(); crate::wait::f()",
            ),
            ("rt-core/src/worker.rs", "use crate::processor::Processor; use crate::{io, wait};"),
            ("rt-core/src/lib.rs", "pub use crate::chan::Sender;"),
            ("gort/src/lib.rs", "use crate::chan;"),
        ];
        assert_eq!(sentences(&good), [""; 0]);
    }

    #[test]
    fn other_uses_do_not() {
        let bad = [
            ("rt-core/src/os.rs", "use crate::lock::Lock;"),
            ("rt-core/src/state.rs", "use crate::goroutine::GoroutineRef;"),
            ("rt-core/src/list.rs", "use crate::{FOREVER, worker};"),
            ("rt-core/src/chan/sender.rs", "crate::schedule::enqueue(g)"),
            ("rt-core/src/wait.rs", "use crate::sync::RawMutex;"),
        ];
        assert_eq!(sentences(&bad).len(), bad.len(), "{:?}", sentences(&bad));
    }
}
