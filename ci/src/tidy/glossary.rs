//! Every alias that the documentation can be searched by is a word of the glossary.

use super::Violation;
use super::source::closing;
use super::tree::Tree;

const GLOSSARY: &str = "docs/glossary.md";

/// Each `#[doc(alias = "...")]` is in the first column of the glossary.
pub(super) fn aliases(tree: &Tree) -> Vec<Violation> {
    let glossary = tree.file(GLOSSARY).map_or("", |file| file.text.as_str());
    let known = first_column(glossary);
    let mut violations = Vec::new();
    for file in tree.rust() {
        for (at, _) in file.code.match_indices("doc(alias") {
            let end = closing(&file.code, at + "doc".len());
            // The names are literals, so they stand in the text and not in the code view.
            for alias in file.text[at..end].split('"').skip(1).step_by(2) {
                if !known.contains(&alias) {
                    let sentence = format!("The alias `{alias}` is not in {GLOSSARY}.");
                    violations.push(Violation::new(&file.path, file.line(at), sentence));
                }
            }
        }
    }
    violations
}

/// The words in backquotes of all tables' first columns.
fn first_column(text: &str) -> Vec<&str> {
    let cells = text.lines().filter_map(|line| line.strip_prefix('|')?.split('|').next());
    cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::found;
    use super::*;

    #[test]
    fn aliases_are_words_of_the_glossary() {
        let glossary =
            "Text with `prose`.\n\n| Go | here |\n|---|---|\n| `gopark`, `g0` | `park` |\n";
        let code = "#[doc(alias = \"gopark\")]\n#[doc(alias(\"g0\", \"m0\"))]\n\
                    // #[doc(alias = \"comment\")]\n#[doc(alias = \"park\")]\n\
                    #[doc(alias = \"prose\")]";
        let files = [("docs/glossary.md", glossary), ("rt-core/src/a.rs", code)];
        assert_eq!(found(aliases, &files), [2, 4, 5].map(|n| format!("rt-core/src/a.rs:{n}")));
        assert_eq!(found(aliases, &files[1..]).len(), 5);
    }
}
