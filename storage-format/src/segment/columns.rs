//! Columns of times, each stored once however many series share it. Layout: spec/segment.md.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use crate::blobs::{BlobWriter, Blobs};
use crate::bytes::{Reader, put_block};
use crate::chunk::{SAMPLES_MAX, TimeDecoder, TimeEncoder};
use crate::error::{Error, Result};
use crate::varint;

/// The most times in a column.
pub const TIMES_MAX: usize = 1 << 20;

/// Collects columns; equal ones become one.
#[derive(Debug, Default)]
pub struct ColumnWriter {
    encoder: TimeEncoder,
    /// By hash of the encoded times: one of the columns that have it.
    numbers: HashMap<u64, u32>,
    hasher: RandomState,
    blobs: BlobWriter,
}

impl ColumnWriter {
    /// The number of the column of `times`.
    ///
    /// # Errors
    /// [`Error::Invalid`] if there are none or more than [`TIMES_MAX`].
    pub fn push(&mut self, times: &[i64]) -> Result<u32> {
        if times.is_empty() || times.len() > TIMES_MAX {
            return Err(Error::invalid(
                "time column",
                self.blobs.len(),
                "1 to 1048576 times",
                times.len() as u64,
            ));
        }
        let mut bytes = Vec::new();
        varint::put(&mut bytes, times.len() as u64);
        for piece in times.chunks(SAMPLES_MAX) {
            let mut encoded = Vec::new();
            self.encoder.encode(piece, &mut encoded)?;
            put_block(&mut bytes, &encoded);
        }
        let hash = self.hasher.hash_one(&bytes);
        if let Some(known) = self.numbers.get(&hash)
            && self.blobs.written(*known as usize) == bytes
        {
            return Ok(*known);
        }
        let next = self.blobs.len() as u32;
        self.blobs.push(|out| out.extend_from_slice(&bytes));
        self.numbers.insert(hash, next);
        Ok(next)
    }

    /// The columns as a section.
    ///
    /// # Errors
    /// As [`BlobWriter::finish`].
    pub fn finish(&self) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        self.blobs.finish(&mut out)?;
        Ok(out)
    }
}

/// Reads columns.
#[derive(Debug, Clone, Copy)]
pub struct Columns<'a>(Blobs<'a>);

impl<'a> Columns<'a> {
    /// The columns of a section.
    ///
    /// # Errors
    /// As [`Blobs::open`].
    pub fn open(section: &'a [u8]) -> Result<Self> {
        Blobs::open(section, "time columns").map(Self)
    }

    /// How many columns there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Appends the times of column `number`.
    ///
    /// # Errors
    /// [`Error::Truncated`] or [`Error::Corrupt`].
    pub fn read(&self, number: u32, decoder: &mut TimeDecoder, out: &mut Vec<i64>) -> Result<()> {
        let mut reader = Reader::new(self.0.get(number as usize)?, "time column");
        let count = reader.varint()?;
        let Some(mut left) = usize::try_from(count).ok().filter(|count| *count <= TIMES_MAX) else {
            return Err(reader.corrupt("at most 1048576 times", count));
        };
        while left > 0 {
            let piece = left.min(SAMPLES_MAX);
            decoder.decode(reader.block()?, piece, out)?;
            left -= piece;
        }
        reader.finish()
    }
}
