//! Plans: how a series' samples are cut into chunks, stored once for all series that were cut alike.
//! Layout: spec/segment.md.

use std::collections::HashMap;

use crate::blobs::{BlobWriter, Blobs};
use crate::bytes::Reader;
use crate::chunk::SAMPLES_MAX;
use crate::error::Result;
use crate::varint;

const KIND: u8 = 3;
const OWN_TIMES: u8 = 4;
const PRESENCE: u8 = 8;
const STARTS: u8 = 16;
const FLAGS: u8 = KIND | OWN_TIMES | PRESENCE | STARTS;

/// What a chunk's values are; the number is that of the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ChunkKind {
    /// Floats.
    Float = 0,
    /// Histograms with integer counts.
    Histogram = 1,
    /// Histograms with float counts.
    FloatHistogram = 2,
}

/// Where a chunk's times are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChunkTimes {
    /// In a column that other series share.
    Shared {
        /// The column's number.
        column: u32,
        /// The first time of the column that the chunk spans.
        start: u32,
        /// How many times it spans; more than its samples if some are missing, which a bitmap then tells.
        span: u16,
    },
    /// In the chunk itself.
    Own,
}

/// What must be known of a chunk to read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ChunkShape {
    /// What its values are.
    pub kind: ChunkKind,
    /// Where its times are.
    pub times: ChunkTimes,
    /// How many samples it has.
    pub count: u16,
    /// Whether start times come with it.
    pub starts: bool,
}

impl ChunkShape {
    /// Whether samples are missing from the span of the shared column.
    #[must_use]
    pub const fn has_presence(&self) -> bool {
        matches!(self.times, ChunkTimes::Shared { span, .. } if span != self.count)
    }

    fn encode(&self, out: &mut Vec<u8>) {
        let mut flags = self.kind as u8;
        flags |= if self.times == ChunkTimes::Own {
            OWN_TIMES
        } else {
            0
        };
        flags |= if self.has_presence() { PRESENCE } else { 0 };
        flags |= if self.starts { STARTS } else { 0 };
        out.push(flags);
        varint::put(out, u64::from(self.count));
        if let ChunkTimes::Shared { column, start, span } = self.times {
            varint::put(out, u64::from(column));
            varint::put(out, u64::from(start));
            if self.has_presence() {
                varint::put(out, u64::from(span));
            }
        }
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self> {
        let flags = reader.u8()?;
        let kind = match flags & KIND {
            0 => ChunkKind::Float,
            1 => ChunkKind::Histogram,
            2 => ChunkKind::FloatHistogram,
            _ => return Err(reader.unsupported(u64::from(FLAGS), u64::from(flags))),
        };
        if flags & !FLAGS != 0 {
            return Err(reader.unsupported(u64::from(FLAGS), u64::from(flags)));
        }
        let count = read_count(reader)?;
        let times = if flags & OWN_TIMES != 0 {
            ChunkTimes::Own
        } else {
            let (column, start) = (reader.varint_u32()?, reader.varint_u32()?);
            let span = if flags & PRESENCE != 0 {
                read_count(reader)?
            } else {
                count
            };
            if (span == count) == (flags & PRESENCE != 0) || span < count {
                return Err(reader.corrupt("fewer samples than the span", u64::from(count)));
            }
            ChunkTimes::Shared { column, start, span }
        };
        Ok(Self {
            kind,
            times,
            count,
            starts: flags & STARTS != 0,
        })
    }
}

fn read_count(reader: &mut Reader<'_>) -> Result<u16> {
    match reader.varint()? {
        count @ 1..=0x400 => Ok(count as u16),
        count => Err(reader.corrupt(SAMPLES_MAX as u64, count)),
    }
}

/// Collects plans; equal ones become one.
#[derive(Debug, Default)]
pub struct PlanWriter {
    numbers: HashMap<Vec<u8>, u32>,
    blobs: BlobWriter,
}

impl PlanWriter {
    /// The number of the plan made of these chunks.
    pub fn push(&mut self, shapes: &[ChunkShape]) -> u32 {
        let mut bytes = Vec::new();
        shapes.iter().for_each(|shape| shape.encode(&mut bytes));
        let next = self.blobs.len() as u32;
        let blobs = &mut self.blobs;
        *self.numbers.entry(bytes).or_insert_with_key(|bytes| {
            blobs.push(|out| out.extend_from_slice(bytes));
            next
        })
    }

    /// The plans as a section.
    ///
    /// # Errors
    /// As [`BlobWriter::finish`].
    pub fn finish(&self) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        self.blobs.finish(&mut out)?;
        Ok(out)
    }
}

/// Reads plans.
#[derive(Debug, Clone, Copy)]
pub struct Plans<'a>(Blobs<'a>);

impl<'a> Plans<'a> {
    /// The plans of a section.
    ///
    /// # Errors
    /// As [`Blobs::open`].
    pub fn open(section: &'a [u8]) -> Result<Self> {
        Blobs::open(section, "chunk plans").map(Self)
    }

    /// How many plans there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The chunks of plan `number`, in order.
    ///
    /// # Errors
    /// [`crate::Error::Truncated`], [`crate::Error::Corrupt`] or [`crate::Error::Unsupported`].
    pub fn get(&self, number: u32) -> Result<Vec<ChunkShape>> {
        let mut reader = Reader::new(self.0.get(number as usize)?, "chunk plan");
        let mut shapes = Vec::new();
        while !reader.is_empty() {
            shapes.push(ChunkShape::decode(&mut reader)?);
        }
        Ok(shapes)
    }
}
