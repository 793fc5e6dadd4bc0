//! The file of a cursor: up to where a reader of the log has done with it. Layout: spec/cursor.md.

use crate::bytes::Reader;
use crate::error::{Error, Result};
use crate::frame::{Frames, Step, write_frame};
use crate::header::{FileHeader, FileKind};
use crate::varint;

/// What opens every cursor file; number and id of the header are those of the log segment it points into.
pub const KIND: FileKind = FileKind {
    what: "cursor file",
    magic: *b"NXCURS\r\n",
    version: 1,
};

/// A place in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cursor {
    /// Number of the log segment.
    pub segment: u64,
    /// Its random id: another segment of the same number is another segment.
    pub id: u64,
    /// Where in it the first frame stands that has not been dealt with.
    pub offset: u64,
}

impl Cursor {
    /// The whole file.
    ///
    /// # Errors
    /// None in practice: the frame is never empty.
    pub fn encode(&self) -> Result<Vec<u8>> {
        let mut out = KIND.encode(FileHeader {
            number: self.segment,
            id: self.id,
        });
        let mut payload = Vec::new();
        varint::put(&mut payload, self.offset);
        let place = out.len() as u64;
        write_frame(&mut out, self.id, place, &payload)?;
        Ok(out)
    }

    /// Reads a whole file.
    ///
    /// # Errors
    /// Those of [`FileKind::decode`], and [`Error::Corrupt`] or [`Error::Truncated`] if the offset cannot be read.
    pub fn decode(file: &[u8]) -> Result<Self> {
        let header = KIND.decode(file)?;
        let payload = match Frames::new(file, header.id).next() {
            Some(Step::Frame { payload, .. }) => payload,
            Some(Step::Lost(lost)) => return Err(lost.error),
            None => {
                return Err(Error::Truncated {
                    what: "cursor file",
                    offset: file.len() as u64,
                    expected: 1,
                    found: 0,
                });
            }
        };
        let mut reader = Reader::new(payload, "cursor file");
        let offset = reader.varint()?;
        reader.finish()?;
        Ok(Self {
            segment: header.number,
            id: header.id,
            offset,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_cursor_comes_back_and_no_damaged_one(segment: u64, id: u64, offset: u64, at: usize) {
            let cursor = Cursor { segment, id, offset };
            let mut file = cursor.encode().unwrap();
            prop_assert_eq!(Cursor::decode(&file), Ok(cursor));
            let length = file.len();
            prop_assert!(Cursor::decode(&file[..at % length]).is_err());
            file[at % length] ^= 0x10;
            prop_assert!(Cursor::decode(&file).is_err());
        }
    }
}
