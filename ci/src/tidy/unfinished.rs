//! No unfinished code, no test that is switched off, no `unwrap` where a user's program runs.

use super::Violation;
use super::source::{without_tests, words};
use super::tree::Tree;

/// Macros that are for the time of writing.
const MACROS: &[&str] = &["todo", "unimplemented", "dbg"];

/// No file has a macro for the time of writing, or an ignored test.
pub(super) fn markers(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for file in tree.rust() {
        for name in MACROS {
            for at in words(&file.code, name) {
                if file.code[at + name.len()..].starts_with('!') {
                    let sentence = format!("`{name}!` is for the time of writing.");
                    violations.push(Violation::new(&file.path, file.line(at), sentence));
                }
            }
        }
        for (at, _) in file.code.match_indices("#[ignore") {
            let sentence = "An ignored test proves nothing: mend it or take it out.";
            violations.push(Violation::new(&file.path, file.line(at), sentence));
        }
    }
    violations
}

/// Code that runs in a user's program says what went wrong, where `unwrap` would not.
pub(super) fn unwraps(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for file in tree.rust().filter(|file| file.is_runtime()) {
        for (at, _) in without_tests(&file.code).match_indices(".unwrap()") {
            let sentence =
                "No `unwrap` at run time: return the error, or say what broke by `fatal!`.";
            violations.push(Violation::new(&file.path, file.line(at), sentence));
        }
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::super::found;
    use super::*;

    #[test]
    fn unfinished_code_is_found_anywhere() {
        let code =
            "// todo!()\ntodo!();\nunimplemented!();\ndbg!(1);\n#[ignore = \"slow\"]\nfn a() {}";
        assert_eq!(
            found(markers, &[("tests/a.rs", code)]),
            [2, 3, 4, 5].map(|n| format!("tests/a.rs:{n}"))
        );
        assert!(
            found(markers, &[("a.rs", "let todo = \"dbg!()\"; my_dbg!(); #[test] fn b() {}")])
                .is_empty()
        );
    }

    #[test]
    fn unwraps_are_found_at_run_time_only() {
        let code = "/// a.unwrap()\nfn b() { c.unwrap() }\n\
                    #[cfg(test)]\nmod tests { fn d() { e.unwrap() } }";
        assert_eq!(found(unwraps, &[("gort/src/a.rs", code)]), ["gort/src/a.rs:2"]);
        assert_eq!(found(unwraps, &[("os-sim/src/a.rs", code)]).len(), 1);
        assert!(found(unwraps, &[("ci/src/a.rs", code), ("gort/tests/a.rs", code)]).is_empty());
        assert!(found(unwraps, &[("gort/src/a.rs", "a.unwrap_or(0)")]).is_empty());
    }
}
