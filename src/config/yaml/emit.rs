//! Values to YAML text, laid out and quoted as Prometheus's writer does it.

use super::node::{Node, Scalar, Value};
use super::resolve::{Resolved, resolve};
use narthex_model::labels::write_quoted;

/// A value to write.
#[derive(Debug, Clone, PartialEq)]
pub enum Out {
    /// A number or boolean: written as it is.
    Raw(String),
    /// A text: quoted where it would otherwise read as something else.
    Text(String),
    /// A list.
    List(Vec<Out>),
    /// Keys and values, in order.
    Map(OutMap),
}

/// Keys and values, in order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct OutMap(Vec<(String, Out)>);

impl OutMap {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A text.
    pub fn text(&mut self, key: &str, value: impl Into<String>) {
        self.put(key, Out::Text(value.into()));
    }

    /// A text, left out if empty.
    pub fn text_opt(&mut self, key: &str, value: &str) {
        if !value.is_empty() {
            self.text(key, value);
        }
    }

    /// A number or boolean.
    pub fn raw(&mut self, key: &str, value: impl ToString) {
        self.put(key, Out::Raw(value.to_string()));
    }

    /// A number, left out if 0.
    pub fn number_opt(&mut self, key: &str, value: u64) {
        if value != 0 {
            self.raw(key, value);
        }
    }

    /// A boolean, left out if false.
    pub fn bool_opt(&mut self, key: &str, value: bool) {
        if value {
            self.raw(key, value);
        }
    }

    /// A list of texts, left out if empty.
    pub fn texts_opt<T: AsRef<str>>(&mut self, key: &str, values: &[T]) {
        if !values.is_empty() {
            let items = values.iter().map(|v| Out::Text(v.as_ref().to_owned())).collect();
            self.put(key, Out::List(items));
        }
    }

    /// A mapping, left out if empty.
    pub fn map_opt(&mut self, key: &str, value: OutMap) {
        if !value.0.is_empty() {
            self.put(key, Out::Map(value));
        }
    }

    /// A list, left out if empty.
    pub fn list_opt(&mut self, key: &str, values: Vec<Out>) {
        if !values.is_empty() {
            self.put(key, Out::List(values));
        }
    }

    /// Any value.
    pub fn put(&mut self, key: &str, value: Out) {
        self.0.push((key.to_owned(), value));
    }

    /// All entries of another mapping.
    pub fn extend(&mut self, other: OutMap) {
        self.0.extend(other.0);
    }

    /// Whether there are no entries.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The text of a mapping; ends with a line break.
#[must_use]
pub fn emit(map: &OutMap) -> String {
    if map.is_empty() {
        return "{}\n".to_owned();
    }
    let mut text = String::new();
    write_map(&mut text, map, 0, false);
    text
}

fn write_map(out: &mut String, map: &OutMap, indent: usize, first_inline: bool) {
    for (i, (key, value)) in map.0.iter().enumerate() {
        if i > 0 || !first_inline {
            out.push_str(&" ".repeat(indent));
        }
        write_text(out, key, indent);
        out.push(':');
        write_value(out, value, indent);
    }
}

/// What follows a key or a dash, up to and including the line break.
fn write_value(out: &mut String, value: &Out, indent: usize) {
    match value {
        Out::Raw(text) => {
            out.push(' ');
            out.push_str(text);
            out.push('\n');
        }
        Out::Text(text) => {
            out.push(' ');
            write_text(out, text, indent);
            out.push('\n');
        }
        Out::List(items) if items.is_empty() => out.push_str(" []\n"),
        Out::Map(map) if map.is_empty() => out.push_str(" {}\n"),
        Out::List(items) => {
            out.push('\n');
            write_list(out, items, indent);
        }
        Out::Map(map) => {
            out.push('\n');
            write_map(out, map, indent + 2, false);
        }
    }
}

/// Items stand at the column of the key that owns them.
fn write_list(out: &mut String, items: &[Out], indent: usize) {
    for item in items {
        out.push_str(&" ".repeat(indent));
        out.push('-');
        match item {
            Out::Map(map) if !map.is_empty() => {
                out.push(' ');
                write_map(out, map, indent + 2, true);
            }
            Out::List(inner) if !inner.is_empty() => {
                out.push('\n');
                write_list(out, inner, indent + 2);
            }
            other => write_value(out, other, indent),
        }
    }
}

fn write_text(out: &mut String, text: &str, indent: usize) {
    let printable = !text.chars().any(|c| c.is_control() && c != '\n');
    if text.contains('\n') && printable && !text.starts_with([' ', '\n']) {
        write_literal(out, text, indent);
    } else if !printable || text.contains('\n') || means_something_else(text) {
        // Writing to a String cannot fail.
        let _ = write_quoted(out, text);
    } else if needs_quotes(text) {
        out.push('\'');
        out.push_str(&text.replace('\'', "''"));
        out.push('\'');
    } else {
        out.push_str(text);
    }
}

/// A text as it stands in a list in one line.
#[must_use]
pub fn flow_text(text: &str) -> String {
    let mut out = String::new();
    if text.contains([',', '[', ']', '{', '}', '\n']) {
        // Writing to a String cannot fail.
        let _ = write_quoted(&mut out, text);
    } else {
        write_text(&mut out, text, 0);
    }
    out
}

fn write_literal(out: &mut String, text: &str, indent: usize) {
    let body = text.trim_end_matches('\n');
    out.push_str(match text.len() - body.len() {
        0 => "|-",
        1 => "|",
        _ => "|+",
    });
    for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
        out.push('\n');
        if !line.is_empty() {
            out.push_str(&" ".repeat(indent + 2));
            out.push_str(line);
        }
    }
}

