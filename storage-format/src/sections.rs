//! Sealed files: sections behind a header, and a footer that says where they lie and what they sum up to.
//! Layout: spec/sections.md.

use crate::bytes::{Reader, put_u32, put_u64};
use crate::checksum::{crc32c, crc32c_append};
use crate::error::{Error, Result};
use crate::header::{self, FileHeader, FileKind};

/// The last bytes of every sealed file.
pub const END_MAGIC: [u8; 8] = *b"NXEND\r\n\0";
/// Length of what stands behind the footer's entries.
pub const TRAILER_LENGTH: usize = 24;
/// Length of one entry of the footer.
pub const ENTRY_LENGTH: usize = 24;

const WHAT: &str = "file footer";

/// Where a section lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    kind: u32,
    checksum: u32,
    offset: u64,
    length: u64,
}

/// Writes a sealed file front to back; the caller may drain `out` at any time.
#[derive(Debug)]
pub struct SectionWriter {
    id: u64,
    offset: u64,
    entries: Vec<Entry>,
}

impl SectionWriter {
    /// Appends the file's header.
    #[must_use]
    pub fn new(kind: &FileKind, header: FileHeader, out: &mut Vec<u8>) -> Self {
        let bytes = kind.encode(header);
        out.extend_from_slice(&bytes);
        Self {
            id: header.id,
            offset: bytes.len() as u64,
            entries: Vec::new(),
        }
    }

    /// Begins a section; kinds must rise.
    ///
    /// # Errors
    /// [`Error::Invalid`] if `kind` does not exceed the previous section's.
    pub fn begin(&mut self, kind: u32) -> Result<()> {
        if self.entries.last().is_some_and(|last| last.kind >= kind) {
            return Err(Error::invalid(
                "section",
                self.entries.len(),
                "rising kinds",
                u64::from(kind),
            ));
        }
        self.entries.push(Entry {
            kind,
            checksum: 0,
            offset: self.offset,
            length: 0,
        });
        Ok(())
    }

    /// Appends to the section begun last.
    pub fn write(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(bytes);
        self.offset += bytes.len() as u64;
        if let Some(entry) = self.entries.last_mut() {
            entry.checksum = crc32c_append(entry.checksum, bytes);
            entry.length += bytes.len() as u64;
        }
    }

    /// Appends a whole section.
    ///
    /// # Errors
    /// As [`SectionWriter::begin`].
    pub fn section(&mut self, kind: u32, bytes: &[u8], out: &mut Vec<u8>) -> Result<()> {
        self.begin(kind)?;
        self.write(bytes, out);
        Ok(())
    }

    /// Appends the footer.
    pub fn finish(self, out: &mut Vec<u8>) {
        let mut footer = Vec::with_capacity(self.entries.len() * ENTRY_LENGTH + TRAILER_LENGTH);
        for entry in &self.entries {
            put_u32(&mut footer, entry.kind);
            put_u32(&mut footer, entry.checksum);
            put_u64(&mut footer, entry.offset);
            put_u64(&mut footer, entry.length);
        }
        let file_length = self.offset + (footer.len() + TRAILER_LENGTH) as u64;
        let checksum = footer_checksum(self.id, &footer, file_length);
        put_u32(&mut footer, self.entries.len() as u32);
        put_u32(&mut footer, checksum);
        put_u64(&mut footer, file_length);
        footer.extend_from_slice(&END_MAGIC);
        out.extend_from_slice(&footer);
    }
}

fn footer_checksum(id: u64, entries: &[u8], file_length: u64) -> u32 {
    let bound = crc32c_append(crc32c(&id.to_le_bytes()), entries);
    crc32c_append(bound, &file_length.to_le_bytes())
}

/// The sections of a sealed file, found through its footer.
#[derive(Debug, Clone)]
pub struct Sections<'a> {
    file: &'a [u8],
    header: FileHeader,
    entries: Vec<Entry>,
}

impl<'a> Sections<'a> {
    /// Checks header and footer of `file`; its sections are not looked at yet.
    ///
    /// # Errors
    /// [`Error::Truncated`], [`Error::Corrupt`], or [`Error::Unsupported`] for a newer version.
    pub fn open(file: &'a [u8], kind: &FileKind) -> Result<Self> {
        let header = kind.decode(file)?;
        let trailer_start = file.len().saturating_sub(TRAILER_LENGTH).max(header::LENGTH);
        let rest = file.get(trailer_start..).unwrap_or_default();
        let mut reader = Reader::with_base(rest, WHAT, trailer_start as u64);
        let count = reader.u32()?;
        let checksum = reader.u32()?;
        let file_length = reader.u64()?;
        let magic = reader.array::<8>()?;
        if magic != END_MAGIC {
            return Err(reader.corrupt(u64::from_le_bytes(END_MAGIC), u64::from_le_bytes(magic)));
        }
        if file_length != file.len() as u64 {
            return Err(reader.corrupt(file.len() as u64, file_length));
        }
        let start = (count as usize)
            .checked_mul(ENTRY_LENGTH)
            .and_then(|length| trailer_start.checked_sub(length));
        let Some(start) = start.filter(|start| *start >= header::LENGTH) else {
            return Err(reader.corrupt("no more sections than the file can hold", u64::from(count)));
        };
        let footer = file.get(start..trailer_start).unwrap_or_default();
        let found = footer_checksum(header.id, footer, file_length);
        if found != checksum {
            return Err(Error::corrupt(WHAT, start, checksum, u64::from(found)));
        }
        let entries = read_entries(footer, start)?;
        Ok(Self {
            file,
            header,
            entries,
        })
    }

