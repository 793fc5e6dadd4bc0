//! A write request of version 2.0 into a batch: labels are numbers that point into a table of texts.
//!
//! What is wrong with one series or sample is told and does not hold back the others.
//! Source of the message: Prometheus `prompb/io/prometheus/write/v2/types.proto`.

use narthex_model::{HistogramValue, Labels, LabelsBuilder};
use narthex_tsdb::{Batch, Db, Exemplar, MetadataKind, Policy, SeriesMetadata, SeriesRef};
use prost::Message;

use super::receiver::WriteFault;
use super::wire::{Fields, Value, WireError};
use crate::prompb::{HistogramMessage, kind_of};

/// What became of a request's bytes.
#[derive(Debug, Default)]
pub(super) struct DecodedV2 {
    pub(super) batch: Batch,
    /// For each sample of the batch: its series, and whether it is a histogram.
    pub(super) samples: Vec<(u32, bool)>,
    /// Labels of the series that samples belong to.
    pub(super) series: Vec<Labels>,
    /// Exemplars in the batch.
    pub(super) exemplars: usize,
    /// What was left out, and why.
    pub(super) faults: Vec<String>,
    /// Samples whose labels cannot name a series.
    pub(super) invalid: usize,
}

/// Reads a request.
///
/// With `metadata_labels`, series carry their type and unit as labels.
pub(super) fn decode(
    request: &[u8],
    store: &Db,
    now_ms: i64,
    metadata_labels: bool,
) -> Result<DecodedV2, WriteFault> {
    let mut symbols: Vec<&str> = Vec::new();
    let mut series: Vec<&[u8]> = Vec::new();
    let mut fields = Fields::new(request);
    while let Some(field) = fields.next_field()? {
        match field {
            (4, Value::Bytes(text)) => symbols.push(
                std::str::from_utf8(text)
                    .map_err(|_| WriteFault::Malformed("proto: a symbol is not valid UTF-8".into()))?,
            ),
            (5, Value::Bytes(message)) => series.push(message),
            _ => {}
        }
    }
    let mut decoded = DecodedV2 {
        batch: Batch::new(now_ms).with_policy(Policy::Skip),
        ..DecodedV2::default()
    };
    for message in series {
        one_series(message, &symbols, store, metadata_labels, &mut decoded)?;
    }
    Ok(decoded)
}

/// The parts of a series, not yet looked into.
#[derive(Debug, Default)]
struct Parts<'a> {
    refs: Vec<u32>,
    samples: Vec<&'a [u8]>,
    histograms: Vec<&'a [u8]>,
    exemplars: Vec<&'a [u8]>,
    metadata: Option<&'a [u8]>,
    created: i64,
}

fn parts(message: &[u8]) -> Result<Parts<'_>, WireError> {
    let mut parts = Parts::default();
    let mut fields = Fields::new(message);
    while let Some(field) = fields.next_field()? {
        match field {
            (1, Value::Bytes(packed)) => push_packed(packed, &mut parts.refs)?,
            (1, Value::Varint(one)) => parts.refs.push(one as u32),
            (2, Value::Bytes(sample)) => parts.samples.push(sample),
            (3, Value::Bytes(histogram)) => parts.histograms.push(histogram),
            (4, Value::Bytes(exemplar)) => parts.exemplars.push(exemplar),
            (5, Value::Bytes(metadata)) => parts.metadata = Some(metadata),
            (6, Value::Varint(created)) => parts.created = created as i64,
            _ => {}
        }
    }
    Ok(parts)
}

fn push_packed(packed: &[u8], refs: &mut Vec<u32>) -> Result<(), WireError> {
    let mut numbers = Fields::new(packed);
    while let Some(number) = numbers.next_packed()? {
        refs.push(number as u32);
    }
    Ok(())
}

