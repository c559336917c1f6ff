//! Text for readers: each file says what it is, links lead somewhere, nothing tells of a machine.

use super::Violation;
use super::tree::{File, Tree};

/// What no file may contain: paths that exist on one machine only. Written in halves, so that this
/// file doesn't contain them.
const FORBIDDEN: &[&str] = &[
    concat!("/wo", "rk/"),
    concat!("..", "/shared"),
    concat!("/ro", "ot/"),
    concat!("/tmp/", "target"),
];

/// Every Rust file begins with a line that says what it is.
pub(super) fn opening_lines(tree: &Tree) -> Vec<Violation> {
    let sentence = "The first line is a `//!` comment that says what the file is.";
    tree.rust()
        .filter(|file| !file.text.starts_with("//! "))
        .map(|file| Violation::new(&file.path, 1, sentence))
        .collect()
}

/// No file contains a forbidden word.
pub(super) fn forbidden_words(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for file in &tree.files {
        for (at, word) in FORBIDDEN.iter().flat_map(|word| file.text.match_indices(word)) {
            let sentence = format!("`{word}` means nothing to a reader elsewhere.");
            violations.push(Violation::new(&file.path, file.line(at), sentence));
        }
    }
    violations
}

/// The relative links of Markdown files lead to a file or folder of the project.
pub(super) fn links(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for file in tree.files.iter().filter(|file| file.path.ends_with(".md")) {
        for (line, link) in relative_links(&file.text) {
            let path = resolve(&file.path, link);
            let folder = format!("{path}/");
            let leads = |other: &File| other.path == path || other.path.starts_with(&folder);
            if !path.is_empty() && !tree.files.iter().any(leads) {
                let sentence = format!("The link to `{link}` leads nowhere.");
                violations.push(Violation::new(&file.path, line, sentence));
            }
        }
    }
    violations
}

/// The relative links outside of code blocks, each with its line and without its `#anchor`.
fn relative_links(text: &str) -> Vec<(usize, &str)> {
    let mut links = Vec::new();
    let mut in_code = false;
    for (index, line) in text.lines().enumerate() {
        in_code ^= line.trim_start().starts_with("```");
        if in_code {
            continue;
        }
        let inline = line.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next());
        let reference =
            line.strip_prefix('[').and_then(|rest| rest.split_once("]: ")?.1.split(' ').next());
        for link in inline.chain(reference) {
            let link = link.split('#').next().unwrap_or_default();
            if !link.is_empty() && !link.contains(':') {
                links.push((index + 1, link));
            }
        }
    }
    links
}

/// The path from the root of what a link in the file `from` leads to; empty for the root.
fn resolve(from: &str, link: &str) -> String {
    let folder = from.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut parts = Vec::new();
    for part in folder.split('/').chain(link.split('/')) {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::super::found;
    use super::*;

    #[test]
    fn every_file_says_what_it_is() {
        assert!(found(opening_lines, &[("a.rs", "//! A.\nfn a() {}")]).is_empty());
        for bad in ["", "//!", "// A.", "\n//! A.", "#![no_std]\n//! A."] {
            assert_eq!(found(opening_lines, &[("a.rs", bad)]), ["a.rs:1"], "{bad}");
        }
    }

    #[test]
    fn words_of_one_machine() {
        for word in FORBIDDEN {
            let text = format!("fine\nsee {word}x\n");
            assert_eq!(found(forbidden_words, &[("a.toml", &text)]), ["a.toml:2"]);
        }
        assert!(found(forbidden_words, &[("a.md", "../target, networks/")]).is_empty());
    }

    #[test]
    fn links_lead_somewhere() {
        let good = "[a](b.md) [c](../README.md#d 'title') [e](https://x.y/z) [f](#g) [h](..)\n\
                    [i]: ../docs\n```text\n[j](k.md)\n```\n";
        let files = [("README.md", ""), ("docs/b.md", ""), ("docs/a.md", good)];
        assert!(found(links, &files).is_empty(), "{:?}", links(&Tree::of(&files)));
        let bad = "[a](gone.md)\n\n[b](b.md) and [c](../gone/)\n[d]: e.md\n";
        let files = [("docs/b.md", ""), ("docs/a.md", bad)];
        assert_eq!(found(links, &files), ["docs/a.md:1", "docs/a.md:3", "docs/a.md:4"]);
    }
}
