//! The keys of one section: read by name, and whatever nobody asked for is an error.

use super::decoder::{self, Decoder};
use crate::config::Secret;
use crate::config::error::Fatal;
use crate::config::yaml::{Node, Position, Value};
use narthex_model::Duration;

/// A mapping whose keys are read one by one.
pub(crate) struct Fields<'n> {
    type_name: &'static str,
    entries: Vec<Entry<'n>>,
    known: Vec<&'static str>,
    /// Where the section begins.
    pub(crate) at: Position,
}

struct Entry<'n> {
    key: &'n str,
    at: Position,
    value: &'n Node,
    read: bool,
}

impl<'n> Fields<'n> {
    /// The keys of `node`, which is a `type_name` in Prometheus's error texts; None if it is no mapping.
    pub(crate) fn open(node: &'n Node, type_name: &'static str, d: &mut Decoder) -> Option<Self> {
        let Value::Mapping(pairs) = &node.value else {
            d.mismatch(node, type_name);
            return None;
        };
        let mut entries: Vec<Entry<'n>> = Vec::with_capacity(pairs.len());
        for (key, value) in pairs {
            let Value::Scalar(name) = &key.value else {
                d.mismatch(key, "string");
                continue;
            };
            if let Some(first) = entries.iter().find(|other| other.key == name.text) {
                d.hint(format!(
                    "line {}: {} was set before, in line {}",
                    key.at.line, name.text, first.at.line
                ));
                d.report(
                    key.at,
                    format!("field {} already set in type {type_name}", name.text),
                );
                continue;
            }
            entries.push(Entry {
                key: &name.text,
                at: key.at,
                value,
                read: false,
            });
        }
        Some(Self {
            type_name,
            entries,
            known: Vec::new(),
            at: node.at,
        })
    }

