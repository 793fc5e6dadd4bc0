//! What a batch holds beside samples: exemplars, metadata, tombstones, one after another.
//! Layout: spec/wal.md.

use crate::bytes::{Reader, put_f64, put_text};
use crate::error::{Error, Result};
use crate::varint;
use crate::wal::record::{Exemplar, Metadata, MetricKind, Tombstone};

pub(super) fn encode_exemplars(out: &mut Vec<u8>, time: i64, exemplars: &[Exemplar<'_>]) {
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

pub(super) fn decode_exemplars<'a>(reader: &mut Reader<'a>, time: i64) -> Result<Vec<Exemplar<'a>>> {
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

pub(super) fn encode_metadata(out: &mut Vec<u8>, metadata: &[Metadata<'_>]) {
    varint::put(out, metadata.len() as u64);
    for entry in metadata {
        put_text(out, entry.metric);
        out.push(entry.kind as u8);
        put_text(out, entry.help);
        put_text(out, entry.unit);
    }
}

pub(super) fn decode_metadata<'a>(reader: &mut Reader<'a>) -> Result<Vec<Metadata<'a>>> {
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
pub(super) fn encode_tombstones(out: &mut Vec<u8>, time: i64, tombstones: &[Tombstone]) -> Result<()> {
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

pub(super) fn decode_tombstones(reader: &mut Reader<'_>, time: i64) -> Result<Vec<Tombstone>> {
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
