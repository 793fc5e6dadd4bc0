//! Frames of a log or catalog file: a header that proves itself, then a payload; after damage the reader
//! finds the next sound frame, so that damage costs only what it hit. Layout: spec/frame.md.

use crate::bytes::Reader;
use crate::checksum::{crc32c, crc32c_append};
use crate::error::{Error, Expected, Result};
use crate::header;

/// Length of a frame's header.
pub const FRAME_HEADER_LENGTH: usize = 16;
/// The largest payload written or believed: a length beyond it is damage, whatever its checksum says.
pub const PAYLOAD_LENGTH_MAX: usize = 1 << 30;
/// The first bytes of every frame; three of the four are never part of UTF-8 text.
pub const MARKER: [u8; 4] = [0xf5, b'N', 0xff, 0xfe];

/// Appends the frame of `payload` to `out`; `offset` is where its first byte will lie in the file with
/// this `id`.
///
/// # Errors
/// [`Error::Invalid`] if the payload is empty or exceeds [`PAYLOAD_LENGTH_MAX`].
pub fn write_frame(out: &mut Vec<u8>, id: u64, offset: u64, payload: &[u8]) -> Result<()> {
    let length = checked_length(payload.len())?;
    out.extend_from_slice(&frame_header(id, offset, length, crc32c(payload)));
    out.extend_from_slice(payload);
    Ok(())
}

/// Leaves room for a frame's header at the end of `out` and returns the place to hand to [`end_frame`]: the
/// payload is then appended to `out` directly, without a copy.
#[must_use]
pub fn begin_frame(out: &mut Vec<u8>) -> usize {
    let start = out.len();
    out.resize(start + FRAME_HEADER_LENGTH, 0);
    start
}

/// Completes the frame begun at `start`: everything after its header is its payload. `offset` is where its
/// first byte will lie in the file with this `id`.
///
/// # Errors
/// [`Error::Invalid`] if the payload is empty or exceeds [`PAYLOAD_LENGTH_MAX`], or `start` is no frame's.
pub fn end_frame(out: &mut [u8], start: usize, id: u64, offset: u64) -> Result<()> {
    let frame = out.get_mut(start..).unwrap_or_default();
    let Some((header, payload)) = frame.split_first_chunk_mut::<FRAME_HEADER_LENGTH>() else {
        return Err(Error::invalid(
            "frame",
            start,
            "the start of a begun frame",
            start as u64,
        ));
    };
    let length = checked_length(payload.len())?;
    *header = frame_header(id, offset, length, crc32c(payload));
    Ok(())
}

fn checked_length(length: usize) -> Result<u32> {
    match u32::try_from(length) {
        Ok(short) if length > 0 && length <= PAYLOAD_LENGTH_MAX => Ok(short),
        _ => Err(Error::invalid(
            "frame",
            0,
            "a payload of 1 byte to 1 GiB",
            length as u64,
        )),
    }
}

fn frame_header(id: u64, offset: u64, length: u32, checksum: u32) -> [u8; FRAME_HEADER_LENGTH] {
    let mut header = [0; FRAME_HEADER_LENGTH];
    let (covered, own) = header.split_at_mut(FRAME_HEADER_LENGTH - 4);
    let words = [u32::from_le_bytes(MARKER), length, checksum];
    for (bytes, word) in covered.chunks_exact_mut(4).zip(words) {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
    own.copy_from_slice(&header_checksum(id, offset, covered).to_le_bytes());
    header
}

fn header_checksum(id: u64, offset: u64, covered: &[u8]) -> u32 {
    let bound = crc32c_append(crc32c(&id.to_le_bytes()), &offset.to_le_bytes());
    crc32c_append(bound, covered)
}

/// What the reader met next in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step<'a> {
    /// A sound frame.
    Frame {
        /// Where its header starts.
        offset: u64,
        /// What it carries.
        payload: &'a [u8],
    },
    /// Bytes that are not a sound frame.
    Lost(Lost),
}

/// A range of a file that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// Where it starts.
    pub offset: u64,
    /// How long it is: up to the next sound frame or the end of the file.
    pub length: u64,
    /// Whether it reaches the end of the file: in the newest one that is what a crash leaves.
    pub at_end: bool,
    /// What was wrong at its beginning.
    pub error: Error,
}