    /// The value of `key`, if it is written.
    pub(crate) fn get(&mut self, key: &'static str) -> Option<&'n Node> {
        self.known.push(key);
        let entry = self.entries.iter_mut().find(|entry| entry.key == key)?;
        entry.read = true;
        Some(entry.value)
    }

    /// The value of `key`, if it is written and says something.
    pub(crate) fn section(&mut self, key: &'static str) -> Option<&'n Node> {
        self.get(key).filter(|node| !decoder::is_null(node))
    }

    /// Where the value of `key` stands, or else the section.
    pub(crate) fn place(&self, key: &str) -> Position {
        self.entries
            .iter()
            .find(|e| e.key == key)
            .map_or(self.at, |e| e.value.at)
    }

    pub(crate) fn text(&mut self, key: &'static str, into: &mut String, d: &mut Decoder) {
        if let Some(value) = self.get(key).and_then(|node| d.text(node)) {
            *into = value;
        }
    }

    pub(crate) fn secret(&mut self, key: &'static str, into: &mut Secret, d: &mut Decoder) {
        if let Some(value) = self.get(key).and_then(|node| d.text(node)) {
            *into = Secret::new(value);
        }
    }

    pub(crate) fn boolean(&mut self, key: &'static str, into: &mut bool, d: &mut Decoder) {
        if let Some(value) = self.get(key).and_then(|node| d.boolean(node)) {
            *into = value;
        }
    }

    /// A boolean that may be inherited: null counts as not written.
    pub(crate) fn boolean_opt(&mut self, key: &'static str, d: &mut Decoder) -> Option<bool> {
        self.section(key).and_then(|node| d.boolean(node))
    }

    pub(crate) fn unsigned(&mut self, key: &'static str, into: &mut u64, d: &mut Decoder) {
        self.unsigned_as(key, "uint", into, d);
    }

    /// A number that error texts call `wanted`.
    pub(crate) fn unsigned_as(&mut self, key: &'static str, wanted: &str, into: &mut u64, d: &mut Decoder) {
        let value = self
            .get(key)
            .and_then(|node| d.whole(node, wanted, 0, i128::from(u64::MAX)));
        if let Some(value) = value.and_then(|v| u64::try_from(v).ok()) {
            *into = value;
        }
    }

    pub(crate) fn signed(&mut self, key: &'static str, into: &mut i64, d: &mut Decoder) {
        let bounds = (i128::from(i64::MIN), i128::from(i64::MAX));
        let value = self
            .get(key)
            .and_then(|node| d.whole(node, "int", bounds.0, bounds.1));
        if let Some(value) = value.and_then(|v| i64::try_from(v).ok()) {
            *into = value;
        }
    }

    pub(crate) fn float(&mut self, key: &'static str, into: &mut f64, d: &mut Decoder) {
        if let Some(value) = self.get(key).and_then(|node| d.float(node)) {
            *into = value;
        }
    }

    pub(crate) fn texts(&mut self, key: &'static str, into: &mut Vec<String>, d: &mut Decoder) {
        if let Some(value) = self.get(key).and_then(|node| d.texts(node)) {
            *into = value;
        }
    }

    pub(crate) fn text_map(&mut self, key: &'static str, into: &mut Vec<(String, String)>, d: &mut Decoder) {
        if let Some(value) = self.get(key).and_then(|node| d.text_map(node)) {
            *into = value;
        }
    }

    pub(crate) fn duration(
        &mut self,
        key: &'static str,
        into: &mut Duration,
        d: &mut Decoder,
    ) -> Result<(), Fatal> {
        if let Some(node) = self.get(key)
            && let Some(value) = decoder::duration(d, node, key)?
        {
            *into = value;
        }
        Ok(())
    }

    /// Reports every key that nobody asked for, with the nearest one that is allowed.
    pub(crate) fn finish(self, d: &mut Decoder) {
        for entry in self.entries.iter().filter(|entry| !entry.read) {
            d.report(
                entry.at,
                format!("field {} not found in type {}", entry.key, self.type_name),
            );
            let mut allowed = self.known.clone();
            allowed.sort_unstable();
            let hint = match nearest(entry.key, &allowed) {
                Some(near) => format!("did you mean {near}?"),
                None => format!("allowed here: {}", allowed.join(", ")),
            };
            d.hint(format!(
                "line {}, column {}: {hint}",
                entry.at.line, entry.at.column
            ));
        }
    }
}

/// The candidate that `text` is most likely a slip of, if any is close.
pub(crate) fn nearest<'a>(text: &str, candidates: &[&'a str]) -> Option<&'a str> {
    let limit = (text.chars().count() / 3).clamp(1, 4);
    candidates
        .iter()
        .map(|candidate| (distance(text, candidate, limit), *candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Edits (insert, remove, replace, swap neighbours) from one text to the other; anything above `limit` when
/// lengths alone exceed it.
fn distance(a: &str, b: &str, limit: usize) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(64).collect(), b.chars().collect());
    if a.len().abs_diff(b.len()) > limit {
        return limit + 1;
    }
    let width = b.len() + 1;
    let mut rows = vec![0_usize; (a.len() + 1) * width];
    let cell = |i: usize, j: usize| i * width + j;
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            rows[cell(i, j)] = if i == 0 || j == 0 {
                i + j
            } else {
                let change = usize::from(a[i - 1] != b[j - 1]);
                let mut best = (rows[cell(i - 1, j)] + 1)
                    .min(rows[cell(i, j - 1)] + 1)
                    .min(rows[cell(i - 1, j - 1)] + change);
                if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                    best = best.min(rows[cell(i - 2, j - 2)] + 1);
                }
                best
            };
        }
    }
    rows[cell(a.len(), b.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_find_the_key_that_was_meant() {
        let keys = ["scrape_interval", "scrape_timeout", "job_name", "scheme"];
        for (slip, want) in [
            ("scrape_intervall", Some("scrape_interval")),
            ("scrape_intreval", Some("scrape_interval")),
            ("jobname", Some("job_name")),
            ("schema", Some("scheme")),
            ("targets", None),
            ("", None),
        ] {
            assert_eq!(nearest(slip, &keys), want, "{slip}");
        }
    }
}
