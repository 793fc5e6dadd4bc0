//! A series' identity: label pairs sorted by name, in one shared allocation.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

/// The label that holds the metric's name.
pub const METRIC_NAME: &str = "__name__";
/// Bytes that most sets of labels fit in.
const LENGTH: usize = 256;

/// Label pairs sorted by the bytes of their names; no name twice, no empty value.
///
/// One pointer and one allocation: names and values stand behind each other in one string, each after
/// its length. Lengths are written in 6-bit groups (bit 6 says that more follow), so that the whole stays
/// valid UTF-8 and slices need no check beyond the boundary. Cloning is cheap.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Labels(Arc<str>);

impl Default for Labels {
    fn default() -> Self {
        Self::empty()
    }
}

impl Labels {
    /// No labels: `{}`.
    #[must_use]
    pub fn empty() -> Self {
        Self(Arc::from(""))
    }

    /// Labels from pairs in any order; of a repeated name the last pair counts, empty values are left out.
    pub fn from_pairs<N: AsRef<str>, V: AsRef<str>>(pairs: impl IntoIterator<Item = (N, V)>) -> Self {
        let mut builder = LabelsBuilder::new();
        for (name, value) in pairs {
            builder.set(name.as_ref(), value.as_ref());
        }
        builder.labels()
    }

    /// Labels from pairs that are already sorted by name, without repetition and empty values.
    /// What breaks that promise makes comparisons wrong, nothing worse.
    pub fn from_sorted<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut text = String::with_capacity(LENGTH);
        for (name, value) in pairs {
            push_part(&mut text, name);
            push_part(&mut text, value);
        }
        Self(Arc::from(text))
    }

    /// The value of the label `name`, if it is set.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter()
            .take_while(|(n, _)| *n <= name)
            .find(|(n, _)| *n == name)
            .map(|(_, value)| value)
    }

    /// The metric's name, or `""`.
    #[must_use]
    pub fn metric_name(&self) -> &str {
        self.get(METRIC_NAME).unwrap_or("")
    }

    /// Pairs in order of their names.
    #[must_use]
    pub fn iter(&self) -> Iter<'_> {
        Iter { rest: &self.0 }
    }

    /// How many labels there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Only the labels that `names` lists (in any order).
    #[must_use]
    pub fn keep<S: AsRef<str>>(&self, names: &[S]) -> Self {
        Self::from_sorted(
            self.iter()
                .filter(|(n, _)| names.iter().any(|k| k.as_ref() == *n)),
        )
    }

    /// All labels but those that `names` lists (in any order).
    #[must_use]
    pub fn without<S: AsRef<str>>(&self, names: &[S]) -> Self {
        Self::from_sorted(
            self.iter()
                .filter(|(n, _)| !names.iter().any(|k| k.as_ref() == *n)),
        )
    }

    /// All labels but the metric's name.
    #[must_use]
    pub fn without_name(&self) -> Self {
        if self.get(METRIC_NAME).is_none() {
            self.clone()
        } else {
            self.without(&[METRIC_NAME])
        }
    }

    /// The pairs as the bytes they are kept in: equal labels have equal bytes. Of use as a hash or map key.
    #[must_use]
    pub fn as_key(&self) -> &str {
        &self.0
    }
}

/// Pairs of a [`Labels`] in order of their names.
#[derive(Debug, Clone)]
pub struct Iter<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let (name, rest) = take_part(self.rest);
        let (value, rest) = take_part(rest);
        self.rest = rest;
        Some((name, value))
    }
}

impl<'a> IntoIterator for &'a Labels {
    type Item = (&'a str, &'a str);
    type IntoIter = Iter<'a>;
    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

fn push_part(text: &mut String, part: &str) {
    let mut length = part.len();
    while length >= 0x40 {
        text.push((0x40 | (length & 0x3f) as u8) as char);
        length >>= 6;
    }
    text.push(length as u8 as char);
    text.push_str(part);
}

fn take_part(text: &str) -> (&str, &str) {
    let (mut length, mut shift) = (0_usize, 0_u32);
    let mut head = 0;
    for byte in text.bytes() {
        head += 1;
        length |= ((byte & 0x3f) as usize) << shift;
        shift += 6;
        if byte & 0x40 == 0 {
            break;
        }
    }
    text[head..].split_at(length)
}

impl Ord for Labels {
    /// Pair by pair, by the bytes of name and value; a prefix comes first.
    fn cmp(&self, other: &Self) -> Ordering {
        self.iter().cmp(other.iter())
    }
}

impl PartialOrd for Labels {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Labels {
    /// `{a="b", c="d"}` with every label in the braces, values quoted as Go does, names that are not plain quoted too.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (i, (name, value)) in self.iter().enumerate() {
            if i > 0 {
                f.write_str(", ")?;
            }
            if is_legacy_label_name(name) {
                f.write_str(name)?;
            } else {
                write_quoted(f, name)?;
            }
            f.write_str("=")?;
            write_quoted(f, value)?;
        }
        f.write_str("}")
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<N: AsRef<str>, V: AsRef<str>> FromIterator<(N, V)> for Labels {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        Self::from_pairs(pairs)
    }
}

/// Whether `name` is a label name of the old form `[a-zA-Z_][a-zA-Z0-9_]*`.
#[must_use]
pub fn is_legacy_label_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// Whether `name` is a metric name of the old form `[a-zA-Z_:][a-zA-Z0-9_:]*`.
#[must_use]
pub fn is_legacy_metric_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes
        .next()
        .is_some_and(|b| b.is_ascii_alphabetic() || b == b'_' || b == b':')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b':')
}