fn means_something_else(text: &str) -> bool {
    let scalar = Scalar {
        text: text.to_owned(),
        plain: true,
        tag: None,
    };
    resolve(&scalar) != Resolved::Str || text == "<<" || is_sexagesimal(text) || is_date(text)
}

/// `1:30`: a number to base 60 for other readers of YAML 1.1.
fn is_sexagesimal(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let mut parts = digits.split(':');
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit() || b == b'_');
    digits.contains(':')
        && parts.next().is_some_and(is_number)
        && parts.all(|part| is_number(part) && part.len() <= 2)
}

fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() >= 10
        && bytes[..10].iter().enumerate().all(|(i, b)| match i {
            4 | 7 => *b == b'-',
            _ => b.is_ascii_digit(),
        })
        && (bytes.len() == 10 || matches!(bytes[10], b'T' | b't' | b' '))
}

/// Whether a text cannot stand without quotes.
fn needs_quotes(text: &str) -> bool {
    let Some(first) = text.chars().next() else {
        return true;
    };
    let indicator = matches!(
        first,
        ',' | '[' | ']' | '{' | '}' | '#' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`'
    );
    let second_is_space = text.chars().nth(1).is_none_or(char::is_whitespace);
    indicator
        || (matches!(first, '-' | '?' | ':') && second_is_space)
        || text.starts_with("---")
        || text.starts_with("...")
        || first.is_whitespace()
        || text.ends_with(char::is_whitespace)
        || text.ends_with(':')
        || text.contains(": ")
        || text.contains(" #")
}

/// A section as it was written, with what looks like a secret left out.
#[must_use]
pub fn redacted(node: &Node) -> Out {
    match &node.value {
        Value::Scalar(scalar) if resolve(scalar) == Resolved::Str => Out::Text(scalar.text.clone()),
        Value::Scalar(scalar) if resolve(scalar) == Resolved::Null => Out::Raw("null".to_owned()),
        Value::Scalar(scalar) => Out::Raw(scalar.text.clone()),
        Value::Sequence(items) => Out::List(items.iter().map(redacted).collect()),
        Value::Mapping(entries) => {
            let mut map = OutMap::new();
            for (key, value) in entries {
                let Value::Scalar(key) = &key.value else { continue };
                let hide =
                    is_secret(&key.text) && matches!(&value.value, Value::Scalar(s) if !s.text.is_empty());
                map.put(
                    &key.text,
                    if hide {
                        Out::Text("<secret>".to_owned())
                    } else {
                        redacted(value)
                    },
                );
            }
            Out::Map(map)
        }
    }
}

fn is_secret(key: &str) -> bool {
    const WORDS: [&str; 7] = [
        "password",
        "secret",
        "token",
        "credentials",
        "private_key",
        "api_key",
        "ca_key",
    ];
    // Names of files and URLs that hold or give a secret are not secret.
    !key.ends_with("_file")
        && !key.ends_with("_url")
        && (key == "key" || WORDS.iter().any(|word| key.contains(word)))
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    #[test]
    fn texts_are_quoted_only_where_they_must_be() {
        for (text, want) in [
            ("a", "a"),
            ("", "\"\""),
            ("true", "\"true\""),
            ("12", "\"12\""),
            ("1m", "1m"),
            ("*.json", "'*.json'"),
            ("it's", "it's"),
            ("{a}", "'{a}'"),
            ("a: b", "'a: b'"),
            ("localhost:9090", "localhost:9090"),
            ("22:22", "\"22:22\""),
            ("2024-01-01", "\"2024-01-01\""),
            ("(.+)(?::\\d+);(\\d+)", "(.+)(?::\\d+);(\\d+)"),
            (";", ";"),
            ("$1", "$1"),
            ("<secret>", "<secret>"),
            ("a\nb\n", "|\n  a\n  b"),
            ("a\nb", "|-\n  a\n  b"),
            ("tab\t", "\"tab\\t\""),
            ("é", "é"),
        ] {
            let mut map = OutMap::new();
            map.text("k", text);
            let yaml = emit(&map);
            assert_eq!(yaml, format!("k: {want}\n"));
            let Value::Mapping(entries) = parse(&yaml).unwrap().unwrap().value else {
                panic!()
            };
            assert_eq!(
                redacted(&entries[0].1),
                Out::Text(text.to_owned()),
                "reads back: {yaml}"
            );
        }
    }

    #[test]
    fn lists_stand_under_their_key() {
        let yaml = "a:\n- x: 1\n  z:\n  - p\n  - q\n- v: {}\nb: []\n";
        let node = parse(yaml).unwrap().unwrap();
        let Out::Map(map) = redacted(&node) else { panic!() };
        assert_eq!(emit(&map), yaml);
        let node = parse("password: x\nkey_file: y\nbasic_auth: {password: ''}\n")
            .unwrap()
            .unwrap();
        let Out::Map(map) = redacted(&node) else { panic!() };
        assert_eq!(
            emit(&map),
            "password: <secret>\nkey_file: y\nbasic_auth:\n  password: \"\"\n"
        );
    }
}
