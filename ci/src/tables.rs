//! Tables that a step makes, and keeps between two lines of a document.

#![forbid(unsafe_code)]

/// The document with other tables between the lines `begin` and `end`; none if it has no such place.
pub(crate) fn replaced(document: &str, [begin, end]: [&str; 2], tables: &str) -> Option<String> {
    let (before, rest) = document.split_once(begin)?;
    let (_, after) = rest.split_once(end)?;
    Some(format!("{before}{begin}\n{tables}\n{end}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARKS: [&str; 2] = ["<!-- begin -->\n", "<!-- end -->\n"];

    #[test]
    fn tables_are_replaced_and_nothing_else() {
        let [begin, end] = MARKS;
        let document = |tables: &str| format!("a\n{begin}\n{tables}\n{end}b\n");
        assert_eq!(replaced(&document("| 1 |"), MARKS, "| 2 |"), Some(document("| 2 |")));
        assert_eq!(replaced("a\n", MARKS, "| 2 |"), None);
        assert_eq!(replaced(&format!("{end}{begin}"), MARKS, "| 2 |"), None);
    }
}
