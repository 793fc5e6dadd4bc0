//! Reading a stream of integers. Layout: spec/chunk.md.

use fearless_simd::{Level, dispatch};

use crate::bytes::Reader;
use crate::error::Result;
use crate::varint::unzigzag;

use super::SAMPLES_MAX;
use super::ints::{LINE, flag};
use super::pack::{Padded, is_storable, packed_length};

/// Working memory of the decoder: nothing is allocated per chunk.
#[derive(Debug)]
pub(super) struct IntDecoder {
    /// What the processor can do at once.
    level: Level,
    numbers: Box<[u64]>,
    patches: PatchReader,
}

/// What patches are read with: the numbers they belong to, and their high bits.
#[derive(Debug)]
struct PatchReader {
    padded: Padded,
    places: Box<[u64]>,
    highs: Box<[u64]>,
}

impl Default for IntDecoder {
    fn default() -> Self {
        let buffer = || vec![0; SAMPLES_MAX].into_boxed_slice();
        Self {
            level: Level::new(),
            numbers: buffer(),
            patches: PatchReader {
                padded: Padded::default(),
                places: buffer(),
                highs: buffer(),
            },
        }
    }
}

/// A stream's header.
struct Header {
    order: u8,
    zigzag: bool,
    width: u32,
    first: u64,
    /// The first step, or the slope of a line.
    step: u64,
    divisor: u64,
    base: u64,
    patches: Patches,
}

#[derive(Clone, Copy)]
enum Patches {
    None,
    List { count: usize, high: u32, gap: u32 },
    Bitmap { count: usize, high: u32 },
}

impl IntDecoder {
    /// Reads `count` numbers, at most [`SAMPLES_MAX`]; they are handed out as two's complement.
    pub(super) fn decode(&mut self, reader: &mut Reader<'_>, count: usize) -> Result<&[u64]> {
        let header = Header::read(reader, count)?;
        if header.is_sparse() {
            let mut rest = self.numbers.get_mut(..count).unwrap_or_default();
            self.patches.read_runs(reader, &header, count, |number, length| {
                if let Some((run, behind)) = std::mem::take(&mut rest).split_at_mut_checked(length) {
                    run.fill(number);
                    rest = behind;
                }
            })?;
        } else {
            self.decode_dense(reader, &header, count)?;
        }
        Ok(self.numbers.get(..count).unwrap_or_default())
    }

    /// As [`decode`](Self::decode), appending what `of` makes of each number; of one that repeats it may be made once.
    #[inline(always)]
    pub(super) fn decode_as<T: Copy>(
        &mut self,
        reader: &mut Reader<'_>,
        count: usize,
        of: impl Fn(u64) -> T + Copy,
        out: &mut Vec<T>,
    ) -> Result<()> {
        let header = Header::read(reader, count)?;
        if header.is_sparse() {
            out.reserve(count);
            return self.patches.read_runs(reader, &header, count, |number, length| {
                out.extend(std::iter::repeat_n(of(number), length));
            });
        }
        self.decode_dense(reader, &header, count)?;
        let numbers = self.numbers.get(..count).unwrap_or_default();
        dispatch!(self.level, _ => {
            // Moved: what it holds could change with each number written if it lay elsewhere, and then nothing would be
            // done side by side.
            out.extend(numbers.iter().map(move |number| of(*number)));
        });
        Ok(())
    }

    fn decode_dense(&mut self, reader: &mut Reader<'_>, header: &Header, count: usize) -> Result<()> {
        let skipped = match header.order {
            LINE => 0,
            order => usize::from(order),
        };
        let Some(residuals) = self.numbers.get_mut(skipped..count) else {
            return Err(reader.corrupt("more numbers than the prediction starts from", count as u64));
        };
        let packed = reader.take(packed_length(residuals.len(), header.width))?;
        self.patches.padded.unpack(packed, header.width, residuals);
        let amount = self.patches.read(reader, header.patches, residuals.len())?;
        for (place, high) in self.patches.first(amount) {
            if let Some(residual) = residuals.get_mut(*place as usize) {
                *residual |= high << (header.width & 63);
            }
        }
        let numbers = self.numbers.get_mut(..count).unwrap_or_default();
        dispatch!(self.level, _ => {
            header.undo_residuals(numbers.get_mut(skipped..).unwrap_or_default());
            header.undo_prediction(numbers);
        });
        Ok(())
    }
}

