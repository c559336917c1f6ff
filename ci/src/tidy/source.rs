//! Views of Rust source in which a plain search finds code only.
//!
//! Both views blank text out with spaces and keep every line break, so that an offset means the
//! same place in the text and in its views. Rejected: a real parser, which is a large dependency
//! and does not look into macros.

/// The text with comments and the contents of literals blanked out.
pub(super) fn code(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut view = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        match opaque_end(bytes, at) {
            Some(end) => {
                blank(&mut view[at..end]);
                at = end;
            }
            None => at += 1,
        }
    }
    // Only whole characters were replaced, by ASCII.
    String::from_utf8_lossy(&view).into_owned()
}

/// The code view with the items under `#[cfg(test)]` blanked out.
pub(super) fn without_tests(code: &str) -> String {
    let mut view = code.as_bytes().to_vec();
    for attribute in ["#[cfg(test)]", "#[cfg(all(test"] {
        for (start, _) in code.match_indices(attribute) {
            blank(&mut view[start..item_end(code, start)]);
        }
    }
    String::from_utf8_lossy(&view).into_owned()
}

/// Where the item that begins at `start` ends: after its braces, or at its semicolon.
fn item_end(code: &str, start: usize) -> usize {
    match code[start..].find(['{', ';']).map(|offset| start + offset) {
        Some(open) if code[open..].starts_with('{') => closing(code, open) + 1,
        Some(semicolon) => semicolon + 1,
        None => code.len(),
    }
}

/// The offset of the bracket that closes the one at `open`; the last byte's if there is none.
pub(super) fn closing(code: &str, open: usize) -> usize {
    let mut depth = 0_usize;
    for (offset, byte) in code.bytes().enumerate().skip(open) {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => continue,
        }
        if depth == 0 {
            return offset;
        }
    }
    code.len() - 1
}

/// The offsets of an identifier, as a whole word.
pub(super) fn words<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let bytes = code.as_bytes();
    code.match_indices(word).map(|(at, _)| at).filter(move |&at| {
        let before = at.checked_sub(1).map(|at| bytes[at]);
        let after = bytes.get(at + word.len()).copied();
        !before.is_some_and(is_identifier) && !after.is_some_and(is_identifier)
    })
}

/// The identifier at the beginning of this text, or nothing.
pub(super) fn identifier(text: &str) -> &str {
    let end = text.bytes().position(|byte| !is_identifier(byte)).unwrap_or(text.len());
    &text[..end]
}

/// The line of an offset, counted from 1.
pub(super) fn line_of(text: &str, at: usize) -> usize {
    text.as_bytes()[..at].iter().filter(|&&byte| byte == b'\n').count() + 1
}

fn is_identifier(byte: u8) -> bool {
    byte == b'_' || byte.is_ascii_alphanumeric() || !byte.is_ascii()
}

fn blank(bytes: &mut [u8]) {
    bytes.iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b' ');
}

/// If a comment or a literal begins here, its end.
fn opaque_end(bytes: &[u8], at: usize) -> Option<usize> {
    let rest = &bytes[at..];
    match rest {
        [b'/', b'/', ..] => Some(at + length_to(rest, b"\n")),
        [b'/', b'*', ..] => Some(at + block_comment(rest)),
        [b'"', ..] => Some(at + 1 + quoted(&rest[1..], b'"')),
        [b'\'', ..] => character(rest).map(|length| at + length),
        [b'r', ..] if begins_literal(bytes, at) => raw_string(rest).map(|length| at + length),
        _ => None,
    }
}

/// Bytes up to the first occurrence of `end`, or all.
fn length_to(bytes: &[u8], end: &[u8]) -> usize {
    bytes.windows(end.len()).position(|window| window == end).unwrap_or(bytes.len())
}

/// The length of a block comment, which may hold others.
fn block_comment(bytes: &[u8]) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < bytes.len() {
        match &bytes[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

/// The length of a literal's rest, its closing quote included; a backslash hides what follows.
fn quoted(bytes: &[u8], quote: u8) -> usize {
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            byte if byte == quote => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// The length of a character literal; `None` for a lifetime, which no quote closes.
fn character(bytes: &[u8]) -> Option<usize> {
    if bytes.get(1) == Some(&b'\\') {
        return Some(1 + quoted(&bytes[1..], b'\''));
    }
    // One character of UTF-8: its first byte, and those that continue it.
    let continued = bytes.iter().skip(2).take_while(|&&byte| byte & 0xC0 == 0x80).count();
    (bytes.get(2 + continued) == Some(&b'\'')).then_some(3 + continued)
}

/// Whether an `r` here is the prefix of a literal: alone, or after `b` or `c`.
fn begins_literal(bytes: &[u8], at: usize) -> bool {
    let before = |n| at.checked_sub(n).map_or(b' ', |at| bytes[at]);
    !is_identifier(before(1)) || (matches!(before(1), b'b' | b'c') && !is_identifier(before(2)))
}

/// The length of a raw string; `None` if it is something else, such as a raw identifier.
fn raw_string(bytes: &[u8]) -> Option<usize> {
    let hashes = bytes.iter().skip(1).take_while(|&&byte| byte == b'#').count();
    let open = 1 + hashes;
    if bytes.get(open) != Some(&b'"') {
        return None;
    }
    let mut end = vec![b'"'];
    end.resize(1 + hashes, b'#');
    let close = length_to(&bytes[open + 1..], &end);
    Some((open + 1 + close + end.len()).min(bytes.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The code view without the blanks.
    fn seen(text: &str) -> String {
        code(text).split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn comments_and_literals_are_blanked() {
        assert_eq!(seen("a // b\nc /* d /* e */ f */ g"), "a c g");
        assert_eq!(seen(r#"a "b\"c" d b"e" 'f' '\'' '"' g"#), "a d b g");
        assert_eq!(seen(r##"a r"b\" c r#"d"e"# f br"g" h"##), "a c f b h");
        assert_eq!(seen("&'a str; 'é'; x::<'_>"), "&'a str; ; x::<'_>");
        assert_eq!(seen("for r in r#fn"), "for r in r#fn");
    }

    #[test]
    fn offsets_and_lines_stay() {
        let text = "\"é\n\" x /*\n*/ y";
        let view = code(text);
        assert_eq!(view.len(), text.len());
        assert_eq!(view.find('y'), text.find('y'));
        assert_eq!(line_of(&view, view.len()), 3);
    }

    #[test]
    fn unfinished_literals_end_with_the_file() {
        for text in ["\"a", "\"a\\", "r#\"a\"", "/* a", "'\\", "'", "// a"] {
            assert_eq!(code(text).len(), text.len(), "{text}");
        }
    }

    #[test]
    fn test_items_are_blanked() {
        let text = "a\n#[cfg(test)]\nmod tests { fn b() {} }\nc\n#[cfg(all(test, d))]\nuse e;\nf";
        let view = without_tests(text);
        assert_eq!(view.split_whitespace().collect::<String>(), "acf");
        assert_eq!(view.lines().count(), text.lines().count());
    }

    #[test]
    fn words_are_whole() {
        assert_eq!(words("asm naked_asm asm! asmx", "asm").collect::<Vec<_>>(), [0, 14]);
        assert_eq!(identifier("gort0_wait: x"), "gort0_wait");
        assert_eq!(closing("f(a[1], {b}) c", 1), 11);
    }
}
