//! A write request's bytes into a batch: no object per series, label or sample; labels are parsed for new series only.
//!
//! Source of the message: Prometheus `prompb/remote.proto` and `prompb/types.proto`.

use narthex_model::{Labels, METRIC_NAME};
use narthex_tsdb::{Batch, Db, Exemplar, Policy, SeriesRef};
use prost::Message;

use super::receiver::WriteFault;
use super::series_cache::SeriesCache;
use super::wire::{Fields, Value, WireError};
use crate::prompb::HistogramMessage;

/// What became of a request's bytes.
#[derive(Debug, Default)]
pub(super) struct Decoded {
    pub(super) batch: Batch,
    /// Samples whose labels cannot name a series.
    pub(super) invalid: usize,
}

/// From the bytes of labels to series, by what is remembered or by asking the store.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lookup<'a> {
    pub(super) cache: &'a SeriesCache,
    pub(super) store: &'a Db,
    /// Whether to ask the store about all: it has dropped a series that was remembered.
    pub(super) afresh: bool,
}

/// Reads a request.
pub(super) fn decode(request: &[u8], lookup: Lookup<'_>, now_ms: i64) -> Result<Decoded, WriteFault> {
    let mut decoded = Decoded {
        batch: Batch::new(now_ms).with_policy(Policy::Abort),
        invalid: 0,
    };
    let mut fields = Fields::new(request);
    let mut scratch = Vec::new();
    while let Some((number, value)) = fields.next_field()? {
        if let (1, Value::Bytes(series)) = (number, value) {
            one_series(series, lookup, &mut decoded, &mut scratch)?;
        }
    }
    Ok(decoded)
}

