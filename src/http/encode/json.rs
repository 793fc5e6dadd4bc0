//! Small plain values through serde, in the house style of the API: texts and numbers as everywhere else.
use std::io;

use serde::Serialize;
use serde_json::ser::{CharEscape, Formatter, Serializer};

use super::number::write_json;
use super::text::write_escaped;

/// Writes a value. Numbers have the API's form, texts its escapes; map keys stand in the map's order.
pub(crate) fn write_value<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) {
    let start = out.len();
    let mut serializer = Serializer::with_formatter(&mut *out, ApiFormatter);
    if value.serialize(&mut serializer).is_err() {
        // Only a map with keys that are no texts gets here; none of our types has one.
        out.truncate(start);
        out.extend_from_slice(b"null");
    }
}

struct ApiFormatter;

impl Formatter for ApiFormatter {
    fn write_f64<W: ?Sized + io::Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        let mut text = Vec::with_capacity(24);
        write_json(&mut text, value);
        writer.write_all(&text)
    }

    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, writer: &mut W, text: &str) -> io::Result<()> {
        let mut escaped = Vec::with_capacity(text.len());
        write_escaped(&mut escaped, text, true);
        writer.write_all(&escaped)
    }

    fn write_char_escape<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        escape: CharEscape,
    ) -> io::Result<()> {
        let text: &[u8] = match escape {
            CharEscape::Quote => b"\\\"",
            CharEscape::ReverseSolidus => b"\\\\",
            CharEscape::Solidus => b"/",
            CharEscape::Backspace => b"\\u0008",
            CharEscape::FormFeed => b"\\u000c",
            CharEscape::LineFeed => b"\\n",
            CharEscape::CarriageReturn => b"\\r",
            CharEscape::Tab => b"\\t",
            CharEscape::AsciiControl(byte) => return write!(writer, "\\u{byte:04x}"),
        };
        writer.write_all(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_numbers_have_the_style_of_the_api() {
        let mut out = Vec::new();
        write_value(
            &mut out,
            &serde_json::json!({"b": "a<b\u{8}\u{1}\"", "a": [1, 2.0, 0.5, 1e-7]}),
        );
        assert_eq!(
            String::from_utf8(out).unwrap(),
            r#"{"a":[1,2,0.5,1e-7],"b":"a\u003cb\u0008\u0001\""}"#
        );
    }
}
