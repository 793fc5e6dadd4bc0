//! The 32 bytes that open every file made of frames: magic, version, number, id, checksum.

use crate::bytes::{Reader, put_u16, put_u32, put_u64};
use crate::checksum::crc32c;
use crate::error::{Error, Result};

/// Length of the header.
pub const LENGTH: usize = 32;

/// What tells one kind of file from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileKind {
    /// How errors call it.
    pub what: &'static str,
    /// Its first bytes.
    pub magic: [u8; 8],
    /// The version written, and the newest read.
    pub version: u16,
}

/// What a file says about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileHeader {
    /// Its place in the order of its kin.
    pub number: u64,
    /// A random number drawn for this file: frames are bound to it and to their offset, so neither bytes
    /// left by another file nor a sample's own label values can pass for a frame.
    pub id: u64,
}

impl FileKind {
    /// The bytes of a header.
    #[must_use]
    pub fn encode(&self, header: FileHeader) -> Vec<u8> {
        let mut out = Vec::with_capacity(LENGTH);
        out.extend_from_slice(&self.magic);
        put_u16(&mut out, self.version);
        put_u16(&mut out, 0);
        put_u64(&mut out, header.number);
        put_u64(&mut out, header.id);
        let checksum = crc32c(&out);
        put_u32(&mut out, checksum);
        out
    }

    /// Reads the header at the beginning of a file.
    ///
    /// # Errors
    /// [`Error::Truncated`] if the file is shorter, [`Error::Corrupt`] if magic or checksum do not hold,
    /// [`Error::Unsupported`] for a newer version.
    pub fn decode(&self, file: &[u8]) -> Result<FileHeader> {
        let mut reader = Reader::new(file, self.what);
        let magic = reader.array::<8>()?;
        if magic != self.magic {
            let (expected, found) = (u64::from_le_bytes(self.magic), u64::from_le_bytes(magic));
            return Err(Error::corrupt(self.what, 0, expected, found));
        }
        let version = reader.u16()?;
        let flags = reader.u16()?;
        let header = FileHeader {
            number: reader.u64()?,
            id: reader.u64()?,
        };
        let found = reader.u32()?;
        let expected = crc32c(file.get(..LENGTH - 4).unwrap_or_default());
        if expected != found {
            return Err(Error::corrupt(self.what, LENGTH - 4, expected, u64::from(found)));
        }
        if version == 0 || version > self.version || flags != 0 {
            return Err(Error::Unsupported {
                what: self.what,
                offset: self.magic.len() as u64,
                expected: u64::from(self.version),
                found: u64::from(version) | u64::from(flags) << 16,
            });
        }
        Ok(header)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: FileKind = FileKind {
        what: "test file",
        magic: *b"NXTEST\r\n",
        version: 1,
    };

    #[test]
    fn every_flipped_byte_is_found() {
        let header = FileHeader { number: 7, id: 9 };
        let bytes = KIND.encode(header);
        assert_eq!(bytes.len(), LENGTH);
        assert_eq!(KIND.decode(&bytes), Ok(header));
        for at in 0..LENGTH {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x10;
            assert!(
                matches!(KIND.decode(&damaged), Err(Error::Corrupt { .. })),
                "byte {at}"
            );
            assert!(
                matches!(KIND.decode(&bytes[..at]), Err(Error::Truncated { .. })),
                "length {at}"
            );
        }
    }

    #[test]
    fn a_newer_version_is_named_as_such() {
        let newer = FileKind { version: 2, ..KIND }.encode(FileHeader { number: 7, id: 9 });
        assert!(matches!(
            KIND.decode(&newer),
            Err(Error::Unsupported {
                expected: 1,
                found: 2,
                ..
            })
        ));
    }
}
