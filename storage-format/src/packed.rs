//! Numbers of one width behind each other, low bits first, read in place.

use crate::error::{Error, Result};

/// The widest number, in bits.
pub const WIDTH_MAX: u32 = 40;

/// Bits that every number up to `most` fits into; at least 1.
#[must_use]
pub const fn width(most: u64) -> u32 {
    let bits = 64 - most.leading_zeros();
    if bits == 0 { 1 } else { bits }
}

/// Appends numbers, each in so many bits (at most [`WIDTH_MAX`]), and zeros to the end of a byte.
pub fn put(out: &mut Vec<u8>, width: u32, numbers: impl Iterator<Item = u64>) {
    let (mut word, mut filled) = (0_u64, 0);
    for number in numbers {
        word |= number << filled;
        filled += width;
        while filled >= 8 {
            out.push(word as u8);
            word >>= 8;
            filled -= 8;
        }
    }
    if filled > 0 {
        out.push(word as u8);
    }
}

/// Bytes of so many numbers; `None` if no memory holds them.
#[must_use]
pub fn length(count: u64, width: u32) -> Option<usize> {
    let bits = count.checked_mul(u64::from(width))?;
    usize::try_from(bits.div_ceil(8)).ok()
}

/// Reads numbers in place.
#[derive(Debug, Clone, Copy)]
pub struct Packed<'a> {
    width: u32,
    bytes: &'a [u8],
}

impl<'a> Packed<'a> {
    /// Numbers of so many bits.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if the width is none of 1 to [`WIDTH_MAX`].
    pub fn new(width: u32, bytes: &'a [u8], what: &'static str) -> Result<Self> {
        if width == 0 || width > WIDTH_MAX {
            return Err(Error::corrupt(
                what,
                0,
                "a width of 1 to 40 bits",
                u64::from(width),
            ));
        }
        Ok(Self { width, bytes })
    }

    /// Number `index`; what lies behind the bytes is zero.
    #[inline]
    #[must_use]
    pub fn get(&self, index: usize) -> u64 {
        let bit = index * self.width as usize;
        let rest = self.bytes.get(bit / 8..).unwrap_or_default();
        let word = match rest.first_chunk::<8>() {
            Some(word) => u64::from_le_bytes(*word),
            None => last(rest),
        };
        (word >> (bit % 8)) & ((1 << self.width) - 1)
    }
}

/// The number in fewer than eight bytes.
#[cold]
fn last(rest: &[u8]) -> u64 {
    rest.iter()
        .rev()
        .fold(0, |word, byte| word << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_numbers_come_back(width in 1..=WIDTH_MAX, numbers: Vec<u64>) {
            let numbers: Vec<u64> = numbers.iter().map(|n| n % (1 << width)).collect();
            let mut bytes = Vec::new();
            put(&mut bytes, width, numbers.iter().copied());
            prop_assert_eq!(Some(bytes.len()), length(numbers.len() as u64, width));
            let packed = Packed::new(width, &bytes, "test").unwrap();
            let read: Vec<u64> = (0..numbers.len()).map(|i| packed.get(i)).collect();
            prop_assert_eq!(read, numbers);
            prop_assert_eq!(packed.get(bytes.len() * 8 + 1), 0);
        }
    }

    #[test]
    fn widths() {
        assert_eq!([0, 1, 2, 255, 256].map(width), [1, 1, 2, 8, 9]);
        assert!(Packed::new(0, &[], "test").is_err() && Packed::new(41, &[], "test").is_err());
    }
}
