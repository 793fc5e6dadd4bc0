//! Series of an index in blocks of sixteen, sorted by labels: each says what it shares with the one before.
//! Layout: spec/index.md.

use crate::bytes::Reader;
use crate::error::{Error, Result};
use crate::segment::ChunkList;
use crate::varint;

/// Series in a block.
pub const BLOCK: usize = 16;

const MOVED: u8 = 1;
const OTHER_PLAN: u8 = 2;
const OTHER_SHAPE: u8 = 4;
const SHARED_SHIFT: u8 = 3;
/// More shared labels than this are told by a varint.
const SHARED_MAX: usize = 30;

/// A series of an index: numbers of its label names and of its values among those of the name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SeriesEntry {
    /// The number of its set of names.
    pub shape: u32,
    /// Per name of the set, the number of the value.
    pub values: Vec<u32>,
    /// Where its chunks are.
    pub chunks: ChunkList,
}

/// Appends a block of entries with the names of each.
pub(super) fn encode_block(block: &[(&SeriesEntry, &[u32])], out: &mut Vec<u8>) {
    let nothing = SeriesEntry::default();
    let (mut previous, mut previous_names): (&SeriesEntry, &[u32]) = (&nothing, &[]);
    for (entry, names) in block {
        let pairs = previous_names.iter().zip(&previous.values);
        let shared = pairs
            .zip(names.iter().zip(&entry.values))
            .take_while(|(a, b)| a == b)
            .count();
        let (chunks, before) = (&entry.chunks, &previous.chunks);
        let expected = before.position.wrapping_add(before.length());
        let other_plan = chunks.plan != before.plan || chunks.lengths.len() != before.lengths.len();
        let mut head = (shared.min(SHARED_MAX + 1) as u8) << SHARED_SHIFT;
        head |= if chunks.position == expected { 0 } else { MOVED };
        head |= if other_plan { OTHER_PLAN } else { 0 };
        head |= if entry.shape == previous.shape {
            0
        } else {
            OTHER_SHAPE
        };
        out.push(head);
        if shared > SHARED_MAX {
            varint::put(out, shared as u64);
        }
        if head & OTHER_SHAPE != 0 {
            varint::put(out, u64::from(entry.shape));
        }
        entry
            .values
            .iter()
            .skip(shared)
            .for_each(|value| varint::put(out, u64::from(*value)));
        if head & MOVED != 0 {
            varint::put(out, chunks.position);
        }
        if other_plan {
            varint::put(out, u64::from(chunks.plan));
            varint::put(out, chunks.lengths.len() as u64);
        }
        chunks
            .lengths
            .iter()
            .for_each(|length| varint::put(out, u64::from(*length)));
        (previous, previous_names) = (entry, names);
    }
}

/// Reads a block of at most [`BLOCK`] entries; `names` tells how many names a shape has.
pub(super) fn decode_block(
    block: &[u8],
    names: impl Fn(u32) -> Result<usize>,
    mut each: impl FnMut(&SeriesEntry),
) -> Result<()> {
    let mut reader = Reader::new(block, "series");
    let mut entry = SeriesEntry::default();
    let mut label_count = None;
    while !reader.is_empty() {
        let head = reader.u8()?;
        let shared = usize::from(head >> SHARED_SHIFT);
        let shared = if shared > SHARED_MAX {
            reader.varint()? as usize
        } else {
            shared
        };
        if head & OTHER_SHAPE != 0 {
            entry.shape = reader.varint_u32()?;
            label_count = None;
        }
        let labels = match label_count {
            Some(labels) => labels,
            None => *label_count.insert(names(entry.shape)?),
        };
        if shared > entry.values.len() || shared > labels {
            return Err(reader.corrupt("no more shared labels than there are", shared as u64));
        }
        entry.values.truncate(shared);
        for _ in shared..labels {
            entry.values.push(reader.varint_u32()?);
        }
        let expected = entry.chunks.position.wrapping_add(entry.chunks.length());
        entry.chunks.position = if head & MOVED != 0 {
            reader.varint()?
        } else {
            expected
        };
        if head & OTHER_PLAN != 0 {
            entry.chunks.plan = reader.varint_u32()?;
            let chunks = reader.count(1)?;
            entry.chunks.lengths.resize(chunks, 0);
        }
        for length in &mut entry.chunks.lengths {
            *length = reader.varint_u32()?;
        }
        each(&entry);
    }
    Ok(())
}

/// Refuses a number beyond what the format counts series with.
pub(super) fn series_number(count: usize) -> Result<u32> {
    u32::try_from(count).map_err(|_| Error::invalid("index", count, "at most 2^32 series", count as u64))
}
