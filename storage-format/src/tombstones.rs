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
    /// The deleted ranges, sorted.
    pub ranges: Vec<Tombstone>,
    /// What is wrong with the header, if the frames were found without it.
    pub header: Option<Error>,
    /// Ranges of the file that could not be read.
    pub lost: Vec<Lost>,
    /// Whether an end was found: every range that was written has been read, from one copy or the other.
    pub complete: bool,
}

/// A whole file of `ranges`; `header.id` is that of the file of chunks that they belong to. Everything stands twice: a
/// deletion that is lost would bring back what was deleted.
///
/// # Errors
/// [`Error::Invalid`] if a range ends before it begins.
pub fn encode(header: FileHeader, ranges: &[Tombstone]) -> Result<Vec<u8>> {
    let mut out = KIND.encode(header);
    for _ in 0..2 {
        // An empty frame ends a copy.
        for part in ranges.chunks(FRAME_TOMBSTONES).chain([&[][..]]) {
            let mut payload = Vec::new();
            encode_tombstones(&mut payload, 0, part)?;
            let offset = out.len() as u64;
            write_frame(&mut out, header.id, offset, &payload)?;
        }
    }
    Ok(out)
}

/// Reads a whole file that belongs to the file of chunks with this id; damaged parts are stepped over and told.
///
/// # Errors
/// [`Error::Unsupported`] for a newer version; [`Error::Corrupt`] if it belongs to another file.
pub fn decode(file: &[u8], id: u64) -> Result<Tombstones> {
    let header = match KIND.decode(file) {
        Ok(header) if header.id != id => return Err(Error::corrupt(KIND.what, 20, id, header.id)),
        Ok(_) => None,
        Err(error @ Error::Unsupported { .. }) => return Err(error),
        Err(error) => Some(error),
    };
    let mut found = Tombstones {
        ranges: Vec::new(),
        header,
        lost: Vec::new(),
        complete: false,
    };
    for step in Frames::new(file, id) {
        match step {
            Step::Frame { offset, payload } => match decode_frame(payload) {
                Ok(ranges) if ranges.is_empty() => found.complete |= found.lost.is_empty(),
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
    let order = |range: &Tombstone| (range.id, range.from, range.to);
    found.ranges.sort_unstable_by_key(order);
    found.ranges.dedup();
    Ok(found)
}

/// The ranges of one frame.
///
/// # Errors
/// [`Error::Corrupt`] or [`Error::Truncated`].
pub fn decode_frame(payload: &[u8]) -> Result<Vec<Tombstone>, Error> {
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
            let mut sorted = ranges;
            sorted.sort_unstable_by_key(|r| (r.id, r.from, r.to));
            sorted.dedup();
            let found = decode(&file, 9).unwrap();
            prop_assert_eq!(found, Tombstones { ranges: sorted, header: None, lost: vec![], complete: true });
            prop_assert!(decode(&file, 8).is_err());
        }

        #[test]
        fn one_damaged_place_costs_no_deletion(ranges: Vec<(u32, i64, i64)>, place: prop::sample::Index, bit in 0..8_u8) {
            let mut ranges: Vec<_> =
                ranges.iter().map(|(id, a, b)| Tombstone { id: *id, from: *a.min(b), to: *a.max(b) }).collect();
            let mut file = encode(FileHeader { number: 7, id: 9 }, &ranges).unwrap();
            ranges.sort_unstable_by_key(|r| (r.id, r.from, r.to));
            ranges.dedup();
            let at = place.index(file.len());
            file[at] ^= 1_u8 << bit;
            match decode(&file, 9) {
                Ok(found) => {
                    prop_assert_eq!(found.ranges, ranges);
                    prop_assert!(found.header.is_some() || !found.lost.is_empty());
                }
                // The flip made a newer version, which is refused, or the id of another file.
                Err(error) => prop_assert!(at < 28, "{error}"),
            }
        }
    }
}