/// Writes `text` in double quotes as Go's `strconv.Quote` does: printable characters stand as they are.
pub fn write_quoted(out: &mut impl fmt::Write, text: &str) -> fmt::Result {
    out.write_char('"')?;
    for c in text.chars() {
        match c {
            '"' => out.write_str("\\\"")?,
            '\\' => out.write_str("\\\\")?,
            '\u{7}' => out.write_str("\\a")?,
            '\u{8}' => out.write_str("\\b")?,
            '\u{c}' => out.write_str("\\f")?,
            '\n' => out.write_str("\\n")?,
            '\r' => out.write_str("\\r")?,
            '\t' => out.write_str("\\t")?,
            '\u{b}' => out.write_str("\\v")?,
            c if (c as u32) < 0x20 || c == '\u{7f}' => write!(out, "\\x{:02x}", c as u32)?,
            c if is_unprintable(c) => {
                if (c as u32) < 0x1_0000 {
                    write!(out, "\\u{:04x}", c as u32)?
                } else {
                    write!(out, "\\U{:08x}", c as u32)?
                }
            }
            c => out.write_char(c)?,
        }
    }
    out.write_char('"')
}

/// `text` in double quotes as [`write_quoted`] writes it.
#[must_use]
pub fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    // Writing to a string cannot fail.
    let _ = write_quoted(&mut out, text);
    out
}

/// Characters beyond ASCII that Go does not print as they are: controls, formats, separators, private use.
fn is_unprintable(c: char) -> bool {
    !c.is_ascii()
        && (c.is_control()
            || c.is_whitespace()
            || matches!(c as u32, 0xad | 0x200b..=0x200f | 0x202a..=0x202e | 0x2060..=0x206f | 0xfeff | 0xfff9..=0xfffb | 0xe000..=0xf8ff | 0xf_0000..=0x10_ffff))
}

/// Collects labels in any order and makes sorted [`Labels`] of them.
#[derive(Debug, Clone, Default)]
pub struct LabelsBuilder {
    pairs: Vec<(String, String)>,
}

impl LabelsBuilder {
    /// A builder with no labels.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a label; an empty value removes it.
    pub fn set(&mut self, name: &str, value: &str) -> &mut Self {
        match self.pairs.binary_search_by(|(n, _)| n.as_str().cmp(name)) {
            Ok(at) if value.is_empty() => drop(self.pairs.remove(at)),
            Ok(at) => value.clone_into(&mut self.pairs[at].1),
            Err(_) if value.is_empty() => {}
            Err(at) => self.pairs.insert(at, (name.to_owned(), value.to_owned())),
        }
        self
    }

    /// Removes a label.
    pub fn remove(&mut self, name: &str) -> &mut Self {
        self.set(name, "")
    }

    /// The value of the label `name`, if it is set.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let at = self.pairs.binary_search_by(|(n, _)| n.as_str().cmp(name)).ok()?;
        Some(self.pairs[at].1.as_str())
    }

    /// Pairs in order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().map(|(n, v)| (n.as_str(), v.as_str()))
    }

    /// Keeps only the labels for which `keep(name, value)` holds.
    pub fn retain(&mut self, mut keep: impl FnMut(&str, &str) -> bool) {
        self.pairs.retain(|(n, v)| keep(n, v));
    }

    /// Whether no label is set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// The labels collected so far.
    #[must_use]
    pub fn labels(&self) -> Labels {
        Labels::from_sorted(self.iter())
    }
}

impl From<&Labels> for LabelsBuilder {
    fn from(labels: &Labels) -> Self {
        Self {
            pairs: labels.iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_sorted_and_found_again() {
        let long = "x".repeat(70_000);
        let labels = Labels::from_pairs([
            ("job", "a"),
            ("Zone", "é"),
            ("__name__", long.as_str()),
            ("empty", ""),
        ]);
        let pairs: Vec<_> = labels.iter().collect();
        assert_eq!(pairs, [("Zone", "é"), ("__name__", long.as_str()), ("job", "a")]);
        assert_eq!(labels.get("job"), Some("a"));
        assert_eq!(labels.get("empty"), None);
        assert_eq!(labels.metric_name().len(), 70_000);
        assert_eq!(labels.without_name().to_string(), r#"{Zone="é", job="a"}"#);
        assert_eq!(labels.keep(&["job", "none"]).to_string(), r#"{job="a"}"#);
        assert!(Labels::empty() < labels);
    }

    #[test]
    fn texts_are_quoted_as_go_quotes_them() {
        assert_eq!(quoted("a\"b\\c\n\u{1}é"), "\"a\\\"b\\\\c\\n\\x01é\"");
    }

    #[test]
    fn order_is_that_of_pairs_not_of_lengths() {
        let short = Labels::from_pairs([("a", "z")]);
        let long = Labels::from_pairs([("a", "aaaaaaaaaaaa")]);
        assert!(long < short);
    }
}
