//! Groups: neighbouring chunks behind each other, compressed and checked together. Layout: spec/segment.md.

use crate::bytes::{Reader, put_u32, put_u64};
use crate::checksum::crc32c;
use crate::error::{Error, Result};
use crate::sections::SectionWriter;

/// A group is closed before it would exceed this; a larger chunk has a group of its own.
pub const GROUP_LENGTH: usize = 64 << 10;
/// The largest group believed.
pub const GROUP_LENGTH_MAX: usize = 64 << 20;
/// Length of a group's entry in the table.
const ENTRY_LENGTH: usize = 20;
/// LZ4 cannot grow bytes by more than this.
const GROWTH_MAX: usize = 255;

/// Collects chunks into groups.
#[derive(Debug, Default)]
pub struct GroupWriter {
    open: Vec<u8>,
    raw: u64,
    stored: u64,
    table: Vec<u8>,
}

impl GroupWriter {
    /// Adds a chunk and returns its position: where it lies in all groups' uncompressed bytes.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the chunk exceeds 64 MiB.
    pub fn push(&mut self, chunk: &[u8], sections: &mut SectionWriter, out: &mut Vec<u8>) -> Result<u64> {
        if chunk.len() > GROUP_LENGTH_MAX {
            return Err(Error::invalid("chunk", 0, "at most 64 MiB", chunk.len() as u64));
        }
        if !self.open.is_empty() && self.open.len() + chunk.len() > GROUP_LENGTH {
            self.close(sections, out);
        }
        let position = self.raw + self.open.len() as u64;
        self.open.extend_from_slice(chunk);
        Ok(position)
    }

    /// Closes the last group and returns the table.
    pub fn finish(mut self, sections: &mut SectionWriter, out: &mut Vec<u8>) -> Vec<u8> {
        self.close(sections, out);
        self.table
    }

    fn close(&mut self, sections: &mut SectionWriter, out: &mut Vec<u8>) {
        if self.open.is_empty() {
            return;
        }
        let packed = lz4_flex::block::compress(&self.open);
        let stored = if packed.len() < self.open.len() {
            &packed
        } else {
            &self.open
        };
        sections.write(stored, out);
        self.raw += self.open.len() as u64;
        self.stored += stored.len() as u64;
        put_u64(&mut self.table, self.raw);
        put_u64(&mut self.table, self.stored);
        put_u32(&mut self.table, crc32c(stored));
        self.open.clear();
    }
}

/// Finds and opens groups.
#[derive(Debug, Clone, Copy)]
pub struct Groups<'a> {
    table: &'a [[u8; ENTRY_LENGTH]],
    stored: &'a [u8],
}

/// Where a group lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Group {
    /// Its number.
    pub number: usize,
    /// The position of its first byte.
    pub position: u64,
    /// Its uncompressed length.
    pub length: usize,
    stored_start: usize,
    stored_end: usize,
    checksum: u32,
}

impl<'a> Groups<'a> {
    /// The groups in `stored` with their `table`.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if the table is not made of whole entries.
    pub fn open(table: &'a [u8], stored: &'a [u8]) -> Result<Self> {
        let (entries, rest) = table.as_chunks::<ENTRY_LENGTH>();
        if rest.is_empty() {
            return Ok(Self {
                table: entries,
                stored,
            });
        }
        Err(Error::corrupt(
            "group table",
            table.len(),
            "entries of 20 bytes",
            table.len() as u64,
        ))
    }

    /// How many groups there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// The group that holds the chunk at `position`.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if there is none, or its entry does not fit.
    pub fn find(&self, position: u64) -> Result<Group> {
        self.group(self.table.partition_point(|entry| raw_end(entry) <= position))
    }

    /// Group `number`.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if there is none, or its entry does not fit.
    pub fn group(&self, number: usize) -> Result<Group> {
        let Some(entry) = self.table.get(number) else {
            return Err(Error::corrupt(
                "group table",
                0,
                "a group of the table",
                number as u64,
            ));
        };
        let before = number.checked_sub(1).and_then(|number| self.table.get(number));
        let (position, stored_start, _) = before.map_or(Ok((0, 0, 0)), read_entry)?;
        let (end, stored_end, checksum) = read_entry(entry)?;
        let (stored_start, stored_end) = (stored_start as usize, stored_end as usize);
        let stored = stored_end.saturating_sub(stored_start);
        let length = end
            .checked_sub(position)
            .and_then(|length| usize::try_from(length).ok())
            .unwrap_or_default();
        // A larger claim is no group's: memory is taken only for what the stored bytes can hold.
        let possible = stored.saturating_mul(GROWTH_MAX).min(GROUP_LENGTH_MAX);
        if length == 0 || length > possible || stored_end > self.stored.len() {
            return Err(Error::corrupt(
                "group table",
                number * ENTRY_LENGTH,
                "a group within the file",
                end,
            ));
        }
        Ok(Group {
            number,
            position,
            length,
            stored_start,
            stored_end,
            checksum,
        })
    }

    /// Replaces `out` by the group's uncompressed bytes, once its checksum holds.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if the checksum does not hold or the bytes do not decompress to their length.
    pub fn read(&self, group: &Group, out: &mut Vec<u8>) -> Result<()> {
        let stored = self
            .stored
            .get(group.stored_start..group.stored_end)
            .unwrap_or_default();
        let found = crc32c(stored);
        if found != group.checksum {
            return Err(Error::corrupt(
                "group",
                group.stored_start,
                group.checksum,
                u64::from(found),
            ));
        }
        // What one large chunk took is not kept for all others.
        if out.capacity() > 2 * GROUP_LENGTH.max(group.length) {
            *out = Vec::new();
        }
        if stored.len() == group.length {
            out.clear();
            out.extend_from_slice(stored);
            return Ok(());
        }
        // What was there is written over.
        out.resize(group.length, 0);
        match lz4_flex::block::decompress_into(stored, out) {
            Ok(length) if length == group.length => Ok(()),
            Ok(length) => Err(Error::corrupt(
                "group",
                group.stored_start,
                group.length as u64,
                length as u64,
            )),
            Err(_) => Err(Error::corrupt(
                "group",
                group.stored_start,
                "LZ4 of the stated length",
                stored.len() as u64,
            )),
        }
    }
}

fn raw_end(entry: &[u8; ENTRY_LENGTH]) -> u64 {
    Reader::new(entry, "group table").u64().unwrap_or(u64::MAX)
}

fn read_entry(entry: &[u8; ENTRY_LENGTH]) -> Result<(u64, u64, u32)> {
    let mut reader = Reader::new(entry, "group table");
    Ok((reader.u64()?, reader.u64()?, reader.u32()?))
}
