//! Variable-length integers: seven bits a byte, low bits first, the top bit says that more follow.

/// The longest encoding of a 64-bit number.
pub const LENGTH_MAX: usize = 10;

/// Appends `value`.
#[inline]
pub fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends a signed number, small magnitudes short.
#[inline]
pub fn put_signed(out: &mut Vec<u8>, value: i64) {
    put(out, zigzag(value));
}

/// The bytes that [`put`] would write.
#[must_use]
pub const fn length(value: u64) -> usize {
    (64 - (value | 1).leading_zeros() as usize).div_ceil(7)
}

/// The number at the beginning of `data` and its length; `None` if it does not end there, is longer than
/// [`LENGTH_MAX`], or exceeds 64 bits.
#[inline]
#[must_use]
pub fn read(data: &[u8]) -> Option<(u64, usize)> {
    let first = *data.first()?;
    if first < 0x80 {
        return Some((u64::from(first), 1));
    }
    let mut value = u64::from(first & 0x7f);
    for (index, byte) in data.iter().enumerate().take(LENGTH_MAX).skip(1) {
        let bits = u64::from(byte & 0x7f);
        if index == LENGTH_MAX - 1 && bits > 1 {
            return None;
        }
        value |= bits << (7 * index);
        if *byte < 0x80 {
            return Some((value, index + 1));
        }
    }
    None
}

/// Folds the sign into the lowest bit: 0, −1, 1, −2 … become 0, 1, 2, 3 …
#[inline]
#[must_use]
pub const fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

/// Undoes [`zigzag`].
#[inline]
#[must_use]
pub const fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_number_comes_back(value: u64, signed: i64) {
            let mut out = Vec::new();
            put(&mut out, value);
            prop_assert_eq!(out.len(), length(value));
            prop_assert_eq!(read(&out), Some((value, out.len())));
            prop_assert_eq!(read(&out[..out.len() - 1]), None);
            prop_assert_eq!(unzigzag(zigzag(signed)), signed);
        }

        #[test]
        fn any_bytes_are_read_or_refused(data: Vec<u8>) {
            if let Some((_, used)) = read(&data) {
                prop_assert!(used <= data.len() && used <= LENGTH_MAX);
            }
        }
    }

    #[test]
    fn more_than_64_bits_are_refused() {
        assert_eq!(read(&[0xff; 11]), None);
        let mut widest = [0xff; 10];
        widest[9] = 1;
        assert_eq!(read(&widest), Some((u64::MAX, 10)));
        widest[9] = 2;
        assert_eq!(read(&widest), None);
    }
}