fn one_series(
    message: &[u8],
    lookup: Lookup<'_>,
    decoded: &mut Decoded,
    scratch: &mut Vec<u8>,
) -> Result<(), WriteFault> {
    let labels = label_bytes(message, scratch)?;
    let known = lookup.series(labels)?;
    let mut fields = Fields::new(message);
    while let Some((number, value)) = fields.next_field()? {
        let Value::Bytes(part) = value else { continue };
        let Some(series) = known else {
            decoded.invalid += usize::from(number == 2 || number == 4);
            continue;
        };
        match number {
            2 => {
                let (time, value) = sample(part)?;
                decoded.batch.push_float(series, time, value);
            }
            4 => {
                let histogram = HistogramMessage::decode(part)
                    .map_err(|e| WriteFault::Malformed(format!("proto: {e}")))?;
                let time = histogram.timestamp;
                let value = histogram.into_value().map_err(WriteFault::Malformed)?;
                decoded.batch.push_histogram(series, time, value);
            }
            3 => {
                if let Some(exemplar) = exemplar(part)? {
                    decoded.batch.push_exemplar(series, exemplar);
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// The bytes of all labels. They stand behind each other in what every sender writes; where they do not they are
/// gathered in `scratch`.
fn label_bytes<'a>(message: &'a [u8], scratch: &'a mut Vec<u8>) -> Result<&'a [u8], WireError> {
    let mut fields = Fields::new(message);
    let mut run: Option<(usize, usize)> = None;
    let mut scattered = false;
    loop {
        let start = fields.position();
        let Some((number, _)) = fields.next_field()? else {
            break;
        };
        if number == 1 {
            run = match run {
                None => Some((start, fields.position())),
                Some((first, end)) => {
                    scattered |= end != start;
                    Some((first, fields.position()))
                }
            };
        }
    }
    let (first, end) = run.unwrap_or_default();
    if !scattered {
        return Ok(message.get(first..end).unwrap_or_default());
    }
    scratch.clear();
    let mut fields = Fields::new(message);
    loop {
        let start = fields.position();
        let Some((number, _)) = fields.next_field()? else {
            return Ok(scratch);
        };
        if number == 1 {
            scratch.extend_from_slice(message.get(start..fields.position()).unwrap_or_default());
        }
    }
}

impl Lookup<'_> {
    /// The series with these labels; `None` if they cannot name one.
    fn series(self, labels: &[u8]) -> Result<Option<SeriesRef>, WriteFault> {
        let key = self.cache.key(labels);
        if !self.afresh
            && let Some(series) = self.cache.get(key)
        {
            return Ok(Some(series));
        }
        let Some(labels) = parse_labels(labels)? else {
            return Ok(None);
        };
        let series = self.store.resolve(&labels).map_err(WriteFault::Store)?;
        self.cache.insert(key, series);
        Ok(Some(series))
    }
}

/// Labels of a series; `None` if they cannot name one: no metric name, an empty or repeated name, text that is not
/// UTF-8. Labels without a value are as good as not there.
fn parse_labels(bytes: &[u8]) -> Result<Option<Labels>, WireError> {
    let mut pairs: Vec<(&str, &str)> = Vec::new();
    let mut fields = Fields::new(bytes);
    while let Some((_, value)) = fields.next_field()? {
        let Value::Bytes(label) = value else { continue };
        match pair(label)? {
            Some(pair) => pairs.push(pair),
            None => return Ok(None),
        }
    }
    pairs.sort_unstable();
    let repeated = pairs.windows(2).any(|pair| matches!(pair, [a, b] if a.0 == b.0));
    pairs.retain(|(_, text)| !text.is_empty());
    if repeated || !pairs.iter().any(|(name, _)| *name == METRIC_NAME) {
        return Ok(None);
    }
    Ok(Some(Labels::from_sorted(pairs)))
}

/// An exemplar; none if its labels cannot be kept, which is no fault of the samples.
fn exemplar(message: &[u8]) -> Result<Option<Exemplar>, WireError> {
    let (mut time, mut value, mut chars) = (0, 0.0, 0);
    let mut pairs: Vec<(&str, &str)> = Vec::new();
    let mut fields = Fields::new(message);
    while let Some(field) = fields.next_field()? {
        match field {
            (1, Value::Bytes(label)) => {
                let Some((name, text)) = pair(label)? else {
                    return Ok(None);
                };
                chars += name.chars().count() + text.chars().count();
                pairs.push((name, text));
            }
            (2, Value::Fixed64(bits)) => value = f64::from_bits(bits),
            (3, Value::Varint(bits)) => time = bits as i64,
            _ => {}
        }
    }
    Ok((chars <= Batch::EXEMPLAR_CHARS_MAX).then(|| Exemplar {
        labels: Labels::from_pairs(pairs),
        value,
        time,
    }))
}

/// Name and value of a label; none if they are not texts or the name is empty.
fn pair(label: &[u8]) -> Result<Option<(&str, &str)>, WireError> {
    let (mut name, mut text): (&[u8], &[u8]) = (b"", b"");
    let mut parts = Fields::new(label);
    while let Some((number, value)) = parts.next_field()? {
        match (number, value) {
            (1, Value::Bytes(bytes)) => name = bytes,
            (2, Value::Bytes(bytes)) => text = bytes,
            _ => {}
        }
    }
    Ok(match (std::str::from_utf8(name), std::str::from_utf8(text)) {
        (Ok(name), Ok(text)) if !name.is_empty() => Some((name, text)),
        _ => None,
    })
}

fn sample(message: &[u8]) -> Result<(i64, f64), WireError> {
    let (mut time, mut value) = (0, 0.0);
    let mut fields = Fields::new(message);
    while let Some(field) = fields.next_field()? {
        match field {
            (1, Value::Fixed64(bits)) => value = f64::from_bits(bits),
            (2, Value::Varint(bits)) => time = bits as i64,
            _ => {}
        }
    }
    Ok((time, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
        let mut out = vec![number << 3 | 2, bytes.len() as u8];
        out.extend_from_slice(bytes);
        out
    }

    fn label(name: &str, value: &str) -> Vec<u8> {
        field(
            1,
            &[field(1, name.as_bytes()), field(2, value.as_bytes())].concat(),
        )
    }

    #[test]
    fn labels_that_name_a_series_and_labels_that_do_not() {
        let named = |labels: &[(&str, &str)]| {
            let bytes: Vec<u8> = labels.iter().flat_map(|(n, v)| label(n, v)).collect();
            parse_labels(&bytes).unwrap().map(|l| l.to_string())
        };
        assert_eq!(
            named(&[("job", "a"), ("__name__", "m"), ("empty", "")]).as_deref(),
            Some(r#"{__name__="m", job="a"}"#)
        );
        assert_eq!(named(&[("job", "a")]), None);
        assert_eq!(named(&[("__name__", "m"), ("", "a")]), None);
        assert_eq!(named(&[("__name__", "m"), ("a", "1"), ("a", "2")]), None);
        assert_eq!(named(&[]), None);
        let broken = field(1, &field(1, &[0xff]));
        assert_eq!(parse_labels(&broken).unwrap(), None);
    }

    #[test]
    fn label_bytes_are_the_same_wherever_the_labels_stand() {
        let (a, b, sample) = (label("__name__", "m"), label("x", "y"), field(2, &[0x10, 5]));
        let together = [a.clone(), b.clone()].concat();
        for message in [
            [a.clone(), b.clone(), sample.clone()].concat(),
            [sample.clone(), a.clone(), b.clone()].concat(),
            [a, sample.clone(), b].concat(),
        ] {
            assert_eq!(label_bytes(&message, &mut Vec::new()).unwrap(), together);
        }
        assert_eq!(label_bytes(&sample, &mut Vec::new()).unwrap(), b"");
    }
}