impl PatchReader {
    /// Hands out numbers that change now and then: each with how often it is repeated. Nothing is added up but where one
    /// changes.
    #[inline(always)]
    fn read_runs(
        &mut self,
        reader: &mut Reader<'_>,
        header: &Header,
        count: usize,
        mut run: impl FnMut(u64, usize),
    ) -> Result<()> {
        let amount = self.read(reader, header.patches, count - 1)?;
        header.undo_residuals(self.highs.get_mut(..amount).unwrap_or_default());
        let (mut value, mut start) = (header.first, 0);
        for (place, step) in self.first(amount) {
            // Residual i leads from number i to number i + 1; places rise, as gaps are never negative.
            let end = *place as usize + 1;
            run(value, end.saturating_sub(start));
            value = value.wrapping_add(*step);
            start = end;
        }
        run(value, count.saturating_sub(start));
        Ok(())
    }

    /// Places and high bits of the patches that were read last.
    fn first(&self, amount: usize) -> impl Iterator<Item = (&u64, &u64)> {
        self.places.iter().zip(&self.highs).take(amount)
    }

    /// Reads places and high bits of patches; how many there are.
    fn read(&mut self, reader: &mut Reader<'_>, patches: Patches, residuals: usize) -> Result<usize> {
        let Self {
            padded,
            places,
            highs,
        } = self;
        let (amount, high) = match patches {
            Patches::None => return Ok(0),
            Patches::List { count, high, gap } => {
                let places = places.get_mut(..count).unwrap_or_default();
                padded.unpack(reader.take(packed_length(count, gap))?, gap, places);
                let mut next = 0_u64;
                for place in places.iter_mut() {
                    *place = place.saturating_add(next);
                    next = place.saturating_add(1);
                }
                if places.iter().any(|place| *place >= residuals as u64) {
                    return Err(reader.corrupt("patches within the stream", residuals as u64));
                }
                (count, high)
            }
            Patches::Bitmap { count, high } => {
                let bitmap = reader.take(residuals.div_ceil(8))?;
                let mut found = 0;
                for (eight, first) in bitmap.chunks(8).zip((0_u64..).step_by(64)) {
                    let mut word = eight
                        .iter()
                        .rev()
                        .fold(0, |word, byte| word << 8 | u64::from(*byte));
                    while word != 0 {
                        if let Some(place) = places.get_mut(found) {
                            *place = first + u64::from(word.trailing_zeros());
                        }
                        found += 1;
                        word &= word - 1;
                    }
                }
                if found != count {
                    return Err(reader.corrupt("as many places as patches", found as u64));
                }
                (count, high)
            }
        };
        let highs = highs.get_mut(..amount).unwrap_or_default();
        padded.unpack(reader.take(packed_length(amount, high))?, high, highs);
        Ok(amount)
    }
}

