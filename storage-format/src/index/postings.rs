//! Postings: the rising numbers of series that have a label value, as runs or as packed steps, whichever is
//! shorter. Layout: spec/index.md.

use crate::bytes::Reader;
use crate::error::{Error, Result};
use crate::packed;
use crate::varint;

const RUNS: u8 = 0;
const STEPS: u8 = 1;
/// Steps that share one bit width.
const BLOCK: usize = 128;

/// Appends `series`, which must rise strictly.
///
/// # Errors
/// [`Error::Invalid`] if they do not.
pub fn encode(series: &[u32], out: &mut Vec<u8>) -> Result<()> {
    if let Some(at) = series.windows(2).position(|pair| pair[0] >= pair[1]) {
        return Err(Error::invalid("postings", at + 1, "rising numbers", at as u64));
    }
    let mut runs = vec![RUNS];
    varint::put(&mut runs, series.len() as u64);
    let mut next = 0;
    for run in series.chunk_by(|a, b| a + 1 == *b) {
        let first = run.first().copied().unwrap_or_default();
        varint::put(&mut runs, u64::from(first - next));
        varint::put(&mut runs, run.len() as u64 - 1);
        next = run.last().copied().unwrap_or_default().saturating_add(1);
    }
    let mut steps = vec![STEPS];
    varint::put(&mut steps, series.len() as u64);
    let mut next = 0;
    for block in series.chunks(BLOCK) {
        let gaps: Vec<u32> = block
            .iter()
            .map(|number| {
                let gap = number - next;
                next = number.saturating_add(1);
                gap
            })
            .collect();
        let width = 32 - gaps.iter().fold(0, |all, gap| all | gap).leading_zeros();
        steps.push(width as u8);
        packed::put(&mut steps, width, gaps.iter().map(|gap| u64::from(*gap)));
    }
    out.extend_from_slice(if runs.len() <= steps.len() { &runs } else { &steps });
    Ok(())
}

/// Appends the numbers of `postings`, all below `series`.
///
/// # Errors
/// [`Error::Truncated`], [`Error::Corrupt`], or [`Error::Unsupported`] for a kind of a newer version.
pub fn decode(postings: &[u8], series: u32, out: &mut Vec<u32>) -> Result<()> {
    let mut reader = Reader::new(postings, "postings");
    let kind = reader.u8()?;
    let count = reader.varint()?;
    if count > u64::from(series) {
        return Err(reader.corrupt("no more postings than series", count));
    }
    match kind {
        RUNS => decode_runs(&mut reader, count, series, out)?,
        STEPS => decode_steps(&mut reader, count as usize, series, out)?,
        _ => return Err(reader.unsupported(u64::from(STEPS), u64::from(kind))),
    }
    reader.finish()
}

/// How many numbers `postings` has, without reading them.
///
/// # Errors
/// [`Error::Truncated`] or [`Error::Corrupt`].
pub fn count(postings: &[u8]) -> Result<u64> {
    let mut reader = Reader::new(postings, "postings");
    reader.u8()?;
    reader.varint()
}

fn decode_runs(reader: &mut Reader<'_>, count: u64, series: u32, out: &mut Vec<u32>) -> Result<()> {
    let (mut left, mut next) = (count, 0_u64);
    while left > 0 {
        let first = next.saturating_add(reader.varint()?);
        let length = reader.varint()?.saturating_add(1);
        let end = first.saturating_add(length);
        if length > left || end > u64::from(series) {
            return Err(reader.corrupt("a run of postings within the series", end));
        }
        out.extend(first as u32..end as u32);
        left -= length;
        next = end;
    }
    Ok(())
}

fn decode_steps(reader: &mut Reader<'_>, count: usize, series: u32, out: &mut Vec<u32>) -> Result<()> {
    let (mut left, mut next) = (count, 0_u64);
    while left > 0 {
        let length = left.min(BLOCK);
        let width = u32::from(reader.u8()?);
        if width > 32 {
            return Err(reader.corrupt("a width of at most 32 bits", u64::from(width)));
        }
        let bits = reader.take((length * width as usize).div_ceil(8))?;
        let (mut bytes, mut word, mut filled) = (bits.iter(), 0_u64, 0);
        for _ in 0..length {
            while filled < width {
                word |= u64::from(bytes.next().copied().unwrap_or_default()) << filled;
                filled += 8;
            }
            let number = next + (word & ((1 << width) - 1));
            word >>= width;
            filled -= width;
            if number >= u64::from(series) {
                return Err(reader.corrupt("postings within the series", number));
            }
            out.push(number as u32);
            next = number + 1;
        }
        left -= length;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn round_trip(series: &[u32]) -> usize {
        let mut bytes = Vec::new();
        encode(series, &mut bytes).unwrap();
        let mut read = Vec::new();
        decode(&bytes, series.last().map_or(0, |last| last + 1), &mut read).unwrap();
        assert_eq!(read, series);
        assert_eq!(count(&bytes), Ok(series.len() as u64));
        bytes.len()
    }

    proptest! {
        #[test]
        fn any_numbers_come_back(steps in prop::collection::vec(prop_oneof![Just(1_u32), 1..9_u32, 1..90_000_u32], 0..400)) {
            let mut last = 0;
            let series: Vec<u32> = steps.iter().map(|step| { last += step; last }).collect();
            round_trip(&series);
        }

        #[test]
        fn any_bytes_are_read_or_refused(mut bytes: Vec<u8>, kind in 0..3_u8) {
            bytes.insert(0, kind);
            let mut out = Vec::new();
            let _ = decode(&bytes, 1_000, &mut out);
            prop_assert!(out.len() <= 1_000);
        }
    }

    #[test]
    fn neighbours_cost_nothing_and_steps_little() {
        assert!(round_trip(&(5_000..9_000).collect::<Vec<_>>()) <= 8);
        assert!(round_trip(&(0..4_000).map(|i| 3 * i).collect::<Vec<_>>()) <= 4_000 * 2 / 8 + 40);
        assert!(encode(&[3, 3], &mut Vec::new()).is_err());
    }

    #[test]
    fn series_beyond_the_index_are_refused() {
        for series in [vec![3, 5, 6, 9, 11], (4..12).collect()] {
            let mut bytes = Vec::new();
            encode(&series, &mut bytes).unwrap();
            assert_eq!(decode(&bytes, 12, &mut Vec::new()), Ok(()));
            assert!(matches!(
                decode(&bytes, 11, &mut Vec::new()),
                Err(Error::Corrupt { .. })
            ));
            assert!(matches!(
                decode(&bytes, 2, &mut Vec::new()),
                Err(Error::Corrupt { .. })
            ));
        }
    }
}
