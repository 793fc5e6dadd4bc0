//! Numbers of one bit width behind each other, lowest bits first: eight numbers fill as many bytes as the
//! width has bits. Layout: spec/chunk.md.

use fearless_simd::{Level, dispatch};

use super::SAMPLES_MAX;

/// Widths above this and below 64 are stored as 64, so that any number lies within eight bytes.
const WIDTH_MAX: u32 = 57;
/// What unpacking may read beyond the last packed byte.
const WINDOW: usize = 72;

/// The width under which numbers of `bits` bits are stored.
pub(super) const fn storable(bits: u32) -> u32 {
    if bits > WIDTH_MAX { 64 } else { bits }
}

/// Whether a width read from bytes is one that is written.
pub(super) const fn is_storable(width: u32) -> bool {
    width <= WIDTH_MAX || width == 64
}

/// The bytes that `count` numbers of `width` bits take.
pub(super) const fn packed_length(count: usize, width: u32) -> usize {
    (count * width as usize).div_ceil(8)
}

/// The lowest `width` bits set.
pub(super) const fn mask(width: u32) -> u64 {
    if width >= 64 { u64::MAX } else { (1 << width) - 1 }
}

/// The bits that `value` needs; none for zero.
pub(super) const fn bit_length(value: u64) -> u32 {
    64 - value.leading_zeros()
}

/// Appends the lowest `width` bits of each value; `width` is a storable one.
pub(super) fn pack(values: impl Iterator<Item = u64>, width: u32, out: &mut Vec<u8>) {
    if width == 0 {
        return;
    }
    let mask = mask(width);
    let (mut word, mut filled) = (0_u64, 0);
    for value in values {
        let value = value & mask;
        word |= value << filled;
        filled += width;
        if filled >= 64 {
            out.extend_from_slice(&word.to_le_bytes());
            filled -= 64;
            // Shifting by the whole width leaves nothing; so does a value that ended on the word's edge.
            word = if filled == 0 { 0 } else { value >> (width - filled) };
        }
    }
    let bytes = word.to_le_bytes();
    out.extend_from_slice(bytes.get(..(filled as usize).div_ceil(8)).unwrap_or_default());
}

/// A copy of packed bytes with room behind them, so that reading eight at a time needs no check.
#[derive(Debug)]
pub(super) struct Padded {
    bytes: Box<[u8]>,
    /// What the processor can do at once.
    level: Level,
}

impl Default for Padded {
    fn default() -> Self {
        Self {
            bytes: vec![0; packed_length(SAMPLES_MAX, 64) + WINDOW].into_boxed_slice(),
            level: Level::new(),
        }
    }
}

impl Padded {
    /// Reads `out.len()` numbers of `width` bits from `packed`, which has their [`packed_length`].
    pub(super) fn unpack(&mut self, packed: &[u8], width: u32, out: &mut [u64]) {
        match width {
            0 => out.fill(0),
            64 => {
                for (value, bytes) in out.iter_mut().zip(packed.as_chunks::<8>().0) {
                    *value = u64::from_le_bytes(*bytes);
                }
            }
            _ => {
                if let Some(room) = self.bytes.get_mut(..packed.len()) {
                    room.copy_from_slice(packed);
                }
                let bytes = &*self.bytes;
                if width <= 8 {
                    dispatch!(self.level, _ => unpack_bytes(bytes, width, out));
                } else {
                    dispatch!(self.level, _ => unpack_words(bytes, width, out));
                }
            }
        }
    }
}

/// Up to eight bits: eight numbers lie in one word.
#[inline(always)]
fn unpack_bytes(mut rest: &[u8], width: u32, out: &mut [u64]) {
    let mask = mask(width);
    let (groups, tail) = out.as_chunks_mut::<8>();
    for group in groups {
        let Some(word) = rest.first_chunk::<8>() else {
            return;
        };
        let word = u64::from_le_bytes(*word);
        for (i, value) in group.iter_mut().enumerate() {
            *value = word >> (i as u32 * width) & mask;
        }
        rest = rest.get(width as usize..).unwrap_or_default();
    }
    let Some(word) = rest.first_chunk::<8>() else {
        return;
    };
    let word = u64::from_le_bytes(*word);
    for (i, value) in tail.iter_mut().enumerate() {
        *value = word >> (i as u32 * width) & mask;
    }
}

#[inline(always)]
fn unpack_words(mut rest: &[u8], width: u32, out: &mut [u64]) {
    let mask = mask(width);
    let (groups, tail) = out.as_chunks_mut::<8>();
    for group in groups {
        let Some(window) = rest.first_chunk::<WINDOW>() else {
            return;
        };
        for (i, value) in group.iter_mut().enumerate() {
            *value = word_at(window, i as u32 * width) & mask;
        }
        rest = rest.get(width as usize..).unwrap_or_default();
    }
    let Some(window) = rest.first_chunk::<WINDOW>() else {
        return;
    };
    for (i, value) in tail.iter_mut().enumerate() {
        *value = word_at(window, i as u32 * width) & mask;
    }
}

/// At least 57 bits from `bit` on.
#[inline(always)]
fn word_at(window: &[u8; WINDOW], bit: u32) -> u64 {
    // The mask tells the compiler what holds anyway: seven numbers of 57 bits start below 64 bytes.
    let start = (bit >> 3) as usize & 63;
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&window[start..start + 8]);
    u64::from_le_bytes(bytes) >> (bit & 7)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_numbers_come_back(
            values in prop::collection::vec(any::<u64>(), 0..100),
            width in (0_u32..=64).prop_map(storable),
        ) {
            let mut bytes = Vec::new();
            pack(values.iter().copied(), width, &mut bytes);
            prop_assert_eq!(bytes.len(), packed_length(values.len(), width));
            let mut read = vec![1; values.len()];
            let mut padded = Padded::default();
            padded.bytes.fill(0xaa);
            padded.unpack(&bytes, width, &mut read);
            let cut: Vec<_> = values.iter().map(|value| value & mask(width)).collect();
            prop_assert_eq!(read, cut);
        }
    }
}
