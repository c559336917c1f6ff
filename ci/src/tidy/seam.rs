//! The linked symbols and the traits that are their contract are the same list.

use super::Violation;
use super::source::{closing, identifier, line_of, words};
use super::tree::{File, Tree};

/// The file with the list of symbols.
const SYMBOLS: &str = "rt-core/src/platform.rs";

/// Each trait, the file with it, and how the symbols of its functions begin.
const TRAITS: &[(&str, &str, &str)] = &[
    ("Os", "rt-core/src/os.rs", "gort0_"),
    ("Poller", "rt-core/src/os.rs", "gort0_poller_"),
    ("Net", "rt-core/src/os.rs", "gort0_net_"),
    ("Arch", "rt-core/src/arch.rs", "gort0_"),
];

/// Each trait function has its symbol, each symbol stands in the list once and has its function.
pub(super) fn symbols(tree: &Tree) -> Vec<Violation> {
    let Some(list) = tree.file(SYMBOLS) else {
        return vec![Violation::new(SYMBOLS, 1, "The list of linked symbols is missing.")];
    };
    let symbols = symbols_of(&list.code);
    let mut violations = Vec::new();
    let mut expected = Vec::new();
    for (name, path, prefix) in TRAITS {
        let Some(functions) = tree.file(path).and_then(|file| functions_of(file, name)) else {
            violations.push(Violation::new(path, 1, format!("The trait `{name}` is missing.")));
            continue;
        };
        for (line, function) in functions {
            let symbol = format!("{prefix}{function}");
            if !symbols.iter().any(|(_, other)| *other == symbol) {
                let sentence =
                    format!("`{name}::{function}` has no symbol `{symbol}` in {SYMBOLS}.");
                violations.push(Violation::new(path, line, sentence));
            }
            expected.push(symbol);
        }
    }
    for (index, (line, symbol)) in symbols.iter().enumerate() {
        if !expected.iter().any(|other| other == symbol) {
            let sentence = format!("No trait function stands behind the symbol `{symbol}`.");
            violations.push(Violation::new(SYMBOLS, *line, sentence));
        }
        if symbols[..index].iter().any(|(_, other)| other == symbol) {
            let sentence = format!("The symbol `{symbol}` is here twice.");
            violations.push(Violation::new(SYMBOLS, *line, sentence));
        }
    }
    violations
}

/// Every symbol in the code, with its line.
fn symbols_of(code: &str) -> Vec<(usize, &str)> {
    let starts = code.match_indices("gort0_").map(|(at, _)| at);
    starts.map(|at| (line_of(code, at), identifier(&code[at..]))).collect()
}

/// The functions that a trait declares, each with its line.
fn functions_of<'a>(file: &'a File, name: &str) -> Option<Vec<(usize, &'a str)>> {
    let code = file.code.as_str();
    let start = code.find(&format!("pub trait {name} {{"))?;
    let end = closing(code, start + code[start..].find('{')?);
    let names = words(code, "fn").filter(|at| (start..end).contains(at));
    // `extern "C" fn(..)` in an argument is a type, and has no name.
    let named = names.map(|at| (file.line(at), identifier(code[at + 2..].trim_start())));
    Some(named.filter(|(_, name)| !name.is_empty()).collect())
}

#[cfg(test)]
mod tests {
    use super::super::found;
    use super::*;

    const OS: &str = "pub trait Os {\n /// fn not_this();\n fn now() -> u64;\n\
        unsafe fn start(entry: unsafe extern \"C\" fn(*mut ()));\n}\n\
        pub trait Poller {\n fn open();\n}\npub trait Net {\n fn open();\n}\n";
    const ARCH: &str = "pub trait Arch {\n fn pause();\n}\n";
    const LIST: &str = "// gort0_now is a symbol.\ngort0_now: safe fn now() -> u64;\n\
        gort0_start: unsafe fn start();\ngort0_poller_open: x;\n\
        gort0_net_open: x;\ngort0_pause: x;\n";

    fn check(os: &str, list: &str) -> Vec<String> {
        found(symbols, &[("rt-core/src/os.rs", os), ("rt-core/src/arch.rs", ARCH), (SYMBOLS, list)])
    }

    #[test]
    fn the_lists_agree() {
        assert!(check(OS, LIST).is_empty());
    }

    #[test]
    fn a_missing_a_foreign_and_a_double_symbol_are_found() {
        assert_eq!(check(OS, &LIST.replace("gort0_poller_open: x;", "")), ["rt-core/src/os.rs:7"]);
        assert_eq!(check(OS, &format!("{LIST}gort0_extra: x;")), [format!("{SYMBOLS}:7")]);
        assert_eq!(check(OS, &format!("{LIST}gort0_now: x;")), [format!("{SYMBOLS}:7")]);
    }

    #[test]
    fn a_missing_file_or_trait_is_found() {
        assert_eq!(found(symbols, &[]), [format!("{SYMBOLS}:1")]);
        let renamed = OS.replace("trait Net", "trait Sockets");
        assert_eq!(check(&renamed, LIST), ["rt-core/src/os.rs:1", "rt-core/src/platform.rs:5"]);
    }
}
