//! Floats as Prometheus's XOR chunk: times as differences of differences, values as what changes between neighbours.
//!
//! Source of the format: Prometheus `tsdb/docs/format/chunks.md` and `tsdb/chunkenc/xor.go`.

use super::bits::Bits;

/// A number of leading zeros that no window has: none has been written yet.
const NO_WINDOW: u32 = 64;

/// Values: what changes from one to the next.
#[derive(Debug)]
pub(super) struct Values {
    last: u64,
    leading: u32,
    trailing: u32,
}

impl Values {
    /// Writes the first value whole.
    pub(super) fn first(bits: &mut Bits, value: f64) -> Self {
        bits.push(value.to_bits(), 64);
        Self {
            last: value.to_bits(),
            leading: NO_WINDOW,
            trailing: 0,
        }
    }

    /// Writes the next value.
    pub(super) fn push(&mut self, bits: &mut Bits, value: f64) {
        let changed = value.to_bits() ^ self.last;
        self.last = value.to_bits();
        if changed == 0 {
            bits.push(0, 1);
            return;
        }
        bits.push(1, 1);
        let (leading, trailing) = (changed.leading_zeros().min(31), changed.trailing_zeros());
        if self.leading != NO_WINDOW && leading >= self.leading && trailing >= self.trailing {
            bits.push(0, 1);
        } else {
            (self.leading, self.trailing) = (leading, trailing);
            bits.push(1, 1);
            bits.push(u64::from(leading), 5);
            // 64 is written as 0: no window is empty.
            bits.push(u64::from(64 - leading - trailing), 6);
        }
        bits.push(changed >> self.trailing, 64 - self.leading - self.trailing);
    }
}

/// A chunk of these samples: one value per time, at most 65,535.
pub(super) fn chunk(times: &[i64], values: &[f64]) -> Vec<u8> {
    let mut bits = Bits::behind((times.len() as u16).to_be_bytes().to_vec());
    let mut written: Option<(Values, i64, i64)> = None;
    for (n, (&time, &value)) in times.iter().zip(values).enumerate() {
        written = Some(match written {
            None => {
                bits.push_varint(time);
                (Values::first(&mut bits, value), time, 0)
            }
            Some((mut column, last, before)) => {
                let delta = time.wrapping_sub(last);
                if n == 1 {
                    bits.push_uvarint(delta as u64);
                } else {
                    push_change(&mut bits, delta.wrapping_sub(before));
                }
                column.push(&mut bits, value);
                (column, time, delta)
            }
        });
    }
    bits.into_bytes()
}

fn push_change(bits: &mut Bits, change: i64) {
    let fits = |width: u32| (-(1_i64 << (width - 1)) + 1..=1 << (width - 1)).contains(&change);
    let (prefix, prefix_width, width) = match change {
        0 => (0, 1, 0),
        _ if fits(14) => (0b10, 2, 14),
        _ if fits(17) => (0b110, 3, 17),
        _ if fits(20) => (0b1110, 4, 20),
        _ => (0b1111, 4, 64),
    };
    bits.push(prefix, prefix_width);
    bits.push(change as u64, width);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes from zeros and ones; blanks do not count.
    fn bytes(text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text.bytes().filter(|b| *b != b' ').map(|b| b - b'0').collect();
        digits
            .chunks(8)
            .map(|eight| (0..8).fold(0, |byte, i| byte << 1 | eight.get(i).copied().unwrap_or(0)))
            .collect()
    }

    #[test]
    fn chunks_made_by_hand() {
        let one = format!("{:064b}", 1.0_f64.to_bits());
        let table: [(&[(i64, f64)], String); 4] = [
            (&[], "00000000 00000000".into()),
            (&[(-2, 1.0)], format!("00000000 00000001 00000011 {one}")),
            (
                // 1.0 ^ 2.0 = 0x7ff0_0000_0000_0000: 1 zero before, 52 behind, 11 bits between.
                &[(0, 1.0), (300, 1.0), (600, 2.0), (1_000, 2.0)],
                format!(
                    "00000000 00000100 00000000 {one} 10101100 00000010 0 0 1 1 00001 001011 11111111111 10 00000001100100 0"
                ),
            ),
            (
                // The window is used again for 2.0 ^ 1.0, and the changes of time need all widths.
                &[
                    (0, 1.0),
                    (1, 2.0),
                    (8_194, 1.0),
                    (0, 1.0),
                    (100_000, 1.0),
                    (2_000_000, 1.0),
                ],
                format!(
                    "00000000 00000110 00000000 {one} 00000001 1 1 00001 001011 11111111111 \
                     10 {:014b} 1 0 11111111111 110 {:017b} 0 1110 {:020b} 0 1111 {:064b} 0",
                    8_192,
                    (-8_194_i64 - 8_193) & 0x1_ffff,
                    100_000 + 8_194,
                    1_900_000 - 100_000
                ),
            ),
        ];
        for (samples, want) in table {
            let (times, values): (Vec<i64>, Vec<f64>) = samples.iter().copied().unzip();
            assert_eq!(chunk(&times, &values), bytes(&want), "{samples:?}");
        }
    }

    #[test]
    fn a_change_of_every_bit_has_width_0() {
        let chunk = chunk(&[0, 0], &[f64::from_bits(0), f64::from_bits(u64::MAX)]);
        assert_eq!(
            chunk.get(11..),
            Some(&bytes(&format!("00000000 1 1 00000 000000 {}", "1".repeat(64)))[..])
        );
    }
}