fn one_series(
    message: &[u8],
    symbols: &[&str],
    store: &Db,
    metadata_labels: bool,
    decoded: &mut DecodedV2,
) -> Result<(), WriteFault> {
    let parts = parts(message)?;
    let metadata = parts.metadata.map(|part| metadata(part, symbols)).transpose()?;
    let labels = match labels(&parts.refs, symbols) {
        Ok(labels) => match metadata.as_ref().filter(|_| metadata_labels) {
            Some(metadata) => with_metadata(&labels, metadata),
            None => labels,
        },
        Err(fault) => {
            decoded.faults.push(fault);
            decoded.invalid += parts.samples.len() + parts.histograms.len();
            return Ok(());
        }
    };
    if labels.metric_name().is_empty() {
        decoded
            .faults
            .push(format!("invalid metric name or labels, got {labels}"));
        decoded.invalid += parts.samples.len() + parts.histograms.len();
        return Ok(());
    }
    if parts.samples.is_empty() && parts.histograms.is_empty() {
        decoded.faults.push(format!(
            "TimeSeries must contain at least one sample or histogram for series {labels}"
        ));
        return Ok(());
    }
    let series = store.resolve(&labels).map_err(WriteFault::Store)?;
    let number = decoded.series.len() as u32;
    decoded.series.push(labels);
    for part in &parts.samples {
        let (time, value, start) = number_at(part, 3)?;
        decoded.batch.push_float(series, time, value);
        decoded
            .batch
            .set_start_time(if start == 0 { parts.created } else { start });
        decoded.samples.push((number, false));
    }
    for part in &parts.histograms {
        if let Some((time, value, start)) = one_histogram(part, number, decoded)? {
            decoded.batch.push_histogram(series, time, value);
            decoded
                .batch
                .set_start_time(if start == 0 { parts.created } else { start });
            decoded.samples.push((number, true));
        }
    }
    for part in &parts.exemplars {
        one_exemplar(part, symbols, series, number, decoded)?;
    }
    if let Some(metadata) = metadata {
        decoded.batch.push_metadata(series, metadata);
    }
    Ok(())
}

/// The labels with type and unit, of which those that are known replace what the labels say.
fn with_metadata(labels: &Labels, metadata: &SeriesMetadata) -> Labels {
    let kind = match metadata.kind {
        MetadataKind::Unknown => "",
        MetadataKind::Counter => "counter",
        MetadataKind::Gauge => "gauge",
        MetadataKind::Histogram => "histogram",
        MetadataKind::GaugeHistogram => "gaugehistogram",
        MetadataKind::Summary => "summary",
        MetadataKind::Info => "info",
        MetadataKind::StateSet => "stateset",
    };
    if kind.is_empty() && metadata.unit.is_empty() {
        return labels.clone();
    }
    let mut builder = LabelsBuilder::from(labels);
    // A label without a value is none.
    builder.set("__type__", kind).set("__unit__", &metadata.unit);
    builder.labels()
}

fn one_histogram(
    part: &[u8],
    series: u32,
    decoded: &mut DecodedV2,
) -> Result<Option<(i64, HistogramValue, i64)>, WriteFault> {
    let message = HistogramMessage::decode(part).map_err(|e| WriteFault::Malformed(format!("proto: {e}")))?;
    let (_, _, start) = number_at(part, 17)?;
    let time = message.timestamp;
    Ok(match message.into_value() {
        Ok(value) => Some((time, value, start)),
        Err(fault) => {
            decoded.fault(&fault, series);
            None
        }
    })
}

fn one_exemplar(
    part: &[u8],
    symbols: &[&str],
    series: SeriesRef,
    number: u32,
    decoded: &mut DecodedV2,
) -> Result<(), WriteFault> {
    let mut refs = Vec::new();
    let (mut value, mut time) = (0.0, 0);
    let mut fields = Fields::new(part);
    while let Some(field) = fields.next_field()? {
        match field {
            (1, Value::Bytes(packed)) => push_packed(packed, &mut refs)?,
            (1, Value::Varint(one)) => refs.push(one as u32),
            (2, Value::Fixed64(bits)) => value = f64::from_bits(bits),
            (3, Value::Varint(bits)) => time = bits as i64,
            _ => {}
        }
    }
    match labels(&refs, symbols) {
        Ok(labels) => {
            decoded
                .batch
                .push_exemplar(series, Exemplar { labels, value, time });
            decoded.exemplars += 1;
        }
        Err(fault) => decoded.fault(&fault, number),
    }
    Ok(())
}

impl DecodedV2 {
    /// Whether there is nothing to store.
    pub(super) fn is_empty(&self) -> bool {
        self.samples.is_empty() && self.exemplars == 0
    }

    /// Something of a series was left out.
    pub(super) fn fault(&mut self, why: &dyn std::fmt::Display, series: u32) {
        let labels = self.series.get(series as usize).cloned().unwrap_or_default();
        self.faults.push(format!("{why} for series {labels}"));
    }
}

