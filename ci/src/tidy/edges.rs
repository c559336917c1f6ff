//! Dependencies between our crates point one way.

use super::Violation;
use super::tree::{Manifest, Tree};

/// Which of our crates a crate may depend on. A name that ends in `*` stands for all that begin so.
const EDGES: &[(&str, &[&str])] = &[
    ("rt-core", &[]),
    // No backend: what those of Unix systems share.
    ("os-unix", &["rt-core"]),
    ("os-linux", &["rt-core", "os-unix"]),
    // On Linux, for its tests, over what stands in for Darwin's calls.
    ("os-darwin-stub", &["rt-core", "os-unix", "darwin-shim"]),
    ("darwin-shim", &[]),
    ("os-*", &["rt-core"]),
    ("arch-*", &["rt-core"]),
    ("gort-macros", &[]),
    ("gort", &["gort-macros", "rt-core", "os-*", "arch-*"]),
    // Beside the API, these test and measure what stands below it.
    ("tests", &["gort", "gort-macros", "rt-core", "os-*", "arch-*"]),
    ("bench", &["gort", "rt-core", "os-*", "arch-*"]),
    // Programs of one user, as any other would write them.
    ("freestanding", &["gort"]),
    ("ci", &[]),
];

/// Which of our crates the tests of a crate may depend on besides: a test binary of a backend needs
/// a whole platform to link.
const EDGES_OF_TESTS: &[(&str, &[&str])] = &[
    ("os-*", &["os-linux", "os-conformance", "arch-*"]),
    ("arch-*", &["os-linux"]),
    ("tests", &["gort"]),
    ("gort", &["gort"]),
];

/// Every edge between two of our crates is in the table, and every crate is.
pub(super) fn between_crates(tree: &Tree) -> Vec<Violation> {
    let ours = |name: &String| tree.manifests.iter().any(|other| other.package == *name);
    let mut violations = Vec::new();
    for manifest in &tree.manifests {
        let package = manifest.package.as_str();
        let Some((_, allowed)) = EDGES.iter().find(|(from, _)| matches(from, package)) else {
            let sentence = format!("`{package}` is not in the table of edges in {}.", file!());
            violations.push(Violation::new(&manifest.path, 1, sentence));
            continue;
        };
        let for_tests = EDGES_OF_TESTS.iter().find(|(from, _)| matches(from, package));
        let for_tests = for_tests.map_or(&[][..], |(_, to)| to);
        let edges = [(&manifest.dependencies, *allowed), (&manifest.for_tests, for_tests)];
        for (list, allowed) in edges {
            for to in list.iter().filter(|name| ours(name)) {
                if !allowed.iter().any(|pattern| matches(pattern, to)) {
                    let line = line(tree, manifest, to);
                    let sentence = format!("`{package}` may not depend on `{to}`.");
                    violations.push(Violation::new(&manifest.path, line, sentence));
                }
            }
        }
    }
    violations
}

fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning),
        None => name == pattern,
    }
}

/// The line of a Cargo.toml that names the dependency; 1 if it is written in another way.
fn line(tree: &Tree, manifest: &Manifest, dependency: &str) -> usize {
    let text = tree.file(&manifest.path).map_or("", |file| file.text.as_str());
    text.lines().position(|line| line.starts_with(dependency)).map_or(1, |index| index + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sentences about packages that are given as `(name, dependencies)`.
    fn sentences(packages: &[(&str, &[&str])]) -> Vec<String> {
        let mut tree = Tree::of(&[]);
        tree.manifests = packages
            .iter()
            .map(|(name, dependencies)| Manifest {
                package: (*name).to_owned(),
                path: format!("{name}/Cargo.toml"),
                dependencies: dependencies.iter().map(|&name| name.to_owned()).collect(),
                for_tests: Vec::new(),
            })
            .collect();
        between_crates(&tree).into_iter().map(|violation| violation.sentence).collect()
    }

    #[test]
    fn edges_of_the_table_pass() {
        let good: &[(&str, &[&str])] = &[
            ("rt-core", &["libc"]),
            ("os-linux", &["rt-core", "rustix"]),
            ("gort", &["rt-core", "os-linux"]),
            ("tests", &["gort", "rt-core"]),
        ];
        assert!(sentences(good).is_empty());
    }

    #[test]
    fn other_edges_and_other_crates_do_not() {
        let bad: &[(&str, &[&str])] = &[
            ("rt-core", &["os-sim"]),
            ("os-sim", &["arch-amd64"]),
            ("arch-amd64", &["gort"]),
            ("gort", &["tests"]),
            ("tests", &["ci"]),
            ("ci", &["tests"]),
            ("extra", &[]),
        ];
        assert_eq!(sentences(bad).len(), bad.len(), "{:?}", sentences(bad));
    }

    #[test]
    fn tests_of_a_backend_may_link_a_platform_and_no_more() {
        let mut tree = Tree::of(&[]);
        tree.manifests = ["os-sim", "os-linux", "gort"]
            .map(|package| Manifest {
                package: package.to_owned(),
                path: format!("{package}/Cargo.toml"),
                dependencies: Vec::new(),
                for_tests: match package {
                    "os-sim" => vec!["os-linux".to_owned(), "gort".to_owned()],
                    _ => Vec::new(),
                },
            })
            .into();
        let sentences: Vec<_> = between_crates(&tree).into_iter().map(|v| v.sentence).collect();
        assert_eq!(sentences, ["`os-sim` may not depend on `gort`."]);
    }

    #[test]
    fn the_line_of_the_dependency_is_named() {
        let mut tree = Tree::of(&[("ci/Cargo.toml", "[dependencies]\nxshell = \"0\"\ngort.x = 1")]);
        tree.manifests = ["ci", "gort"]
            .map(|package| Manifest {
                package: package.to_owned(),
                path: format!("{package}/Cargo.toml"),
                dependencies: if package == "ci" { vec!["gort".to_owned()] } else { Vec::new() },
                for_tests: Vec::new(),
            })
            .into();
        assert_eq!(between_crates(&tree)[0].line, 3);
    }
}
