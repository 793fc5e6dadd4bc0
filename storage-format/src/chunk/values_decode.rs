//! Reading a chunk of floats. Layout: spec/chunk.md.

use crate::bytes::Reader;
use crate::error::Result;

use super::SAMPLES_MAX;
use super::ints_decode::IntDecoder;
use super::numbers::{POWERS, float, unordered};
use super::values::{ALL_EQUAL, ALL_STALE, EACH, STALE, mode};

/// Decodes chunks of floats; keeps its working memory.
#[derive(Debug, Default)]
pub struct ValueDecoder {
    ints: IntDecoder,
    exceptions: Vec<(usize, u64)>,
}

/// Decodes one chunk: see [`ValueDecoder::decode`], which many chunks should share.
///
/// # Errors
/// As [`ValueDecoder::decode`].
pub fn decode(chunk: &[u8], count: usize, out: &mut Vec<f64>) -> Result<()> {
    ValueDecoder::default().decode(chunk, count, out)
}

impl ValueDecoder {
    /// Appends the `count` values of `chunk`, which must be the chunk's bytes and no more.
    ///
    /// Values come back exact to the bit. On an error `out` may have been extended by values without meaning.
    ///
    /// # Errors
    /// [`crate::Error::Truncated`], [`crate::Error::Corrupt`], or [`crate::Error::Unsupported`] for a mode of
    /// a newer version.
    pub fn decode(&mut self, chunk: &[u8], count: usize, out: &mut Vec<f64>) -> Result<()> {
        let mut reader = Reader::new(chunk, "value chunk");
        self.read(&mut reader, count, out)?;
        reader.finish()
    }

    /// As [`ValueDecoder::decode`], from a reader that may go on behind the chunk.
    ///
    /// # Errors
    /// As [`ValueDecoder::decode`].
    pub fn read(&mut self, reader: &mut Reader<'_>, count: usize, out: &mut Vec<f64>) -> Result<()> {
        if count == 0 || count > SAMPLES_MAX {
            return Err(reader.corrupt("1 to 1024 values", count as u64));
        }
        let head = reader.u8()?;
        self.exceptions.clear();
        if head & mode::EXCEPTIONS != 0 {
            self.read_exceptions(reader, count)?;
        }
        let start = out.len();
        self.read_body(head & !mode::EXCEPTIONS, reader, count, out)?;
        let values = out.get_mut(start..).unwrap_or_default();
        for (place, bits) in &self.exceptions {
            if let Some(value) = values.get_mut(*place) {
                *value = f64::from_bits(*bits);
            }
        }
        Ok(())
    }

    fn read_exceptions(&mut self, reader: &mut Reader<'_>, count: usize) -> Result<()> {
        let head = reader.varint()?;
        let (amount, kind) = (head >> 2, head & 3);
        if amount > count as u64 || kind > ALL_EQUAL {
            return Err(reader.corrupt("no more exceptions than values", head));
        }
        let mut next = 0_u64;
        for _ in 0..amount {
            let place = reader.varint()?.saturating_add(next);
            if place >= count as u64 {
                return Err(reader.corrupt("exceptions within the chunk", place));
            }
            self.exceptions.push((place as usize, STALE));
            next = place + 1;
        }
        if kind == ALL_STALE {
            return Ok(());
        }
        let mut bits = 0;
        for (index, exception) in self.exceptions.iter_mut().enumerate() {
            if kind == EACH || index == 0 {
                bits = reader.u64()?;
            }
            exception.1 = bits;
        }
        Ok(())
    }

    fn read_body(
        &mut self,
        mode: u8,
        reader: &mut Reader<'_>,
        count: usize,
        out: &mut Vec<f64>,
    ) -> Result<()> {
        match mode {
            mode::CONST => {
                let value = reader.f64()?;
                out.resize(out.len() + count, value);
            }
            mode::CONST_INT => {
                let value = float(reader.signed()? as u64);
                out.resize(out.len() + count, value);
            }
            mode::INT => self.ints.decode_as(reader, count, float, out)?,
            mode::DECIMAL => self.read_decimals(reader, count, out)?,
            mode::DECIMAL_ULP => {
                let start = out.len();
                self.read_decimals(reader, count, out)?;
                let ulps = self.ints.decode(reader, count)?;
                for (value, ulp) in out.get_mut(start..).unwrap_or_default().iter_mut().zip(ulps) {
                    *value = f64::from_bits(value.to_bits().wrapping_add(*ulp));
                }
            }
            mode::BITS => {
                let shift = reader.u8()?;
                if shift > 63 {
                    return Err(reader.corrupt("a shift of at most 63", u64::from(shift)));
                }
                let of = move |number: u64| f64::from_bits(unordered((number << shift) as i64));
                self.ints.decode_as(reader, count, of, out)?;
            }
            mode::RAW => {
                let (values, _) = reader.take(8 * count)?.as_chunks::<8>();
                out.extend(
                    values
                        .iter()
                        .map(|bytes| f64::from_bits(u64::from_le_bytes(*bytes))),
                );
            }
            _ => return Err(reader.unsupported(u64::from(mode::RAW), u64::from(mode))),
        }
        Ok(())
    }

    fn read_decimals(&mut self, reader: &mut Reader<'_>, count: usize, out: &mut Vec<f64>) -> Result<()> {
        let places = reader.u8()?;
        let power = POWERS.get(usize::from(places)).copied();
        let power = power.ok_or_else(|| reader.corrupt("at most 18 decimal places", u64::from(places)))?;
        self.ints
            .decode_as(reader, count, move |digits| float(digits) / power, out)
    }
}

