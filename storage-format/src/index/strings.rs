//! Sorted strings, front coded in blocks: found, walked and taken by number in place. Layout: spec/index.md.

use crate::blobs::{BlobWriter, Blobs};
use crate::bytes::{Reader, put_block, put_text};
use crate::error::{Error, Result};
use crate::varint;

/// What errors call it.
const WHAT: &str = "strings";
/// Strings in a block: the first is whole, the others say how much they share with the one before.
const BLOCK: usize = 16;

/// Appends `strings`, which must rise strictly.
///
/// # Errors
/// [`Error::Invalid`] if they do not.
pub fn encode(strings: &[&str], out: &mut Vec<u8>) -> Result<()> {
    if let Some(at) = strings.windows(2).position(|pair| pair[0] >= pair[1]) {
        return Err(Error::invalid("strings", at + 1, "rising strings", at as u64));
    }
    let mut blobs = BlobWriter::default();
    for block in strings.chunks(BLOCK) {
        blobs.push(|out| {
            let mut previous: &[u8] = &[];
            for (place, string) in block.iter().enumerate() {
                let bytes = string.as_bytes();
                if place == 0 {
                    put_text(out, string);
                } else {
                    let shared = previous.iter().zip(bytes).take_while(|(a, b)| a == b).count();
                    varint::put(out, shared as u64);
                    put_block(out, bytes.get(shared..).unwrap_or_default());
                }
                previous = bytes;
            }
        });
    }
    varint::put(out, strings.len() as u64);
    blobs.finish(out)
}

/// A table of sorted strings.
#[derive(Debug, Clone, Copy)]
pub struct Strings<'a> {
    count: usize,
    blocks: Blobs<'a>,
}

impl<'a> Strings<'a> {
    /// The table in `bytes`, to their end; no bytes are an empty table.
    ///
    /// # Errors
    /// [`Error::Truncated`] or [`Error::Corrupt`] if its head does not fit.
    pub fn open(bytes: &'a [u8]) -> Result<Self> {
        let mut reader = Reader::new(bytes, WHAT);
        let count = if bytes.is_empty() { 0 } else { reader.varint()? };
        let blocks = Blobs::open(reader.rest(), WHAT)?;
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        if count.div_ceil(BLOCK) != blocks.len() {
            return Err(reader.corrupt(blocks.len() as u64, count as u64));
        }
        Ok(Self { count, blocks })
    }

    /// How many strings there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// String number `index`.
    ///
    /// # Errors
    /// [`Error::Truncated`] or [`Error::Corrupt`], also if there is no such string.
    pub fn get(&self, index: usize) -> Result<String> {
        self.cursor().get(index).map(str::to_owned)
    }

    /// Takes strings by number, the sooner the less is passed from one to the next.
    #[must_use]
    pub fn cursor(&self) -> Cursor<'a> {
        Cursor {
            strings: *self,
            rest: Reader::new(&[], WHAT),
            block: usize::MAX,
            next: 0,
            text: Vec::new(),
        }
    }

    /// The number of `string`, if it is in the table.
    ///
    /// # Errors
    /// [`Error::Truncated`] or [`Error::Corrupt`].
    pub fn find(&self, string: &str) -> Result<Option<usize>> {
        let at = self.lower_bound(string)?;
        if at == self.count {
            return Ok(None);
        }
        let mut found = None;
        self.walk(at, |index, candidate| {
            found = (candidate == string).then_some(index);
            false
        })?;
        Ok(found)
    }

    /// How many strings are less than `string`: where it, or what it is a prefix of, begins.
    ///
    /// # Errors
    /// [`Error::Truncated`] or [`Error::Corrupt`].
    pub fn lower_bound(&self, string: &str) -> Result<usize> {
        let (mut low, mut high) = (0, self.blocks.len());
        while low < high {
            let middle = low + (high - low) / 2;
            let head = Reader::new(self.blocks.get(middle)?, WHAT).block()?;
            if head < string.as_bytes() {
                low = middle + 1
            } else {
                high = middle
            }
        }
        let Some(block) = low.checked_sub(1) else {
            return Ok(0);
        };
        let mut bound = self.count.min(low * BLOCK);
        self.walk(block * BLOCK, |index, candidate| {
            if candidate >= string {
                bound = bound.min(index);
            }
            candidate < string && index + 1 < low * BLOCK
        })?;
        Ok(bound)
    }

    /// Hands strings from number `from` on to `each`, until it says `false`.
    ///
    /// # Errors
    /// [`Error::Truncated`] or [`Error::Corrupt`].
    pub fn walk(&self, from: usize, mut each: impl FnMut(usize, &str) -> bool) -> Result<()> {
        let mut cursor = self.cursor();
        for index in from..self.count {
            if !each(index, cursor.get(index)?) {
                break;
            }
        }
        Ok(())
    }
}

