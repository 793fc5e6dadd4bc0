//! Bounded reading and writing of little-endian values: nothing is read past the end, nothing is
//! allocated before the bytes that justify it have been seen.

use crate::error::{Error, Expected, Result};
use crate::varint;

/// A cursor over a slice that names what it reads and where.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    data: &'a [u8],
    position: usize,
    base: u64,
    what: &'static str,
}

impl<'a> Reader<'a> {
    /// Reads `data`, which errors call `what`.
    #[must_use]
    pub const fn new(data: &'a [u8], what: &'static str) -> Self {
        Self {
            data,
            position: 0,
            base: 0,
            what,
        }
    }

    /// Reads `data`, whose first byte errors place at `base`.
    #[must_use]
    pub const fn with_base(data: &'a [u8], what: &'static str, base: u64) -> Self {
        Self {
            data,
            position: 0,
            base,
            what,
        }
    }

    /// Where the next byte lies, counted from `base`.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.base + self.position as u64
    }

    /// Bytes not read yet.
    #[must_use]
    pub const fn remaining(&self) -> usize {
        self.data.len() - self.position
    }

    /// Whether everything has been read.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.remaining() == 0
    }

    /// The unread bytes, without reading them.
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        self.data.get(self.position..).unwrap_or_default()
    }

    /// The next `length` bytes.
    ///
    /// # Errors
    /// [`Error::Truncated`] if there are fewer.
    #[inline]
    pub fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        match self.rest().get(..length) {
            Some(bytes) => {
                self.position += length;
                Ok(bytes)
            }
            None => Err(self.truncated(length as u64)),
        }
    }

    /// The next `N` bytes.
    ///
    /// # Errors
    /// [`Error::Truncated`] if there are fewer.
    #[inline]
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        match self.rest().first_chunk::<N>() {
            Some(bytes) => {
                self.position += N;
                Ok(*bytes)
            }
            None => Err(self.truncated(N as u64)),
        }
    }

    /// One byte.
    ///
    /// # Errors
    /// [`Error::Truncated`] at the end.
    #[inline]
    pub fn u8(&mut self) -> Result<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    /// Two bytes.
    ///
    /// # Errors
    /// [`Error::Truncated`] if there are fewer.
    #[inline]
    pub fn u16(&mut self) -> Result<u16> {
        self.array().map(u16::from_le_bytes)
    }

    /// Four bytes.
    ///
    /// # Errors
    /// [`Error::Truncated`] if there are fewer.
    #[inline]
    pub fn u32(&mut self) -> Result<u32> {
        self.array().map(u32::from_le_bytes)
    }

    /// Eight bytes.
    ///
    /// # Errors
    /// [`Error::Truncated`] if there are fewer.
    #[inline]
    pub fn u64(&mut self) -> Result<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// Eight bytes as a float, exact to the bit.
    ///
    /// # Errors
    /// [`Error::Truncated`] if there are fewer.
    #[inline]
    pub fn f64(&mut self) -> Result<f64> {
        self.u64().map(f64::from_bits)
    }

    /// A variable-length number.
    ///
    /// # Errors
    /// [`Error::Truncated`] if it does not end, [`Error::Corrupt`] if it exceeds 64 bits.
    #[inline]
    pub fn varint(&mut self) -> Result<u64> {
        match self.data.get(self.position) {
            // Most numbers are this small.
            Some(byte) if *byte < 0x80 => {
                self.position += 1;
                Ok(u64::from(*byte))
            }
            _ => self.long_varint(),
        }
    }

    fn long_varint(&mut self) -> Result<u64> {
        match varint::read(self.rest()) {
            Some((value, used)) => {
                self.position += used;
                Ok(value)
            }
            None if self.remaining() < varint::LENGTH_MAX => Err(self.truncated(self.remaining() as u64 + 1)),
            None => Err(self.corrupt("a number of at most 64 bits", u64::MAX)),
        }
    }

    /// A signed variable-length number.
    ///
    /// # Errors
    /// As [`Reader::varint`].
    #[inline]
    pub fn signed(&mut self) -> Result<i64> {
        self.varint().map(varint::unzigzag)
    }

    /// A variable-length number of at most 32 bits.
    ///
    /// # Errors
    /// As [`Reader::varint`]; [`Error::Corrupt`] if it exceeds 32 bits.
    #[inline]
    pub fn varint_u32(&mut self) -> Result<u32> {
        let value = self.varint()?;
        u32::try_from(value).map_err(|_| self.corrupt("a number of at most 32 bits", value))
    }

    /// A number of items that follow, each of at least `bytes_min` bytes: more than can be there is refused,
    /// so a caller may reserve that many.
    ///
    /// # Errors
    /// As [`Reader::varint`]; [`Error::Corrupt`] if the rest cannot hold them.
    pub fn count(&mut self, bytes_min: usize) -> Result<usize> {
        let value = self.varint()?;
        let room = self.remaining() / bytes_min.max(1);
        match usize::try_from(value) {
            Ok(count) if count <= room => Ok(count),
            _ => Err(self.corrupt("no more items than the rest can hold", value)),
        }
    }

    /// Bytes with their length before them.
    ///
    /// # Errors
    /// [`Error::Truncated`] or [`Error::Corrupt`] if they are not all there.
    pub fn block(&mut self) -> Result<&'a [u8]> {
        let length = self.varint()?;
        match usize::try_from(length) {
            Ok(length) => self.take(length),
            Err(_) => Err(self.truncated(length)),
        }
    }

    /// Text with its length before it.
    ///
    /// # Errors
    /// As [`Reader::block`]; [`Error::Corrupt`] if it is not UTF-8.
    pub fn text(&mut self) -> Result<&'a str> {
        let start = self.offset();
        let bytes = self.block()?;
        std::str::from_utf8(bytes).map_err(|error| Error::Corrupt {
            what: self.what,
            offset: start,
            expected: Expected::Rule("UTF-8 text"),
            found: error.valid_up_to() as u64,
        })
    }

    /// Refuses bytes that nobody asked for.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if any are left.
    pub fn finish(&self) -> Result<()> {
        if self.is_empty() {
            Ok(())
        } else {
            Err(self.corrupt("the end", self.remaining() as u64))
        }
    }

    /// An error that says what should have stood before the present position.
    #[must_use]
    pub fn corrupt(&self, expected: impl Into<Expected>, found: u64) -> Error {
        Error::Corrupt {
            what: self.what,
            offset: self.offset(),
            expected: expected.into(),
            found,
        }
    }

    /// An error that names a version or kind this program does not know.
    #[must_use]
    pub fn unsupported(&self, newest: u64, found: u64) -> Error {
        Error::Unsupported {
            what: self.what,
            offset: self.offset(),
            expected: newest,
            found,
        }
    }

    fn truncated(&self, needed: u64) -> Error {
        Error::Truncated {
            what: self.what,
            offset: self.offset(),
            expected: needed,
            found: self.remaining() as u64,
        }
    }
}

