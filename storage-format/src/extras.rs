//! What is kept beside samples: exemplars, metadata, tombstones, as lists. Layout: spec/wal.md.

use crate::bytes::{Reader, put_f64, put_text};
use crate::error::{Error, Result};
use crate::varint;

/// A pointer from a sample to a trace.
#[derive(Debug, Clone, PartialEq)]
pub struct Exemplar<'a> {
    /// The series.
    pub id: u32,
    /// Milliseconds since the epoch.
    pub time: i64,
    /// The value, exact to the bit.
    pub value: f64,
    /// Name and value of each label, in the order they were given.
    pub labels: Vec<(&'a str, &'a str)>,
}

/// The description of a metric; the batch's group says whose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata<'a> {
    /// The metric's (family's) name.
    pub metric: &'a str,
    /// Its type.
    pub kind: MetricKind,
    /// Its help text.
    pub help: &'a str,
    /// Its unit.
    pub unit: &'a str,
}

/// The type of a metric; the number is that of the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(u8)]
pub enum MetricKind {
    /// Not known.
    #[default]
    Unknown = 0,
    /// A counter.
    Counter = 1,
    /// A gauge.
    Gauge = 2,
    /// A histogram.
    Histogram = 3,
    /// A gauge histogram.
    GaugeHistogram = 4,
    /// A summary.
    Summary = 5,
    /// An info metric.
    Info = 6,
    /// A state set.
    StateSet = 7,
}

impl MetricKind {
    /// The type with this number in the format.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            0 => Self::Unknown,
            1 => Self::Counter,
            2 => Self::Gauge,
            3 => Self::Histogram,
            4 => Self::GaugeHistogram,
            5 => Self::Summary,
            6 => Self::Info,
            7 => Self::StateSet,
            _ => return None,
        })
    }
}

/// A deleted range of one series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tombstone {
    /// The series.
    pub id: u32,
    /// The first deleted millisecond.
    pub from: i64,
    /// The last deleted millisecond.
    pub to: i64,
}

pub(crate) fn encode_exemplars(out: &mut Vec<u8>, time: i64, exemplars: &[Exemplar<'_>]) {
    varint::put(out, exemplars.len() as u64);
    for exemplar in exemplars {
        varint::put(out, u64::from(exemplar.id));
        varint::put_signed(out, exemplar.time.wrapping_sub(time));
        put_f64(out, exemplar.value);
        varint::put(out, exemplar.labels.len() as u64);
        for (name, value) in &exemplar.labels {
            put_text(out, name);
            put_text(out, value);
        }
    }
}

pub(crate) fn decode_exemplars<'a>(reader: &mut Reader<'a>, time: i64) -> Result<Vec<Exemplar<'a>>> {
    let count = reader.count(11)?;
    let mut exemplars = Vec::with_capacity(count);
    for _ in 0..count {
        let id = reader.varint_u32()?;
        let time = time.wrapping_add(reader.signed()?);
        let value = reader.f64()?;
        let label_count = reader.count(2)?;
        let mut labels = Vec::with_capacity(label_count);
        for _ in 0..label_count {
            labels.push((reader.text()?, reader.text()?));
        }
        exemplars.push(Exemplar {
            id,
            time,
            value,
            labels,
        });
    }
    Ok(exemplars)
}

pub(crate) fn encode_metadata(out: &mut Vec<u8>, metadata: &[Metadata<'_>]) {
    varint::put(out, metadata.len() as u64);
    for entry in metadata {
        put_text(out, entry.metric);
        out.push(entry.kind as u8);
        put_text(out, entry.help);
        put_text(out, entry.unit);
    }
}

pub(crate) fn decode_metadata<'a>(reader: &mut Reader<'a>) -> Result<Vec<Metadata<'a>>> {
    let count = reader.count(4)?;
    let mut metadata = Vec::with_capacity(count);
    for _ in 0..count {
        let metric = reader.text()?;
        let number = reader.u8()?;
        let kind = MetricKind::from_number(number)
            .ok_or_else(|| reader.unsupported(MetricKind::StateSet as u64, u64::from(number)))?;
        metadata.push(Metadata {
            metric,
            kind,
            help: reader.text()?,
            unit: reader.text()?,
        });
    }
    Ok(metadata)
}

/// A range's end is written as its distance from the beginning: it cannot come back reversed.
pub(crate) fn encode_tombstones(out: &mut Vec<u8>, time: i64, tombstones: &[Tombstone]) -> Result<()> {
    varint::put(out, tombstones.len() as u64);
    for (index, tombstone) in tombstones.iter().enumerate() {
        if tombstone.to < tombstone.from {
            return Err(Error::invalid(
                "tombstone",
                index,
                "an end not before its beginning",
                tombstone.to as u64,
            ));
        }
        varint::put(out, u64::from(tombstone.id));
        varint::put_signed(out, tombstone.from.wrapping_sub(time));
        varint::put(out, tombstone.to.abs_diff(tombstone.from));
    }
    Ok(())
}

pub(crate) fn decode_tombstones(reader: &mut Reader<'_>, time: i64) -> Result<Vec<Tombstone>> {
    let count = reader.count(3)?;
    let mut tombstones = Vec::with_capacity(count);
    for _ in 0..count {
        let id = reader.varint_u32()?;
        let from = time.wrapping_add(reader.signed()?);
        let length = reader.varint()?;
        let to = from
            .checked_add_unsigned(length)
            .ok_or_else(|| reader.corrupt("a range that ends within 64 bits", length))?;
        tombstones.push(Tombstone { id, from, to });
    }
    Ok(tombstones)
}