/// A place in a table of strings.
#[derive(Debug)]
pub struct Cursor<'a> {
    strings: Strings<'a>,
    /// What has not been read of the block in which the place is.
    rest: Reader<'a>,
    block: usize,
    /// The string behind the place.
    next: usize,
    /// The string before the place.
    text: Vec<u8>,
}

impl Cursor<'_> {
    /// String number `index`.
    ///
    /// # Errors
    /// [`Error::Truncated`] or [`Error::Corrupt`], also if there is no such string.
    pub fn get(&mut self, index: usize) -> Result<&str> {
        if index >= self.strings.count {
            return Err(Error::corrupt(WHAT, 0, "a string of the table", index as u64));
        }
        let block = index / BLOCK;
        if block != self.block || index + 1 < self.next {
            self.rest = Reader::new(self.strings.blocks.get(block)?, WHAT);
            (self.block, self.next) = (block, block * BLOCK);
        }
        while self.next <= index {
            if let Err(error) = self.step() {
                // Nothing that follows can be trusted: whoever asks again begins again.
                self.block = usize::MAX;
                return Err(error);
            }
        }
        std::str::from_utf8(&self.text).map_err(|_| self.rest.corrupt("UTF-8 text", index as u64))
    }

    fn step(&mut self) -> Result<()> {
        let shared = if self.next.is_multiple_of(BLOCK) {
            0
        } else {
            self.rest.varint()?
        };
        if shared > self.text.len() as u64 {
            return Err(self.rest.corrupt("no more shared bytes than there are", shared));
        }
        self.text.truncate(shared as usize);
        self.text.extend_from_slice(self.rest.block()?);
        self.next += 1;
        if self.next.is_multiple_of(BLOCK) || self.next == self.strings.count {
            self.rest.finish()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_strings_are_found(set: std::collections::BTreeSet<String>, other in ".{0,3}") {
            let strings: Vec<_> = set.iter().map(String::as_str).collect();
            let mut bytes = Vec::new();
            encode(&strings, &mut bytes).unwrap();
            let table = Strings::open(&bytes).unwrap();
            for (index, string) in strings.iter().enumerate() {
                prop_assert_eq!(table.get(index).unwrap(), *string);
                prop_assert_eq!(table.find(string), Ok(Some(index)));
            }
            prop_assert_eq!(table.lower_bound(&other), Ok(strings.iter().filter(|s| **s < other.as_str()).count()));
            prop_assert_eq!(table.find(&other).unwrap().is_some(), set.contains(&other));
            prop_assert!(table.get(strings.len()).is_err());
        }

        #[test]
        fn a_cursor_goes_anywhere(
            set in prop::collection::btree_set("[ab]{0,6}", 1..70),
            places in prop::collection::vec(0_usize..80, 0..60),
        ) {
            let strings: Vec<_> = set.iter().map(String::as_str).collect();
            let mut bytes = Vec::new();
            encode(&strings, &mut bytes).unwrap();
            let mut cursor = Strings::open(&bytes).unwrap().cursor();
            for place in places {
                prop_assert_eq!(cursor.get(place).ok(), strings.get(place).copied());
            }
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            if let Ok(table) = Strings::open(&bytes) {
                let mut cursor = table.cursor();
                for index in (0..table.len().min(100)).flat_map(|i| [i, i, i / 2]) {
                    prop_assert_eq!(cursor.get(index).map(str::to_owned), table.get(index));
                }
                let _ = table.walk(0, |_, _| true);
                let _ = table.find("a");
            }
        }
    }

    #[test]
    fn unsorted_strings_are_refused() {
        assert!(encode(&["b", "a"], &mut Vec::new()).is_err());
        assert!(encode(&["a", "a"], &mut Vec::new()).is_err());
    }
}
