//! Definitions of series, id to labels, with every string stored once: shared by the log and the catalog.

use std::collections::HashMap;
use std::fmt;

use crate::bytes::{Reader, put_text};
use crate::error::Result;
use crate::varint;

/// A list of series definitions over borrowed strings; a caller adds to it or reads it from bytes.
///
/// Names and values are kept as they are given: their order and uniqueness are the caller's affair.
#[derive(Clone, Default)]
pub struct SeriesTable<'a> {
    symbols: Vec<&'a str>,
    numbers: HashMap<&'a str, u32>,
    entries: Vec<Entry>,
    pairs: Vec<(u32, u32)>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    id: u32,
    start: usize,
    length: usize,
}

impl<'a> SeriesTable<'a> {
    /// An empty list.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a series.
    pub fn push(&mut self, id: u32, labels: impl IntoIterator<Item = (&'a str, &'a str)>) {
        let start = self.pairs.len();
        for (name, value) in labels {
            let pair = (self.number(name), self.number(value));
            self.pairs.push(pair);
        }
        self.entries.push(Entry {
            id,
            start,
            length: self.pairs.len() - start,
        });
    }

    fn number(&mut self, text: &'a str) -> u32 {
        *self.numbers.entry(text).or_insert_with(|| {
            self.symbols.push(text);
            (self.symbols.len() - 1) as u32
        })
    }

    /// How many series there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Forgets all, keeping the memory.
    pub fn clear(&mut self) {
        self.symbols.clear();
        self.numbers.clear();
        self.entries.clear();
        self.pairs.clear();
    }

    /// The series in the order they were added: id, and label pairs.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (u32, LabelPairs<'_, 'a>)> {
        self.entries.iter().map(|entry| {
            let pairs = self
                .pairs
                .get(entry.start..entry.start + entry.length)
                .unwrap_or_default();
            (
                entry.id,
                LabelPairs {
                    symbols: &self.symbols,
                    pairs: pairs.iter(),
                },
            )
        })
    }

    /// Appends the list: the strings, then per series the step from the previous id and references.
    pub fn encode(&self, out: &mut Vec<u8>) {
        varint::put(out, self.symbols.len() as u64);
        for symbol in &self.symbols {
            put_text(out, symbol);
        }
        varint::put(out, self.entries.len() as u64);
        let mut previous = -1_i64;
        for entry in &self.entries {
            // The usual step is one: it takes a zero.
            varint::put_signed(out, i64::from(entry.id) - previous - 1);
            previous = i64::from(entry.id);
            varint::put(out, entry.length as u64);
            for (name, value) in self
                .pairs
                .get(entry.start..entry.start + entry.length)
                .unwrap_or_default()
            {
                varint::put(out, u64::from(*name));
                varint::put(out, u64::from(*value));
            }
        }
    }

    /// Reads a list; the strings stay in the bytes.
    ///
    /// # Errors
    /// [`crate::Error::Truncated`] or [`crate::Error::Corrupt`] where the bytes do not hold a list.
    pub fn decode(reader: &mut Reader<'a>) -> Result<Self> {
        let mut table = Self::new();
        for _ in 0..reader.count(1)? {
            table.symbols.push(reader.text()?);
        }
        let mut previous = -1_i64;
        for _ in 0..reader.count(2)? {
            let step = reader.signed()?;
            let id = step
                .checked_add(previous + 1)
                .and_then(|id| u32::try_from(id).ok());
            let id = id.ok_or_else(|| reader.corrupt("a series id of 32 bits", step as u64))?;
            previous = i64::from(id);
            let (start, length) = (table.pairs.len(), reader.count(2)?);
            for _ in 0..length {
                let pair = (table.reference(reader)?, table.reference(reader)?);
                table.pairs.push(pair);
            }
            table.entries.push(Entry { id, start, length });
        }
        Ok(table)
    }

    fn reference(&self, reader: &mut Reader<'a>) -> Result<u32> {
        let number = reader.varint_u32()?;
        match self.symbols.get(number as usize) {
            Some(_) => Ok(number),
            None => Err(reader.corrupt("a string of the table", u64::from(number))),
        }
    }
}

impl fmt::Debug for SeriesTable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(self.iter().map(|(id, pairs)| (id, pairs.collect::<Vec<_>>())))
            .finish()
    }
}

impl PartialEq for SeriesTable<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len()
            && self
                .iter()
                .zip(other.iter())
                .all(|(a, b)| a.0 == b.0 && a.1.eq(b.1))
    }
}

/// The label pairs of one series.
#[derive(Debug, Clone)]
pub struct LabelPairs<'t, 'a> {
    symbols: &'t [&'a str],
    pairs: std::slice::Iter<'t, (u32, u32)>,
}

impl<'a> LabelPairs<'_, 'a> {
    /// The pairs left, as numbers of strings in the list: equal numbers, equal strings.
    #[must_use]
    pub fn references(&self) -> &[(u32, u32)] {
        self.pairs.as_slice()
    }

    /// The texts of a pair of numbers.
    #[must_use]
    pub fn text(&self, (name, value): (u32, u32)) -> Option<(&'a str, &'a str)> {
        Some((
            self.symbols.get(name as usize)?,
            self.symbols.get(value as usize)?,
        ))
    }
}

impl<'a> Iterator for LabelPairs<'_, 'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let pair = *self.pairs.next()?;
        self.text(pair)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.pairs.size_hint()
    }
}

impl ExactSizeIterator for LabelPairs<'_, '_> {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_definitions_come_back(series in vec((any::<u32>(), vec(("\\PC{0,5}", ".{0,9}"), 0..5)), 0..9)) {
            let mut table = SeriesTable::new();
            for (id, labels) in &series {
                table.push(*id, labels.iter().map(|(n, v)| (n.as_str(), v.as_str())));
            }
            let mut bytes = Vec::new();
            table.encode(&mut bytes);
            let mut reader = Reader::new(&bytes, "test");
            let read = SeriesTable::decode(&mut reader).unwrap();
            prop_assert!(reader.is_empty());
            prop_assert!(read == table);
            let listed: Vec<_> = read
                .iter()
                .map(|(id, pairs)| (id, pairs.map(|(n, v)| (n.to_owned(), v.to_owned())).collect::<Vec<_>>()))
                .collect();
            prop_assert_eq!(listed, series);
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            let _ = SeriesTable::decode(&mut Reader::new(&bytes, "test"));
        }
    }

    #[test]
    fn a_repeated_string_is_stored_once() {
        let mut table = SeriesTable::new();
        table.push(7, [("job", "node"), ("mode", "idle")]);
        table.push(8, [("job", "node"), ("mode", "user")]);
        let mut bytes = Vec::new();
        table.encode(&mut bytes);
        assert_eq!(bytes.windows(4).filter(|w| w == b"node").count(), 1);
    }

    #[test]
    fn a_string_that_is_not_there_is_refused() {
        // One symbol "a", one series, one pair.
        let read =
            |bytes: &[u8]| SeriesTable::decode(&mut Reader::new(bytes, "test")).map(|table| table.len());
        assert_eq!(read(&[1, 1, b'a', 1, 0, 1, 0, 0]), Ok(1));
        assert!(read(&[1, 1, b'a', 1, 0, 1, 0, 1]).is_err());
        // An id below zero.
        assert!(read(&[1, 1, b'a', 1, 1, 1, 0, 0]).is_err());
    }
}
