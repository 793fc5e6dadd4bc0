//! Texts in JSON: labels of series stand as they are, every other text also escapes what HTML reads.

/// Writes `text` in quotes, with `<`, `>`, `&` and the two line separators of Unicode escaped.
pub(crate) fn write_text(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    write_escaped(out, text, true);
    out.push(b'"');
}

/// Writes `text` in quotes as names and values in metric objects are written: escaped only as far as JSON demands.
pub(crate) fn write_label_text(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    write_escaped(out, text, false);
    out.push(b'"');
}

/// Writes the inside of a text.
pub(super) fn write_escaped(out: &mut Vec<u8>, text: &str, html: bool) {
    let bytes = text.as_bytes();
    let mut from = 0;
    for (at, byte) in bytes.iter().enumerate() {
        let taken = match byte {
            b'"' | b'\\' | 0..=0x1f => 1,
            b'<' | b'>' | b'&' if html => 1,
            // U+2028 and U+2029 are e2 80 a8 and e2 80 a9; such a character is never cut, the text is UTF-8.
            0xe2 if html && matches!(bytes.get(at + 1..at + 3), Some([0x80, 0xa8 | 0xa9])) => 3,
            _ => continue,
        };
        out.extend_from_slice(bytes.get(from..at).unwrap_or_default());
        from = at + taken;
        match (byte, bytes.get(at + 2)) {
            (b'"' | b'\\', _) => out.extend_from_slice(&[b'\\', *byte]),
            (b'\n', _) => out.extend_from_slice(b"\\n"),
            (b'\r', _) => out.extend_from_slice(b"\\r"),
            (b'\t', _) => out.extend_from_slice(b"\\t"),
            (0xe2, Some(0xa8)) => out.extend_from_slice(b"\\u2028"),
            (0xe2, _) => out.extend_from_slice(b"\\u2029"),
            (low, _) => {
                let digit = |nibble: u8| {
                    if nibble < 10 {
                        b'0' + nibble
                    } else {
                        b'a' + nibble - 10
                    }
                };
                out.extend_from_slice(b"\\u00");
                out.extend_from_slice(&[digit(low >> 4), digit(low & 15)]);
            }
        }
    }
    out.extend_from_slice(bytes.get(from..).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes() {
        let table = [
            ("plain é 😀", "\"plain é 😀\"", "\"plain é 😀\""),
            ("a\"b\\c", r#""a\"b\\c""#, r#""a\"b\\c""#),
            ("a<b>&c", r#""a\u003cb\u003e\u0026c""#, "\"a<b>&c\""),
            (
                "\n\r\t\u{8}\u{c}\u{1f}\u{7f}",
                "\"\\n\\r\\t\\u0008\\u000c\\u001f\u{7f}\"",
                "\"\\n\\r\\t\\u0008\\u000c\\u001f\u{7f}\"",
            ),
            (
                "x\u{2028}y\u{2029}€",
                "\"x\\u2028y\\u2029€\"",
                "\"x\u{2028}y\u{2029}€\"",
            ),
            ("", "\"\"", "\"\""),
        ];
        for (text, everywhere, in_labels) in table {
            let mut out = Vec::new();
            write_text(&mut out, text);
            assert_eq!(String::from_utf8(out).unwrap(), everywhere);
            let mut out = Vec::new();
            write_label_text(&mut out, text);
            assert_eq!(String::from_utf8(out).unwrap(), in_labels);
        }
    }
}
