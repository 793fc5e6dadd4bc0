//! Samples of a batch as columns: ids, then times, then start times, then values; what is equal throughout
//! is left out. Layout: spec/wal.md.

use crate::bytes::Reader;
use crate::error::{Error, Result};
use crate::histogram::{HINT_MAX, HistogramFields, Number};
use crate::varint;
use crate::wal::record::Sample;

/// Flag: not every sample has the batch's time.
const TIMES: u8 = 1;
/// Flag: some samples have a start time.
const STARTS: u8 = 2;
/// Flag: ids are written as runs of neighbours.
const RUNS: u8 = 4;

pub(super) fn encode_floats(out: &mut Vec<u8>, time: i64, samples: &[Sample<f64>]) {
    encode_columns(out, time, samples);
    encode_values(out, samples);
}

pub(super) fn decode_floats(reader: &mut Reader<'_>, time: i64) -> Result<Vec<Sample<f64>>> {
    // Two samples share a length byte; ids in one run may cost nothing.
    let mut samples = decode_columns(reader, time, |room| room.saturating_mul(2))?;
    decode_values(reader, &mut samples)?;
    Ok(samples)
}

pub(super) fn encode_histograms<C: Number, B: Number>(
    out: &mut Vec<u8>,
    time: i64,
    samples: &[Sample<HistogramFields<C, B>>],
) -> Result<()> {
    encode_columns(out, time, samples);
    for (index, sample) in samples.iter().enumerate() {
        let hint = sample.value.hint;
        if hint > HINT_MAX {
            return Err(Error::invalid(
                "histogram",
                index,
                "a counter reset hint of 0 to 3",
                u64::from(hint),
            ));
        }
        sample.value.encode(out);
    }
    Ok(())
}

pub(super) fn decode_histograms<C: Number + Default, B: Number + Default>(
    reader: &mut Reader<'_>,
    time: i64,
) -> Result<Vec<Sample<HistogramFields<C, B>>>> {
    // The smallest histogram has two floats and nine varints.
    let mut samples = decode_columns(reader, time, |room| room / 16)?;
    for sample in &mut samples {
        sample.value = HistogramFields::decode(reader)?;
    }
    Ok(samples)
}

fn encode_columns<V>(out: &mut Vec<u8>, time: i64, samples: &[Sample<V>]) {
    let breaks = samples
        .windows(2)
        .filter(|pair| follows(pair[0].id) != Some(pair[1].id))
        .count();
    let runs = breaks + 1;
    let mut flags = 0;
    if runs.saturating_mul(2) <= samples.len() {
        flags |= RUNS;
    }
    if samples.iter().any(|sample| sample.time != time) {
        flags |= TIMES;
    }
    if samples.iter().any(|sample| sample.start.is_some()) {
        flags |= STARTS;
    }
    varint::put(out, samples.len() as u64);
    out.push(flags);
    if flags & RUNS != 0 {
        encode_runs(out, samples)
    } else {
        encode_ids(out, samples)
    }
    if flags & TIMES != 0 {
        for sample in samples {
            varint::put_signed(out, sample.time.wrapping_sub(time));
        }
    }
    if flags & STARTS != 0 {
        encode_starts(out, samples);
    }
}

fn decode_columns<V: Default>(
    reader: &mut Reader<'_>,
    time: i64,
    count_max: impl Fn(usize) -> usize,
) -> Result<Vec<Sample<V>>> {
    let count = reader.varint()?;
    let allowed = count_max(reader.remaining());
    let count = match usize::try_from(count) {
        Ok(count) if count <= allowed => count,
        _ => return Err(reader.corrupt("no more samples than the rest can hold", count)),
    };
    let flags = reader.u8()?;
    if flags & !(TIMES | STARTS | RUNS) != 0 {
        return Err(reader.unsupported(u64::from(TIMES | STARTS | RUNS), u64::from(flags)));
    }
    let mut samples = Vec::with_capacity(count);
    let sample = |id| Sample {
        id,
        time,
        start: None,
        value: V::default(),
    };
    if flags & RUNS != 0 {
        decode_runs(reader, count, |id| samples.push(sample(id)))?;
    } else {
        decode_ids(reader, count, |id| samples.push(sample(id)))?;
    }
    if flags & TIMES != 0 {
        for sample in &mut samples {
            sample.time = time.wrapping_add(reader.signed()?);
        }
    }
    if flags & STARTS != 0 {
        decode_starts(reader, &mut samples)?;
    }
    Ok(samples)
}

fn follows(id: u32) -> Option<u32> {
    id.checked_add(1)
}

/// Each id as its distance from the one that would follow the previous.
fn encode_ids<V>(out: &mut Vec<u8>, samples: &[Sample<V>]) {
    let mut next = 0_i64;
    for sample in samples {
        varint::put_signed(out, i64::from(sample.id) - next);
        next = i64::from(sample.id) + 1;
    }
}

