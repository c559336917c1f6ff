//! The table of clauses against the documentation that they are taken from.

use std::collections::BTreeSet;

use os_conformance::clauses;
use os_linux::Linux;

use crate::Processor;

const SOURCES: [&str; 2] =
    [include_str!("../../../rt-core/src/os.rs"), include_str!("../../../rt-core/src/arch.rs")];

const TRAITS: [&str; 4] = ["Os", "Poller", "Net", "Arch"];

/// The text of all comments, on one line, without the brackets of links.
fn documentation() -> String {
    let lines = SOURCES.iter().flat_map(|source| source.lines()).map(str::trim_start);
    let comments = lines.filter_map(|line| {
        line.strip_prefix("///").or_else(|| line.strip_prefix("//!")).or(line.strip_prefix("//"))
    });
    comments.map(str::trim).collect::<Vec<_>>().join(" ").replace("[`", "`").replace("`]", "`")
}

#[test]
fn each_sentence_is_in_the_documentation() {
    let documentation = documentation();
    for clause in clauses::<Linux, Processor>() {
        let found = documentation.contains(clause.sentence);
        assert!(found, "{}: nobody says \"{}\"", clause.id, clause.sentence);
    }
}

#[test]
fn ids_differ() {
    let mut ids = BTreeSet::new();
    for clause in clauses::<Linux, Processor>() {
        assert!(ids.insert(clause.id), "{} is there twice", clause.id);
    }
}

/// Each function of a trait, as ids begin.
fn functions() -> Vec<String> {
    let mut functions = Vec::new();
    for source in SOURCES {
        let mut of = None;
        for line in source.lines() {
            let opens = TRAITS.iter().find(|name| line == format!("pub trait {name} {{"));
            if opens.is_some() || line == "}" {
                of = opens;
            }
            let function = line.strip_prefix("    ").unwrap_or_default();
            let function = function.strip_prefix("unsafe ").unwrap_or(function);
            if let (Some(of), Some(name)) = (of, function.strip_prefix("fn ")) {
                let name = name.split('(').next().unwrap_or_default();
                functions.push(format!("{of}::{name}/"));
            }
        }
    }
    functions
}

#[test]
fn each_function_has_a_clause() {
    let clauses = clauses::<Linux, Processor>();
    let functions = functions();
    assert!(functions.len() > 50, "{functions:?}");
    for function in &functions {
        let found = clauses.iter().any(|clause| clause.id.starts_with(function));
        // Every clause that says that a call does not sleep is one of this function.
        let said = function == "Net::would_block/";
        assert!(found || said, "{function} has no clause");
    }
    for clause in &clauses {
        let found = functions.iter().any(|function| clause.id.starts_with(function));
        assert!(found, "{} is about no function", clause.id);
    }
}