impl Header {
    fn read(reader: &mut Reader<'_>, count: usize) -> Result<Self> {
        if count == 0 || count > SAMPLES_MAX {
            return Err(reader.corrupt("1 to 1024 numbers", count as u64));
        }
        let flags = reader.u8()?;
        let width = read_width(reader)?;
        let order = flags & flag::ORDER;
        if flags & 0x80 != 0
            || flags & (flag::PATCH_LIST | flag::PATCH_BITMAP) == flag::PATCH_LIST | flag::PATCH_BITMAP
        {
            return Err(reader.corrupt("known flags of a stream", u64::from(flags)));
        }
        let first = if order > 0 { reader.signed()? as u64 } else { 0 };
        let step = if order > 1 { reader.signed()? as u64 } else { 0 };
        let divisor = if flags & flag::DIVISOR != 0 {
            reader.varint()?
        } else {
            1
        };
        let base = if flags & flag::BASE != 0 {
            reader.signed()? as u64
        } else {
            0
        };
        let mut patches = Patches::None;
        if flags & (flag::PATCH_LIST | flag::PATCH_BITMAP) != 0 {
            let amount = reader.varint()?;
            let amount = usize::try_from(amount).unwrap_or(usize::MAX);
            let high = read_width(reader)?;
            if amount > count || width == 64 {
                return Err(reader.corrupt("no more patches than numbers", amount as u64));
            }
            patches = if flags & flag::PATCH_LIST != 0 {
                Patches::List {
                    count: amount,
                    high,
                    gap: read_width(reader)?,
                }
            } else {
                Patches::Bitmap { count: amount, high }
            };
        }
        Ok(Self {
            order,
            zigzag: flags & flag::ZIGZAG != 0,
            width,
            first,
            step,
            divisor,
            base,
            patches,
        })
    }

    /// Whether the previous number is repeated but for patches.
    const fn is_sparse(&self) -> bool {
        self.order == 1 && self.width == 0 && self.base == 0 && !matches!(self.patches, Patches::None)
    }

    /// From residuals to what the prediction left over.
    #[inline(always)]
    fn undo_residuals(&self, residuals: &mut [u64]) {
        match (self.zigzag, self.divisor) {
            (true, 1) => residuals
                .iter_mut()
                .for_each(|r| *r = (unzigzag(*r) as u64).wrapping_add(self.base)),
            (true, divisor) => residuals.iter_mut().for_each(|r| {
                *r = (unzigzag(*r) as u64)
                    .wrapping_mul(divisor)
                    .wrapping_add(self.base)
            }),
            (false, 1) if self.base == 0 => {}
            (false, 1) => residuals.iter_mut().for_each(|r| *r = r.wrapping_add(self.base)),
            (false, divisor) => {
                residuals
                    .iter_mut()
                    .for_each(|r| *r = r.wrapping_mul(divisor).wrapping_add(self.base));
            }
        }
    }

    #[inline(always)]
    fn undo_prediction(&self, numbers: &mut [u64]) {
        match self.order {
            0 => {}
            1 => {
                let mut value = self.first;
                if let Some((first, rest)) = numbers.split_first_mut() {
                    *first = value;
                    for number in rest {
                        value = value.wrapping_add(*number);
                        *number = value;
                    }
                }
            }
            2 => {
                let (mut value, mut step) = (self.first.wrapping_add(self.step), self.step);
                if let Some(([first, second], rest)) = numbers.split_first_chunk_mut::<2>() {
                    (*first, *second) = (self.first, value);
                    for number in rest {
                        step = step.wrapping_add(*number);
                        value = value.wrapping_add(step);
                        *number = value;
                    }
                } else if let Some(first) = numbers.first_mut() {
                    *first = self.first;
                }
            }
            _ => {
                let mut line = self.first;
                for number in numbers {
                    *number = number.wrapping_add(line);
                    line = line.wrapping_add(self.step);
                }
            }
        }
    }
}

