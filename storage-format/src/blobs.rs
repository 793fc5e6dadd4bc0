//! A table of byte strings that is read in place: packed ends, then the strings. Layout: spec/sections.md.

use crate::bytes::Reader;
use crate::error::{Error, Result};
use crate::packed::{self, Packed, WIDTH_MAX};
use crate::varint;

/// Builds a table of byte strings.
#[derive(Debug, Default)]
pub struct BlobWriter {
    ends: Vec<u64>,
    bytes: Vec<u8>,
}

impl BlobWriter {
    /// Appends a string; `write` adds its bytes.
    pub fn push(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        write(&mut self.bytes);
        self.ends.push(self.bytes.len() as u64);
    }

    /// String number `index` as it was written; nothing if there is none.
    #[must_use]
    pub fn written(&self, index: usize) -> &[u8] {
        let start = index.checked_sub(1).and_then(|before| self.ends.get(before));
        let end = self.ends.get(index).copied().unwrap_or(0);
        let range = start.copied().unwrap_or(0) as usize..end as usize;
        self.bytes.get(range).unwrap_or_default()
    }

    /// How many strings there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Appends the table: number of strings, width of an end, ends, strings.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the strings exceed 1 TiB.
    pub fn finish(&self, out: &mut Vec<u8>) -> Result<()> {
        let width = packed::width(self.bytes.len() as u64);
        if width > WIDTH_MAX {
            return Err(Error::invalid(
                "table",
                self.len(),
                "at most 1 TiB",
                self.bytes.len() as u64,
            ));
        }
        varint::put(out, self.ends.len() as u64);
        out.push(width as u8);
        packed::put(out, width, self.ends.iter().copied());
        out.extend_from_slice(&self.bytes);
        Ok(())
    }
}

/// Reads a table in place.
#[derive(Debug, Clone, Copy)]
pub struct Blobs<'a> {
    count: usize,
    ends: Packed<'a>,
    bytes: &'a [u8],
    what: &'static str,
}

impl<'a> Blobs<'a> {
    /// The table in `bytes`, to their end; no bytes are an empty table.
    ///
    /// # Errors
    /// [`Error::Truncated`] or [`Error::Corrupt`] if its head does not fit.
    pub fn open(bytes: &'a [u8], what: &'static str) -> Result<Self> {
        if bytes.is_empty() {
            return Ok(Self {
                count: 0,
                ends: Packed::new(1, bytes, what)?,
                bytes,
                what,
            });
        }
        let mut reader = Reader::new(bytes, what);
        let count = reader.varint()?;
        let width = u32::from(reader.u8()?);
        let length = packed::length(count, width).unwrap_or(usize::MAX);
        let ends = Packed::new(width, reader.take(length)?, what)?;
        Ok(Self {
            count: count as usize,
            ends,
            bytes: reader.rest(),
            what,
        })
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
    /// [`Error::Corrupt`] if there is none, or its ends do not fit.
    pub fn get(&self, index: usize) -> Result<&'a [u8]> {
        if index >= self.count {
            return Err(Error::corrupt(
                self.what,
                0,
                "a string of the table",
                index as u64,
            ));
        }
        let start = if index == 0 {
            0
        } else {
            self.ends.get(index - 1) as usize
        };
        let end = self.ends.get(index) as usize;
        self.bytes
            .get(start..end)
            .ok_or_else(|| Error::corrupt(self.what, start, "rising ends within the table", end as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_strings_come_back(strings: Vec<Vec<u8>>) {
            let mut writer = BlobWriter::default();
            strings.iter().for_each(|string| writer.push(|out| out.extend_from_slice(string)));
            let mut bytes = Vec::new();
            writer.finish(&mut bytes).unwrap();
            let blobs = Blobs::open(&bytes, "test").unwrap();
            prop_assert!(blobs.get(strings.len()).is_err());
            let read: Vec<_> = (0..blobs.len()).map(|i| blobs.get(i).unwrap().to_vec()).collect();
            prop_assert_eq!(read, strings);
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            if let Ok(blobs) = Blobs::open(&bytes, "test") {
                prop_assert!(blobs.len() <= 8 * bytes.len());
                for i in 0..blobs.len() {
                    let _ = blobs.get(i);
                }
                prop_assert!(blobs.get(blobs.len()).is_err());
            }
        }
    }
}