    /// The file's header.
    #[must_use]
    pub const fn header(&self) -> FileHeader {
        self.header
    }

    /// The bytes of a section, unchecked; empty if the file has none of this kind.
    #[must_use]
    pub fn get(&self, kind: u32) -> &'a [u8] {
        self.entries
            .iter()
            .find(|entry| entry.kind == kind)
            .map_or(&[], |entry| self.bytes(entry))
    }

    /// The bytes of a section once their checksum holds; empty if the file has none of this kind.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if the checksum does not hold.
    pub fn verified(&self, kind: u32) -> Result<&'a [u8]> {
        match self.entries.iter().find(|entry| entry.kind == kind) {
            Some(entry) => self.verify_entry(entry),
            None => Ok(&[]),
        }
    }

    /// Checks every section.
    ///
    /// # Errors
    /// [`Error::Corrupt`] for the first whose checksum does not hold.
    pub fn verify(&self) -> Result<()> {
        self.entries
            .iter()
            .try_for_each(|entry| self.verify_entry(entry).map(drop))
    }

    fn verify_entry(&self, entry: &Entry) -> Result<&'a [u8]> {
        let bytes = self.bytes(entry);
        let found = crc32c(bytes);
        if found == entry.checksum {
            return Ok(bytes);
        }
        Err(Error::corrupt(
            "section",
            entry.offset as usize,
            entry.checksum,
            u64::from(found),
        ))
    }

    fn bytes(&self, entry: &Entry) -> &'a [u8] {
        let (start, length) = (entry.offset as usize, entry.length as usize);
        self.file
            .get(start..start.saturating_add(length))
            .unwrap_or_default()
    }
}

/// Entries that lie behind each other from the header to the footer, kinds rising.
fn read_entries(footer: &[u8], footer_start: usize) -> Result<Vec<Entry>> {
    let mut reader = Reader::with_base(footer, WHAT, footer_start as u64);
    let mut entries = Vec::with_capacity(footer.len() / ENTRY_LENGTH);
    let (mut next, mut previous) = (header::LENGTH as u64, None);
    while !reader.is_empty() {
        let kind = reader.u32()?;
        let entry = Entry {
            kind,
            checksum: reader.u32()?,
            offset: reader.u64()?,
            length: reader.u64()?,
        };
        let end = entry
            .offset
            .checked_add(entry.length)
            .filter(|end| *end <= footer_start as u64);
        match end {
            Some(end) if entry.offset == next && previous < Some(kind) => next = end,
            _ => return Err(reader.corrupt(next, entry.offset)),
        }
        previous = Some(kind);
        entries.push(entry);
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: FileKind = FileKind {
        what: "test file",
        magic: *b"NXTEST\r\n",
        version: 1,
    };

    fn file() -> Vec<u8> {
        let mut out = Vec::new();
        let mut writer = SectionWriter::new(&KIND, FileHeader { number: 1, id: 2 }, &mut out);
        writer.section(1, b"first", &mut out).unwrap();
        writer.section(3, b"", &mut out).unwrap();
        writer.begin(4).unwrap();
        writer.write(b"sec", &mut out);
        writer.write(b"ond", &mut out);
        assert!(writer.begin(4).is_err());
        writer.finish(&mut out);
        out
    }

    #[test]
    fn sections_come_back() {
        let file = file();
        let sections = Sections::open(&file, &KIND).unwrap();
        assert_eq!(sections.verified(1), Ok(&b"first"[..]));
        assert_eq!(sections.verified(2), Ok(&b""[..]));
        assert_eq!(sections.get(4), b"second");
        assert_eq!(sections.verify(), Ok(()));
    }

    #[test]
    fn every_flipped_byte_is_found() {
        let file = file();
        for at in 0..file.len() {
            let mut damaged = file.clone();
            damaged[at] ^= 4;
            assert!(
                Sections::open(&damaged, &KIND)
                    .and_then(|sections| sections.verify())
                    .is_err(),
                "byte {at}"
            );
            assert!(Sections::open(&file[..at], &KIND).is_err(), "length {at}");
        }
    }
}