/// Appends two bytes.
#[inline]
pub fn put_u16(out: &mut Vec<u8>, value: u16) {
    out.extend_from_slice(&value.to_le_bytes());
}

/// Appends four bytes.
#[inline]
pub fn put_u32(out: &mut Vec<u8>, value: u32) {
    out.extend_from_slice(&value.to_le_bytes());
}

/// Appends eight bytes.
#[inline]
pub fn put_u64(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(&value.to_le_bytes());
}

/// Appends the bits of a float.
#[inline]
pub fn put_f64(out: &mut Vec<u8>, value: f64) {
    put_u64(out, value.to_bits());
}

/// Appends bytes with their length before them.
pub fn put_block(out: &mut Vec<u8>, bytes: &[u8]) {
    varint::put(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Appends text with its length before it.
pub fn put_text(out: &mut Vec<u8>, text: &str) {
    put_block(out, text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_name_the_place_from_the_base() {
        let mut reader = Reader::with_base(&[1, 2, 3], "test", 100);
        assert_eq!(reader.u16(), Ok(0x0201));
        let error = reader.u32().unwrap_err();
        assert_eq!(
            error,
            Error::Truncated {
                what: "test",
                offset: 102,
                expected: 4,
                found: 1
            }
        );
        assert_eq!(
            error.to_string(),
            "test is cut short at byte 102: 4 more bytes expected, 1 found"
        );
    }

    #[test]
    fn a_count_beyond_the_rest_is_refused() {
        let mut out = Vec::new();
        varint::put(&mut out, 3);
        out.extend_from_slice(&[0; 11]);
        assert!(Reader::new(&out, "test").count(4).is_err());
        assert_eq!(Reader::new(&out, "test").count(3), Ok(3));
        varint::put(&mut out, 1);
    }

    #[test]
    fn text_must_be_utf8() {
        let mut out = Vec::new();
        put_text(&mut out, "grün");
        assert_eq!(Reader::new(&out, "test").text(), Ok("grün"));
        out[3] = 0xff;
        assert!(matches!(
            Reader::new(&out, "test").text(),
            Err(Error::Corrupt { offset: 0, .. })
        ));
    }
}