/// Value (field 1), time (field 2), and the start time in the field that the message has it in.
fn number_at(part: &[u8], start_field: u64) -> Result<(i64, f64, i64), WireError> {
    let (mut time, mut value, mut start) = (0, 0.0, 0);
    let mut fields = Fields::new(part);
    while let Some(field) = fields.next_field()? {
        match field {
            (1, Value::Fixed64(bits)) => value = f64::from_bits(bits),
            (2, Value::Varint(bits)) => time = bits as i64,
            (field, Value::Varint(bits)) if field == start_field => start = bits as i64,
            _ => {}
        }
    }
    Ok((time, value, start))
}

/// Labels that the numbers point to. Labels without a value are as good as not there.
fn labels(refs: &[u32], symbols: &[&str]) -> Result<Labels, String> {
    if !refs.len().is_multiple_of(2) {
        return Err(format!(
            "parsing labels for series {refs:?}: invalid labelRefs length {}",
            refs.len()
        ));
    }
    let symbol = |at: u32| symbols.get(at as usize).copied();
    let mut pairs: Vec<(&str, &str)> = Vec::with_capacity(refs.len() / 2);
    for pair in refs.chunks_exact(2) {
        let found = match pair {
            [name, value] => symbol(*name).zip(symbol(*value)),
            _ => None,
        };
        let Some((name, value)) = found else {
            return Err(format!(
                "parsing labels for series {refs:?}: labelRefs {pair:?} (name) = {pair:?} (value) outside of symbols table (size {})",
                symbols.len()
            ));
        };
        pairs.push((name, value));
    }
    pairs.sort_unstable();
    let twice = pairs
        .windows(2)
        .find_map(|two| matches!(two, [a, b] if a.0 == b.0).then(|| two.first().map_or("", |a| a.0)));
    let empty = pairs.iter().any(|(name, _)| name.is_empty());
    pairs.retain(|(_, value)| !value.is_empty());
    let labels = Labels::from_sorted(pairs);
    match twice {
        Some(name) => Err(format!(
            "invalid labels for series, labels {labels}, duplicated label {name}"
        )),
        None if empty => Err(format!("invalid metric name or labels, got {labels}")),
        None => Ok(labels),
    }
}

fn metadata(part: &[u8], symbols: &[&str]) -> Result<SeriesMetadata, WireError> {
    let mut metadata = SeriesMetadata::default();
    let text = |at: u64| {
        usize::try_from(at)
            .ok()
            .and_then(|at| symbols.get(at))
            .map_or_else(String::new, |text| (*text).to_owned())
    };
    let mut fields = Fields::new(part);
    while let Some(field) = fields.next_field()? {
        match field {
            (1, Value::Varint(kind)) => metadata.kind = kind_of(kind),
            (3, Value::Varint(at)) => metadata.help = text(at),
            (4, Value::Varint(at)) => metadata.unit = text(at),
            _ => {}
        }
    }
    Ok(metadata)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn type_and_unit_replace_what_the_sender_says_of_them() {
        let labels = Labels::from_pairs([("__name__", "m"), ("__type__", "x"), ("__unit__", "y")]);
        let said = |kind, unit: &str| {
            let metadata = SeriesMetadata {
                kind,
                unit: unit.to_owned(),
                ..SeriesMetadata::default()
            };
            with_metadata(&labels, &metadata).to_string()
        };
        assert_eq!(
            said(MetadataKind::Counter, "seconds"),
            r#"{__name__="m", __type__="counter", __unit__="seconds"}"#
        );
        assert_eq!(
            said(MetadataKind::Gauge, ""),
            r#"{__name__="m", __type__="gauge"}"#
        );
        assert_eq!(said(MetadataKind::Unknown, ""), labels.to_string());
    }

    #[test]
    fn numbers_point_into_the_table() {
        let symbols = ["", "__name__", "m", "job", "a"];
        let read = |refs: &[u32]| labels(refs, &symbols).map(|l| l.to_string());
        assert_eq!(read(&[3, 4, 1, 2]).as_deref(), Ok(r#"{__name__="m", job="a"}"#));
        assert_eq!(read(&[1, 2, 3, 0]).as_deref(), Ok(r#"{__name__="m"}"#));
        for wrong in [&[1][..], &[1, 5], &[u32::MAX, 2], &[3, 4, 3, 2], &[0, 4]] {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
    }
}