/// Reads the frames of one file in order; damage is reported and stepped over.
#[derive(Debug, Clone)]
pub struct Frames<'a> {
    file: &'a [u8],
    id: u64,
    position: usize,
}

impl<'a> Frames<'a> {
    /// Reads `file` (the whole file's bytes) from its first frame; `id` is that of its header, or, when
    /// the header is damaged, that of its file name.
    #[must_use]
    pub const fn new(file: &'a [u8], id: u64) -> Self {
        Self {
            file,
            id,
            position: header::LENGTH,
        }
    }

    /// Reads from `offset`, which must be where a frame starts or the end: a cursor.
    #[must_use]
    pub fn from_offset(file: &'a [u8], id: u64, offset: u64) -> Self {
        let position = usize::try_from(offset).unwrap_or(usize::MAX).max(header::LENGTH);
        Self { file, id, position }
    }

    /// Where the next frame should start: the cursor to continue from.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.position as u64
    }

    /// The payload of the frame at `position`, or what is wrong there.
    fn frame_at(&self, position: usize) -> Result<&'a [u8]> {
        let bytes = self.file.get(position..).unwrap_or_default();
        let mut reader = Reader::with_base(bytes, "frame", position as u64);
        let marker = reader.array::<4>()?;
        if marker != MARKER {
            let (expected, found) = (u32::from_le_bytes(MARKER), u32::from_le_bytes(marker));
            return Err(Error::corrupt(
                "frame marker",
                position,
                expected,
                u64::from(found),
            ));
        }
        let length = reader.u32()? as usize;
        let payload_checksum = reader.u32()?;
        let covered = bytes.get(..FRAME_HEADER_LENGTH - 4).unwrap_or_default();
        let expected = header_checksum(self.id, position as u64, covered);
        let found = reader.u32()?;
        if expected != found || length == 0 || length > PAYLOAD_LENGTH_MAX {
            return Err(Error::corrupt(
                "frame header",
                position,
                expected,
                u64::from(found),
            ));
        }
        let payload = reader.take(length)?;
        let found = crc32c(payload);
        if found != payload_checksum {
            return Err(Error::Corrupt {
                what: "frame payload",
                offset: (position + FRAME_HEADER_LENGTH) as u64,
                expected: Expected::from(payload_checksum),
                found: u64::from(found),
            });
        }
        Ok(payload)
    }

    /// The first position from `from` on with a sound frame, or the end. A header is never believed as to how
    /// far to skip: a write that failed half way may be followed by whole frames.
    fn resync(&self, from: usize) -> usize {
        let mut position = from;
        while let Some(rest) = self.file.get(position..) {
            let Some(skip) = rest.windows(MARKER.len()).position(|window| window == MARKER) else {
                break;
            };
            position += skip;
            if self.frame_at(position).is_ok() {
                return position;
            }
            position += 1;
        }
        self.file.len()
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = Step<'a>;

    fn next(&mut self) -> Option<Step<'a>> {
        let start = self.position;
        let rest = self.file.get(start..)?;
        // Zeros to the end are space set aside in advance, or what a crash left of an extended file.
        if rest.iter().all(|byte| *byte == 0) {
            return None;
        }
        match self.frame_at(start) {
            Ok(payload) => {
                self.position = start + FRAME_HEADER_LENGTH + payload.len();
                Some(Step::Frame {
                    offset: start as u64,
                    payload,
                })
            }
            Err(error) => {
                self.position = self.resync(start + 1);
                let length = (self.position - start) as u64;
                let at_end = self.position == self.file.len();
                Some(Step::Lost(Lost {
                    offset: start as u64,
                    length,
                    at_end,
                    error,
                }))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wal::SegmentHeader;
    use proptest::prelude::*;

    const ID: u64 = 0x9f86_d081_884c_7d65;

    fn segment(payloads: &[Vec<u8>]) -> Vec<u8> {
        let mut out = SegmentHeader { number: 12, id: ID }.encode();
        for payload in payloads {
            let offset = out.len() as u64;
            write_frame(&mut out, ID, offset, payload).unwrap();
        }
        out
    }

    fn sound(segment: &[u8]) -> Vec<Vec<u8>> {
        let frame = |step| match step {
            Step::Frame { payload, .. } => Some(payload.to_vec()),
            Step::Lost(_) => None,
        };
        Frames::new(segment, ID).filter_map(frame).collect()
    }

    fn payloads() -> impl Strategy<Value = Vec<Vec<u8>>> {
        prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 1..8)
    }

    proptest! {
        #[test]
        fn whole_segments_come_back(payloads in payloads()) {
            let bytes = segment(&payloads);
            prop_assert_eq!(SegmentHeader::decode(&bytes), Ok(SegmentHeader { number: 12, id: ID }));
            prop_assert_eq!(sound(&bytes), payloads);
        }

        #[test]
        fn damage_costs_only_the_frame_it_hit(payloads in payloads(), at: prop::sample::Index, flip in 1_u8..) {
            let mut bytes = segment(&payloads);
            let at = header::LENGTH + at.index(bytes.len() - header::LENGTH);
            bytes[at] ^= flip;
            let (mut end, mut hit) = (header::LENGTH, 0);
            for (index, payload) in payloads.iter().enumerate() {
                let start = end;
                end += FRAME_HEADER_LENGTH + payload.len();
                if (start..end).contains(&at) {
                    hit = index;
                }
            }
            let mut expected = payloads;
            expected.remove(hit);
            prop_assert_eq!(sound(&bytes), expected);
        }

        #[test]
        fn a_torn_end_costs_only_the_last_frame(payloads in payloads(), cut: prop::sample::Index, zeros in 0_usize..50) {
            let whole = segment(&payloads);
            let last = whole.len() - FRAME_HEADER_LENGTH - payloads[payloads.len() - 1].len();
            let mut bytes = whole.clone();
            bytes.truncate(last + cut.index(whole.len() - last));
            bytes.resize(bytes.len() + zeros, 0);
            let read = sound(&bytes);
            prop_assert!(read == payloads[..payloads.len() - 1] || (read == payloads && bytes.starts_with(&whole)));
        }

        #[test]
        fn a_write_that_failed_half_way_does_not_hide_the_next(payloads in payloads(), cut in 1_usize..30) {
            let torn = segment(&[vec![7; 64]]);
            let mut bytes = torn[..header::LENGTH + cut].to_vec();
            for payload in &payloads {
                let offset = bytes.len() as u64;
                write_frame(&mut bytes, ID, offset, payload).unwrap();
            }
            prop_assert_eq!(sound(&bytes), payloads);
        }

        #[test]
        fn any_bytes_end_without_a_frame(mut bytes: Vec<u8>) {
            bytes.splice(0..0, [0; header::LENGTH]);
            prop_assert!(sound(&bytes).is_empty());
        }
    }

    #[test]
    fn a_frame_carried_inside_a_payload_is_not_believed() {
        let inner = segment(&[b"forged".to_vec()])[header::LENGTH..].to_vec();
        let mut bytes = segment(&[inner, b"next".to_vec()]);
        bytes[header::LENGTH + 4] ^= 1;
        assert_eq!(sound(&bytes), [b"next".to_vec()]);
    }

    #[test]
    fn a_frame_of_another_segment_is_not_believed() {
        let bytes = segment(&[b"old".to_vec()]);
        let steps: Vec<_> = Frames::new(&bytes, ID + 1).collect();
        assert!(matches!(
            &steps[..],
            [Step::Lost(Lost {
                offset: 32,
                length: 19,
                at_end: true,
                ..
            })]
        ));
    }

    #[test]
    fn a_frame_can_be_built_in_place() {
        let mut out = SegmentHeader { number: 12, id: ID }.encode();
        let start = begin_frame(&mut out);
        out.extend_from_slice(b"payload");
        end_frame(&mut out, start, ID, start as u64).unwrap();
        assert_eq!(out, segment(&[b"payload".to_vec()]));
        assert!(matches!(
            end_frame(&mut out, 10_000, ID, 0),
            Err(Error::Invalid { .. })
        ));
    }

    #[test]
    fn a_cursor_continues_where_the_reader_stopped() {
        let bytes = segment(&[b"one".to_vec(), b"two".to_vec()]);
        let mut frames = Frames::new(&bytes, ID);
        frames.next();
        let cursor = frames.offset();
        let rest: Vec<_> = Frames::from_offset(&bytes, ID, cursor).collect();
        assert_eq!(
            rest,
            [Step::Frame {
                offset: cursor,
                payload: b"two"
            }]
        );
        assert_eq!(Frames::from_offset(&bytes, ID, u64::MAX).next(), None);
    }
}
