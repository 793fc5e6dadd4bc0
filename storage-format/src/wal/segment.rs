//! The header of a log segment. Layout: spec/wal.md.

use crate::error::Result;
use crate::header::{FileHeader, FileKind};

/// What opens every log segment.
pub const KIND: FileKind = FileKind {
    what: "log segment",
    magic: *b"NXWAL\r\n\0",
    version: 1,
};

/// What a log segment says about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentHeader {
    /// Its place in the order of segments.
    pub number: u64,
    /// A random number drawn for this segment (see [`FileHeader::id`]); its file name repeats it.
    pub id: u64,
}

impl SegmentHeader {
    /// The header's bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        KIND.encode(FileHeader {
            number: self.number,
            id: self.id,
        })
    }

    /// Reads the header at the beginning of `segment`.
    ///
    /// # Errors
    /// As [`FileKind::decode`].
    pub fn decode(segment: &[u8]) -> Result<Self> {
        KIND.decode(segment).map(|header| Self {
            number: header.number,
            id: header.id,
        })
    }
}
