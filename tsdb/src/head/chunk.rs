//! Small sealed chunks of one series, behind each other in one allocation.
//!
//! `flags, count, length of the rest, [group, start, span, [bitmap]] or [length of times, times], values`, numbers as
//! varints. This form lives in memory only.

use super::codec;

/// Where the times of a chunk are.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Times<'a> {
    /// In the column of a scrape group: `span` positions from `start`, all of them or those set in the bitmap.
    Shared {
        group: u32,
        start: u32,
        span: u32,
        bitmap: Option<&'a [u8]>,
    },
    /// In the chunk itself.
    Own(&'a [u8]),
}

/// A chunk as it lies in memory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ChunkView<'a> {
    pub(crate) count: usize,
    pub(crate) times: Times<'a>,
    values: &'a [u8],
}

impl ChunkView<'_> {
    /// Appends all values.
    pub(crate) fn values(&self, out: &mut Vec<f64>) {
        codec::take_values(self.values, self.count, out);
    }

    /// Appends all times; `shared` are those of the column from the chunk's start on.
    pub(crate) fn times(&self, shared: &[i64], out: &mut Vec<i64>) {
        match self.times {
            Times::Own(bytes) => codec::take_times(bytes, self.count, out),
            Times::Shared {
                bitmap: None, span, ..
            } => out.extend(shared.iter().take(span as usize)),
            Times::Shared {
                bitmap: Some(bitmap),
                span,
                ..
            } => {
                let set = shared
                    .iter()
                    .take(span as usize)
                    .enumerate()
                    .filter(|(i, _)| is_set(bitmap, *i));
                out.extend(set.map(|(_, time)| *time));
            }
        }
    }

    /// Appends the positions of all samples in the column.
    pub(crate) fn positions(&self, out: &mut Vec<u32>) {
        if let Times::Shared {
            start, span, bitmap, ..
        } = self.times
        {
            let set = (0..span).filter(|i| bitmap.is_none_or(|b| is_set(b, *i as usize)));
            out.extend(set.map(|i| start + i));
        }
    }
}

fn is_set(bitmap: &[u8], at: usize) -> bool {
    bitmap.get(at / 8).is_some_and(|byte| byte >> (at % 8) & 1 == 1)
}

const OWN: u8 = 1;
const BITMAP: u8 = 2;

/// Appends a chunk whose times are positions, ascending, of a group's column.
pub(crate) fn put_shared(out: &mut Vec<u8>, group: u32, positions: &[u32], values: &[f64]) {
    let (Some(first), Some(last)) = (positions.first(), positions.last()) else {
        return;
    };
    let span = last - first + 1;
    let full = span as usize == positions.len();
    let mut body = Vec::with_capacity(16 + values.len() * 4);
    for number in [group, *first, span] {
        put_varint(&mut body, u64::from(number));
    }
    if !full {
        let at = body.len();
        body.resize(at + (span as usize).div_ceil(8), 0);
        for position in positions {
            let bit = (position - first) as usize;
            body[at + bit / 8] |= 1 << (bit % 8);
        }
    }
    codec::put_values(&mut body, values);
    put_chunk(out, if full { 0 } else { BITMAP }, values.len(), &body);
}

/// Appends a chunk that keeps its own times.
pub(crate) fn put_own(out: &mut Vec<u8>, times: &[i64], values: &[f64]) {
    if times.is_empty() {
        return;
    }
    let mut encoded = Vec::with_capacity(times.len());
    codec::put_times(&mut encoded, times);
    let mut body = Vec::with_capacity(16 + encoded.len() + values.len() * 4);
    put_varint(&mut body, encoded.len() as u64);
    body.extend_from_slice(&encoded);
    codec::put_values(&mut body, values);
    put_chunk(out, OWN, values.len(), &body);
}

fn put_chunk(out: &mut Vec<u8>, flags: u8, count: usize, body: &[u8]) {
    // Growing by exactly what is needed: a series' chunks are written rarely and kept long.
    out.reserve_exact(body.len() + 8);
    out.push(flags);
    put_varint(out, count as u64);
    put_varint(out, body.len() as u64);
    out.extend_from_slice(body);
}

/// The chunks in `bytes`, in order.
pub(crate) fn chunks(bytes: &[u8]) -> impl Iterator<Item = ChunkView<'_>> {
    let mut rest = bytes;
    std::iter::from_fn(move || next_chunk(&mut rest))
}

fn next_chunk<'a>(rest: &mut &'a [u8]) -> Option<ChunkView<'a>> {
    let (flags, after) = rest.split_first()?;
    *rest = after;
    let count = take_varint(rest)? as usize;
    let length = take_varint(rest)? as usize;
    let (mut body, after) = rest.split_at_checked(length)?;
    *rest = after;
    let times = if flags & OWN != 0 {
        let length = take_varint(&mut body)? as usize;
        let (times, after) = body.split_at_checked(length)?;
        body = after;
        Times::Own(times)
    } else {
        let group = take_varint(&mut body)? as u32;
        let start = take_varint(&mut body)? as u32;
        let span = take_varint(&mut body)? as u32;
        let bitmap_len = if flags & BITMAP != 0 {
            (span as usize).div_ceil(8)
        } else {
            0
        };
        let (bitmap, after) = body.split_at_checked(bitmap_len)?;
        body = after;
        Times::Shared {
            group,
            start,
            span,
            bitmap: (flags & BITMAP != 0).then_some(bitmap),
        }
    };
    Some(ChunkView {
        count,
        times,
        values: body,
    })
}

fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_of_both_kinds_come_back() {
        let mut bytes = Vec::new();
        put_shared(&mut bytes, 7, &[100, 101, 102], &[1.0, 2.0, -0.0]);
        put_shared(&mut bytes, 9, &[200, 203, 211], &[f64::NAN, 5.0, 6.0]);
        put_own(&mut bytes, &[-5, 0, 1 << 50], &[7.0, 8.0, 9.0]);
        let column: Vec<i64> = (0..20).map(|i| i * 10).collect();
        let read: Vec<(Vec<i64>, Vec<u32>, Vec<u64>)> = chunks(&bytes)
            .map(|c| {
                let (mut times, mut positions, mut values) = (vec![], vec![], vec![]);
                c.times(&column, &mut times);
                c.positions(&mut positions);
                c.values(&mut values);
                (times, positions, values.iter().map(|v| v.to_bits()).collect())
            })
            .collect();
        let bits = |values: [f64; 3]| values.map(f64::to_bits).to_vec();
        assert_eq!(
            read[0],
            (vec![0, 10, 20], vec![100, 101, 102], bits([1.0, 2.0, -0.0]))
        );
        assert_eq!(
            read[1],
            (vec![0, 30, 110], vec![200, 203, 211], bits([f64::NAN, 5.0, 6.0]))
        );
        assert_eq!(read[2], (vec![-5, 0, 1 << 50], vec![], bits([7.0, 8.0, 9.0])));
    }
}
