//! A sample of a protobuf page, its series and its exemplars; labels are read only when they are asked for.

use std::borrow::Cow;

use narthex_model::sample::NORMAL_NAN;
use narthex_model::{METRIC_NAME, SampleValue};

use super::super::float::format_float;
use super::super::labels::LabelList;
use super::wire::{Message, ProtobufError, Value};

/// Milliseconds of a second.
const SECOND_MS: i64 = 1000;

/// One sample.
#[derive(Debug)]
pub struct ProtobufSample<'s, 'a> {
    /// Equal bytes are the same series, on every page.
    pub key: &'s [u8],
    /// The value; every NaN has the bits of [`NORMAL_NAN`].
    pub value: SampleValue,
    /// Time in Unix milliseconds, if the target says one.
    pub timestamp: Option<i64>,
    /// Since when it has been counted in Unix milliseconds, if the target says so.
    pub start_time: Option<i64>,
    /// Its exemplars.
    pub exemplars: &'s [ProtobufExemplar<'a>],
    pub(super) series: Series<'a>,
}

impl<'a> ProtobufSample<'_, 'a> {
    /// Reads and checks the labels of the sample's series.
    ///
    /// # Errors
    /// What is wrong with the labels and where.
    pub fn labels(&self, out: &mut LabelList<'a>) -> Result<(), ProtobufError> {
        out.clear();
        let Series {
            name,
            suffix,
            metric,
            bound,
        } = self.series;
        let name = match suffix {
            "" => Cow::Borrowed(name),
            suffix => Cow::Owned(format!("{name}{suffix}")),
        };
        out.push(Cow::Borrowed(METRIC_NAME), name);
        read_labels(metric, out)?;
        if let Some((name, bound)) = bound {
            out.push(Cow::Borrowed(name), Cow::Owned(format_float(bound)));
        }
        match out.first_repeated() {
            None => Ok(()),
            Some(name) => Err(ProtobufError {
                message: format!("label name {name:?} is not unique: invalid sample"),
                offset: metric.offset,
            }),
        }
    }
}

/// What names a series.
#[derive(Debug, Clone, Copy)]
pub(super) struct Series<'a> {
    /// The family.
    pub(super) name: &'a str,
    pub(super) suffix: &'static str,
    /// The message `Metric`, whose fields of number 1 are the labels.
    pub(super) metric: Message<'a>,
    /// `le` or `quantile`.
    pub(super) bound: Option<(&'static str, f64)>,
}

/// An example of what was counted.
#[derive(Debug, Clone, Copy)]
pub struct ProtobufExemplar<'a> {
    message: Message<'a>,
    /// Its value.
    pub value: f64,
    /// Its time in Unix milliseconds, if said.
    pub timestamp: Option<i64>,
}

impl<'a> ProtobufExemplar<'a> {
    pub(super) fn read(message: Message<'a>) -> Result<Self, ProtobufError> {
        let mut exemplar = Self {
            message,
            value: 0.0,
            timestamp: None,
        };
        let mut fields = message.fields();
        while let Some(field) = fields.next_field()? {
            match field {
                (2, Value::Fixed64(bits)) => exemplar.value = number(bits),
                (3, Value::Message(time)) => exemplar.timestamp = Some(timestamp(time)?),
                _ => {}
            }
        }
        Ok(exemplar)
    }

    /// Reads the exemplar's labels into `out`.
    ///
    /// # Errors
    /// What is wrong with the labels and where.
    pub fn labels(&self, out: &mut LabelList<'a>) -> Result<(), ProtobufError> {
        out.clear();
        read_labels(self.message, out)
    }
}

/// The labels of a message that has them as fields of number 1: metrics and exemplars do.
fn read_labels<'a>(message: Message<'a>, out: &mut LabelList<'a>) -> Result<(), ProtobufError> {
    let mut fields = message.fields();
    while let Some(field) = fields.next_field()? {
        let (1, Value::Message(pair)) = field else {
            continue;
        };
        let (mut name, mut value) = ("", "");
        let mut parts = pair.fields();
        while let Some(part) = parts.next_field()? {
            match part {
                (1, Value::Message(text)) => name = text.text("a label name")?,
                (2, Value::Message(text)) => value = text.text("a label value")?,
                _ => {}
            }
        }
        if name.is_empty() {
            return Err(ProtobufError {
                message: "proto: a label without a name".to_owned(),
                offset: pair.offset,
            });
        }
        out.push(Cow::Borrowed(name), Cow::Borrowed(value));
    }
    Ok(())
}

/// `google.protobuf.Timestamp` in Unix milliseconds.
pub(super) fn timestamp(message: Message<'_>) -> Result<i64, ProtobufError> {
    let (mut seconds, mut nanos) = (0_i64, 0_i64);
    let mut fields = message.fields();
    while let Some(field) = fields.next_field()? {
        match field {
            (1, Value::Varint(value)) => seconds = value as i64,
            (2, Value::Varint(value)) => nanos = i64::from(value as i32),
            _ => {}
        }
    }
    Ok(seconds
        .saturating_mul(SECOND_MS)
        .saturating_add(nanos / 1_000_000))
}

/// A float from its bits, with one NaN for all.
pub(super) fn number(bits: u64) -> f64 {
    let value = f64::from_bits(bits);
    if value.is_nan() {
        f64::from_bits(NORMAL_NAN)
    } else {
        value
    }
}