#[cfg(test)]
mod tests {
    use super::super::values::ValueEncoder;
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn round_trip(values: &[f64]) -> Vec<u8> {
        let mut bytes = Vec::new();
        ValueEncoder::default().encode(values, &mut bytes).unwrap();
        assert!(bytes.len() <= 1 + 8 * values.len());
        let mut read = vec![5.5];
        decode(&bytes, values.len(), &mut read).unwrap();
        assert_eq!(read.len(), values.len() + 1);
        for (i, (a, b)) in read[1..].iter().zip(values).enumerate() {
            assert_eq!(a.to_bits(), b.to_bits(), "value {i} of {values:?}");
        }
        bytes
    }

    fn special() -> impl Strategy<Value = f64> {
        let bits = [
            STALE,
            0x7ff8_0000_0000_0001,
            0xfff8_0000_0000_0000,
            1,
            0x8000_0000_0000_0001,
        ];
        let named = [
            f64::INFINITY,
            f64::NEG_INFINITY,
            -0.0,
            f64::MIN_POSITIVE,
            f64::MAX,
            9e15,
            -9e15,
        ];
        prop_oneof![
            prop::sample::select(bits.to_vec()).prop_map(f64::from_bits),
            prop::sample::select(named.to_vec()),
        ]
    }

    fn summed(step: impl Strategy<Value = f64>) -> impl Strategy<Value = Vec<f64>> {
        vec(step, 1..300).prop_map(|steps| {
            let mut sum = 0.0;
            steps
                .iter()
                .map(|step| {
                    sum += step;
                    sum
                })
                .collect()
        })
    }

    fn values() -> impl Strategy<Value = Vec<f64>> {
        prop_oneof![
            vec(any::<u64>().prop_map(f64::from_bits), 1..300),
            vec((0..3_i64).prop_map(|v| v as f64), 1..300),
            vec(any::<i64>().prop_map(|v| v as f64), 1..300),
            summed((0..9_000_i64).prop_map(|v| v as f64)),
            summed((-900..900_i64).prop_map(|v| v as f64 / 100.0)),
            summed((0..9_000_000_i64).prop_map(|ns| ns as f64 / 1e9)),
            vec(
                (-90_000..90_000_i64, 0..6_i32).prop_map(|(m, e)| m as f64 / 10_f64.powi(e)),
                1..300
            ),
            vec(special(), 1..40),
        ]
    }

    proptest! {
        #[test]
        fn any_values_come_back(values in values()) {
            round_trip(&values);
        }

        #[test]
        fn values_with_exceptions_come_back(mut values in values(), spots in vec((any::<prop::sample::Index>(), special()), 0..9)) {
            for (spot, value) in spots {
                let spot = spot.index(values.len());
                values[spot] = value;
            }
            round_trip(&values);
        }

        #[test]
        fn any_bytes_are_read_or_refused(mut bytes: Vec<u8>, mode in 0..8_u8, exceptions: bool, count in 0..1_100_usize) {
            bytes.insert(0, mode | if exceptions { mode::EXCEPTIONS } else { 0 });
            let mut out = Vec::new();
            let _ = decode(&bytes, count, &mut out);
            prop_assert!(out.len() <= count);
        }

        #[test]
        fn damage_is_refused_or_read(values in values(), at: prop::sample::Index, flip in 1_u8..) {
            let mut bytes = round_trip(&values);
            let at = at.index(bytes.len());
            bytes[at] ^= flip;
            let _ = decode(&bytes, values.len(), &mut Vec::new());
        }
    }

    fn scrambled(number: u64) -> u64 {
        let mixed = (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9) ^ mixed >> 7
    }

    #[test]
    fn each_mode_is_used_for_what_it_is_made() {
        let mut sum = 0.0;
        let sums: Vec<_> = (0..240_u64)
            .map(|i| {
                sum += (i * 7_919_377 % 9_876_543) as f64 / 1e9;
                sum
            })
            .collect();
        let cases: [(u8, Vec<f64>); 9] = [
            (mode::CONST, vec![0.1; 240]),
            (mode::CONST, vec![f64::from_bits(STALE); 3]),
            (mode::CONST_INT, vec![7.0; 240]),
            (mode::INT, (0..240).map(|i| f64::from(i * i % 70)).collect()),
            (
                mode::INT | mode::EXCEPTIONS,
                (0..240)
                    .map(|i| {
                        if i == 200 {
                            f64::from_bits(STALE)
                        } else {
                            f64::from(i)
                        }
                    })
                    .collect(),
            ),
            (
                mode::DECIMAL,
                (0..240).map(|i| f64::from(i * i % 70) / 100.0).collect(),
            ),
            (mode::DECIMAL_ULP, sums),
            (
                mode::BITS,
                (0..240).map(|i| 1.0 + f64::from(i) * f64::EPSILON).collect(),
            ),
            (
                mode::RAW,
                (0..240_u64).map(|i| f64::from_bits(scrambled(i))).collect(),
            ),
        ];
        for (mode, values) in cases {
            assert_eq!(round_trip(&values)[0], mode, "{:?}", &values[..3]);
        }
    }

    #[test]
    fn a_stale_marker_at_the_end_costs_little() {
        let mut values = vec![1_234.0; 240];
        values[239] = f64::from_bits(STALE);
        assert!(round_trip(&values).len() <= 10);
    }

    #[test]
    fn too_many_or_no_values_are_refused() {
        assert!(super::super::values::encode(&[]).is_err());
        assert!(super::super::values::encode(&vec![0.0; SAMPLES_MAX + 1]).is_err());
        assert!(decode(&[mode::CONST_INT, 0], SAMPLES_MAX + 1, &mut Vec::new()).is_err());
        assert!(decode(&[mode::CONST_INT, 0], 0, &mut Vec::new()).is_err());
    }
}
