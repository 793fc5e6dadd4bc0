//! The tombstones file beside a segment or a block: what was deleted from it. Layout: spec/tombstones.md.

use crate::bytes::Reader;
use crate::error::{Error, Result};
use crate::extras::{Tombstone, decode_tombstones, encode_tombstones};
use crate::frame::{Frames, Lost, Step, write_frame};
use crate::header::{FileHeader, FileKind};

/// What opens every tombstones file; the header's number is the segment's, or 0 for a block.
pub const KIND: FileKind = FileKind {
    what: "tombstones file",
    magic: *b"NXTOMB\r\n",
    version: 1,
};

/// A frame's worth of tombstones.
const FRAME_TOMBSTONES: usize = 4_096;

/// What was found in a tombstones file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tombstones {
    /// The deleted ranges, in the order they were written.
    pub ranges: Vec<Tombstone>,
    /// Ranges of the file that could not be read.
    pub lost: Vec<Lost>,
}

/// A whole file of `ranges`; `header.id` is a random number.
///
/// # Errors
/// [`Error::Invalid`] if a range ends before it begins.
pub fn encode(header: FileHeader, ranges: &[Tombstone]) -> Result<Vec<u8>> {
    let mut out = KIND.encode(header);
    for part in ranges.chunks(FRAME_TOMBSTONES) {
        let mut payload = Vec::new();
        encode_tombstones(&mut payload, 0, part)?;
        let offset = out.len() as u64;
        write_frame(&mut out, header.id, offset, &payload)?;
    }
    Ok(out)
}

/// Reads a whole file; damaged parts are stepped over and told.
///
/// # Errors
/// Those of [`FileKind::decode`].
pub fn decode(file: &[u8]) -> Result<Tombstones> {
    let header = KIND.decode(file)?;
    let mut found = Tombstones {
        ranges: Vec::new(),
        lost: Vec::new(),
    };
    for step in Frames::new(file, header.id) {
        match step {
            Step::Frame { offset, payload } => match read_frame(payload) {
                Ok(ranges) => found.ranges.extend(ranges),
                Err(error) => {
                    let length = payload.len() as u64;
                    found.lost.push(Lost {
                        offset,
                        length,
                        at_end: false,
                        error,
                    });
                }
            },
            Step::Lost(lost) => found.lost.push(lost),
        }
    }
    Ok(found)
}

fn read_frame(payload: &[u8]) -> Result<Vec<Tombstone>, Error> {
    let mut reader = Reader::new(payload, "tombstones");
    let ranges = decode_tombstones(&mut reader, 0)?;
    reader.finish()?;
    Ok(ranges)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_ranges_come_back(ranges: Vec<(u32, i64, i64)>) {
            let ranges: Vec<_> =
                ranges.iter().map(|(id, a, b)| Tombstone { id: *id, from: *a.min(b), to: *a.max(b) }).collect();
            let file = encode(FileHeader { number: 7, id: 9 }, &ranges).unwrap();
            prop_assert_eq!(decode(&file), Ok(Tombstones { ranges, lost: vec![] }));
        }
    }
}
