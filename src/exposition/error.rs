//! Where and why a page cannot be read.

use std::fmt;

use narthex_model::labels::write_quoted;

/// Bytes of a page that an error shows at most; longer excerpts end in `...`.
const EXCERPT_BYTES_MAX: usize = 1024;

/// A fault of a page: what, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    /// Line of the fault, from 1.
    pub line: usize,
    /// Column of the fault in bytes, from 1.
    pub column: usize,
    /// What is wrong, in Prometheus's words.
    pub message: String,
}

impl ParseError {
    /// An error at `offset` of `page`.
    pub(super) fn at(page: &[u8], offset: usize, message: String) -> Self {
        let before = page.get(..offset).unwrap_or(page);
        let line = 1 + before.iter().filter(|b| **b == b'\n').count();
        let line_start = before.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
        Self {
            line,
            column: offset.min(page.len()) - line_start + 1,
            message,
        }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (line {}, column {})", self.message, self.line, self.column)
    }
}

impl std::error::Error for ParseError {}

/// `bytes` in double quotes as Go's `%q` prints them: what is not UTF-8 becomes `\xNN`. Long ones are cut.
pub(super) fn quoted(bytes: &[u8]) -> String {
    let shown = bytes.get(..EXCERPT_BYTES_MAX).unwrap_or(bytes);
    let mut out = String::from("\"");
    for chunk in shown.utf8_chunks() {
        let mut part = String::new();
        if write_quoted(&mut part, chunk.valid()).is_ok() {
            out.push_str(part.trim_start_matches('"').strip_suffix('"').unwrap_or_default());
        }
        for byte in chunk.invalid() {
            out.push_str(&format!("\\x{byte:02x}"));
        }
    }
    if shown.len() < bytes.len() {
        out.push_str("...");
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_as_go_does() {
        assert_eq!(quoted(b"m \"1\"\r\n\xff\xc3\xa9"), r#""m \"1\"\r\n\xffé""#);
        assert_eq!(quoted(b"\"\""), r#""\"\"""#);
        assert!(quoted(&[b'x'; 5000]).len() < 1100);
    }

    #[test]
    fn position_counts_lines_and_bytes() {
        let error = ParseError::at(b"a 1\nb 2 x\n", 8, "odd".into());
        assert_eq!(error.to_string(), "odd (line 2, column 5)");
        assert_eq!(ParseError::at(b"a", 9, String::new()).column, 2);
    }
}