fn decode_ids(reader: &mut Reader<'_>, count: usize, mut each: impl FnMut(u32)) -> Result<()> {
    let mut next = 0_i64;
    for _ in 0..count {
        let id = read_id(reader, next)?;
        each(id);
        next = i64::from(id) + 1;
    }
    Ok(())
}

/// Runs of neighbouring ids: the distance of the first from the one that would follow, and the length.
fn encode_runs<V>(out: &mut Vec<u8>, samples: &[Sample<V>]) {
    let mut next = 0_i64;
    for run in samples.chunk_by(|a, b| follows(a.id) == Some(b.id)) {
        let first = run.first().map_or(0, |sample| i64::from(sample.id));
        varint::put_signed(out, first - next);
        varint::put(out, run.len() as u64);
        next = first + run.len() as i64;
    }
}

fn decode_runs(reader: &mut Reader<'_>, count: usize, mut each: impl FnMut(u32)) -> Result<()> {
    let (mut left, mut next) = (count as u64, 0_i64);
    while left > 0 {
        let first = read_id(reader, next)?;
        let length = reader.varint()?;
        if length == 0 || length > left || length - 1 > u64::from(u32::MAX - first) {
            return Err(reader.corrupt("a run of ids within the count", length));
        }
        for step in 0..length {
            each(first + step as u32);
        }
        left -= length;
        next = i64::from(first) + length as i64;
    }
    Ok(())
}

fn read_id(reader: &mut Reader<'_>, next: i64) -> Result<u32> {
    let step = reader.signed()?;
    let id = next.checked_add(step).and_then(|id| u32::try_from(id).ok());
    id.ok_or_else(|| reader.corrupt("a series id of 32 bits", step as u64))
}

/// A bit per sample that has a start time, then for those the distance back from the sample's time.
fn encode_starts<V>(out: &mut Vec<u8>, samples: &[Sample<V>]) {
    for eight in samples.chunks(8) {
        let bits = eight
            .iter()
            .enumerate()
            .map(|(i, sample)| u8::from(sample.start.is_some()) << i);
        out.push(bits.fold(0, |all, bit| all | bit));
    }
    for sample in samples {
        if let Some(start) = sample.start {
            varint::put_signed(out, sample.time.wrapping_sub(start));
        }
    }
}

fn decode_starts<V>(reader: &mut Reader<'_>, samples: &mut [Sample<V>]) -> Result<()> {
    let bitmap = reader.take(samples.len().div_ceil(8))?;
    for (eight, bits) in samples.chunks_mut(8).zip(bitmap) {
        if u32::from(*bits) >> eight.len() != 0 {
            return Err(reader.corrupt("no start time beyond the last sample", u64::from(*bits)));
        }
        for (i, sample) in eight.iter_mut().enumerate() {
            if bits >> i & 1 != 0 {
                sample.start = Some(sample.time.wrapping_sub(reader.signed()?));
            }
        }
    }
    Ok(())
}

/// Values: a nibble each says how many of the highest bytes follow; the rest are zero, as in small integers.
fn encode_values(out: &mut Vec<u8>, samples: &[Sample<f64>]) {
    let lengths_start = out.len();
    let lengths_length = samples.len().div_ceil(2);
    out.resize(lengths_start + lengths_length + 8 * samples.len() + 8, 0);
    let (lengths, values) = out.split_at_mut(lengths_start + lengths_length);
    let lengths = lengths.get_mut(lengths_start..).unwrap_or_default();
    let mut position = 0;
    for (pair, nibbles) in samples.chunks(2).zip(lengths) {
        for (i, sample) in pair.iter().enumerate() {
            let bits = sample.value.to_bits();
            let length = 8 - (bits.trailing_zeros() / 8) as usize;
            // Eight bytes are written whatever the length: what is too much is overwritten or cut off.
            if let Some(room) = values.get_mut(position..position + 8) {
                room.copy_from_slice(&bits.swap_bytes().to_le_bytes());
            }
            position += length;
            *nibbles |= (length as u8) << (4 * i);
        }
    }
    out.truncate(lengths_start + lengths_length + position);
}

fn decode_values(reader: &mut Reader<'_>, samples: &mut [Sample<f64>]) -> Result<()> {
    let lengths = reader.take(samples.len().div_ceil(2))?;
    let values = reader.rest();
    let mut position = 0;
    for (pair, nibbles) in samples.chunks_mut(2).zip(lengths) {
        for (i, sample) in pair.iter_mut().enumerate() {
            let length = usize::from(nibbles >> (4 * i) & 15);
            if length > 8 {
                return Err(reader.corrupt("a value of at most 8 bytes", length as u64));
            }
            let rest = values.get(position..).unwrap_or_default();
            // Near the end there are fewer than eight bytes; what is missing shows when all are taken.
            let word = rest.first_chunk().copied().unwrap_or_else(|| {
                let mut word = [0; 8];
                word.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
                word
            });
            let kept = u64::MAX.checked_shl(64 - 8 * length as u32).unwrap_or(0);
            sample.value = f64::from_bits(u64::from_be_bytes(word) & kept);
            position += length;
        }
    }
    reader.take(position).map(drop)
}
