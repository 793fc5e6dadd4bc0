//! Bits written one after the other, the highest first.

/// Bytes in the making.
#[derive(Debug, Default)]
pub(super) struct Bits {
    bytes: Vec<u8>,
    /// Bits of the last byte that are not used yet.
    free: u32,
}

impl Bits {
    /// Starts behind these whole bytes.
    pub(super) fn behind(bytes: Vec<u8>) -> Self {
        Self { bytes, free: 0 }
    }

    /// Writes the lowest `count` bits of `value`, at most 64.
    pub(super) fn push(&mut self, value: u64, count: u32) {
        let mut left = count;
        while left > 0 {
            if self.free == 0 {
                self.bytes.push(0);
                self.free = 8;
            }
            let taken = left.min(self.free);
            let part = (value >> (left - taken)) & ((1 << taken) - 1);
            if let Some(last) = self.bytes.last_mut() {
                *last |= (part << (self.free - taken)) as u8;
            }
            self.free -= taken;
            left -= taken;
        }
    }

    /// Writes a number in groups of seven bits, the lowest first. Source: Go's `encoding/binary`.
    pub(super) fn push_uvarint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.push(value & 0x7f | 0x80, 8);
            value >>= 7;
        }
        self.push(value, 8);
    }

    /// Writes a signed number likewise, with the sign in its lowest bit.
    pub(super) fn push_varint(&mut self, value: i64) {
        self.push_uvarint(((value << 1) ^ (value >> 63)) as u64);
    }

    /// The bytes; what is left of the last one is 0.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_fill_bytes_from_the_top() {
        let mut bits = Bits::behind(vec![7]);
        bits.push(0b1, 1);
        bits.push(0b01, 2);
        bits.push(0xffff_ff0f, 8);
        bits.push(0x0123_4567_89ab_cdef, 64);
        assert_eq!(
            bits.into_bytes(),
            [
                7,
                0b1010_0001,
                0b1110_0000,
                0x24,
                0x68,
                0xac,
                0xf1,
                0x35,
                0x79,
                0xbd,
                0b1110_0000
            ]
        );
        let mut bits = Bits::default();
        bits.push_varint(-3);
        bits.push_uvarint(300);
        assert_eq!(bits.into_bytes(), [5, 0xac, 2]);
    }
}