fn read_width(reader: &mut Reader<'_>) -> Result<u32> {
    let width = u32::from(reader.u8()?);
    if is_storable(width) {
        Ok(width)
    } else {
        Err(reader.corrupt("a bit width of 0 to 57, or 64", u64::from(width)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::ints::IntEncoder;
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn round_trip(values: &[i64], times: bool) -> usize {
        let mut encoder = IntEncoder::default();
        let plan = if times {
            encoder.plan_times(values)
        } else {
            encoder.plan(values)
        };
        let mut bytes = Vec::new();
        encoder.encode(values, &plan, &mut bytes);
        let mut decoder = IntDecoder::default();
        let mut reader = Reader::new(&bytes, "test");
        let read = decoder.decode(&mut reader, values.len()).unwrap();
        assert!(
            read.iter().map(|v| *v as i64).eq(values.iter().copied()),
            "{values:?}"
        );
        assert!(reader.is_empty());
        bytes.len()
    }

    fn values() -> impl Strategy<Value = Vec<i64>> {
        let step = prop_oneof![
            8 => Just(0_i64), 4 => 0..9_i64, 2 => -1_000..1_000_i64, 2 => (-9..9_i64).prop_map(|v| v * 4_096), 1 => any::<i64>(),
        ];
        let summed = vec(step.clone(), 1..200).prop_map(|steps| {
            steps
                .iter()
                .scan(0_i64, |sum, step| {
                    *sum = sum.wrapping_add(*step);
                    Some(*sum)
                })
                .collect()
        });
        prop_oneof![vec(step, 1..200), summed, vec(any::<i64>(), 1..40)]
    }

    proptest! {
        #[test]
        fn any_numbers_come_back(values in values(), times: bool) {
            round_trip(&values, times);
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>, count in 0..2_000_usize) {
            let _ = IntDecoder::default().decode(&mut Reader::new(&bytes, "test"), count);
        }
    }

    #[test]
    fn the_edges_come_back() {
        let edges = [i64::MIN, i64::MAX, 0, -1, 1, i64::MIN + 1, i64::MAX - 1];
        for length in 1..=edges.len() {
            round_trip(&edges[..length], false);
            round_trip(&edges[..length], true);
        }
        round_trip(&vec![7; SAMPLES_MAX], false);
        round_trip(
            &(0..SAMPLES_MAX as i64).map(|i| i * i * i).collect::<Vec<_>>(),
            false,
        );
    }

    #[test]
    fn what_is_regular_is_small() {
        let line: Vec<i64> = (0..480).map(|i| 1_795_394_218_460 + i * 15_000).collect();
        assert!(round_trip(&line, false) <= 12);
        let jitter: Vec<i64> = line
            .iter()
            .zip([0, 1, 0, 2, 1, 1, 0].iter().cycle())
            .map(|(t, j)| t + j)
            .collect();
        assert!(round_trip(&jitter, true) <= 480 * 2 / 8 + 16);
        let mut still = vec![12; 480];
        still[100..].fill(13);
        still[300..].fill(14);
        assert!(round_trip(&still, false) <= 12);
        let reset: Vec<i64> = (0..480).map(|i| 1_000 * (i % 400)).collect();
        assert!(round_trip(&reset, false) <= 20);
    }

    #[test]
    fn what_no_writer_writes_is_refused() {
        let decode = |bytes: &[u8], count| {
            let mut reader = Reader::new(bytes, "test");
            IntDecoder::default().decode(&mut reader, count).map(<[u64]>::len)
        };
        // One patch: high bits and gap 8 wide, eight residuals of one bit, gap, high bits.
        assert_eq!(decode(&[flag::PATCH_LIST, 1, 1, 8, 8, 0, 7, 1], 8), Ok(8));
        // Two patches of a stream that repeats its first number: places 3, and 2 by way of 2^64.
        let back = [
            &[flag::PATCH_LIST | 1, 0, 0, 2, 8, 64, 3, 0, 0, 0, 0, 0, 0, 0, 0xfe][..],
            &[0xff; 7],
            &[1, 1],
        ];
        for (bytes, count) in [
            (&back.concat()[..], 9),
            (&[flag::PATCH_LIST, 1, 1, 8, 8, 0, 8, 1], 8), // a patch beyond the stream
            (&[flag::PATCH_LIST, 1, 9, 8, 8, 0, 7, 1], 8), // more patches than numbers
            (&[flag::PATCH_BITMAP, 1, 1, 8, 0, 3, 1], 8),  // two places, one patch
            (&[flag::PATCH_LIST | flag::PATCH_BITMAP, 1, 1, 8, 8, 0, 7, 1], 8),
            (&[0x80, 1, 0], 8), // an unknown flag
            (&[0, 58, 0], 8),   // a width that is not stored
            (&[2, 0, 0, 0], 1), // fewer numbers than the prediction starts from
        ] {
            assert!(
                matches!(decode(bytes, count), Err(crate::Error::Corrupt { .. })),
                "{bytes:?}"
            );
        }
    }
}
