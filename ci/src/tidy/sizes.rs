//! Sizes, shown and not enforced: a file or function that is too long has two ideas in it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::source::{closing, identifier, words};
use super::tree::{File, Tree};

const FILE_LINES: usize = 400;
const FUNCTION_LINES: usize = 60;

/// Long files, long functions, and how many unsafe blocks each crate has.
pub(super) fn report(tree: &Tree) -> String {
    let mut report = String::new();
    let mut unsafe_blocks = BTreeMap::<&str, usize>::new();
    // Writing to a String can't fail.
    for file in tree.rust() {
        let lines = file.text.lines().count();
        if lines > FILE_LINES {
            let _ = writeln!(report, "long file: {} has {lines} lines", file.path);
        }
        for (line, name, lines) in functions(file).filter(|(_, _, lines)| *lines > FUNCTION_LINES) {
            let _ =
                writeln!(report, "long function: {}:{line}: {name} has {lines} lines", file.path);
        }
        *unsafe_blocks.entry(file.package()).or_default() += blocks(&file.code);
    }
    for (package, blocks) in unsafe_blocks {
        let _ = writeln!(report, "unsafe blocks: {blocks:>4} in {package}");
    }
    report
}

/// Every function with a body: its line, its name and its number of lines.
fn functions(file: &File) -> impl Iterator<Item = (usize, &str, usize)> {
    let code = file.code.as_str();
    words(code, "fn").filter_map(move |at| {
        let name = identifier(code[at + 2..].trim_start());
        let open = at + code[at..].find(['{', ';'])?;
        if name.is_empty() || code[open..].starts_with(';') {
            return None;
        }
        let line = file.line(at);
        Some((line, name, file.line(closing(code, open)) - line + 1))
    })
}

/// How many unsafe blocks there are, not counting unsafe functions, traits and attributes.
fn blocks(code: &str) -> usize {
    words(code, "unsafe").filter(|at| code[at + 6..].trim_start().starts_with('{')).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_long_is_named() {
        let long = format!("fn a();\nfn b() {{\n{}}}\n", "    c();\n".repeat(FUNCTION_LINES));
        let report_of = |text: &str| report(&Tree::of(&[("gort/src/a.rs", text)]));
        assert!(report_of(&long).contains("gort/src/a.rs:2: b has 62 lines"));
        assert!(!report_of("fn a() {\n}\n").contains("long"));
        assert!(report_of(&"\n".repeat(FILE_LINES + 1)).contains("has 401 lines"));
    }

    #[test]
    fn unsafe_blocks_are_counted() {
        let code = "unsafe fn a() {}\n#[unsafe(b)]\nunsafe { c() }\nlet d = unsafe\n{ e() };";
        assert_eq!(blocks(code), 2);
    }
}
