//! The message `Histogram`: classic buckets, a native histogram, or both.

use std::sync::Arc;

use narthex_model::{FloatHistogram, Histogram, HistogramValue, ResetHint, Span};

use super::sample::{ProtobufExemplar, number, timestamp};
use super::wire::{Message, ProtobufError, Value, zigzag};

/// A classic bucket.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bucket<'a> {
    /// Observations up to the bound.
    pub(super) count: f64,
    pub(super) bound: f64,
    pub(super) exemplar: Option<ProtobufExemplar<'a>>,
}

/// Everything that the message says. Its memory is used again for the next one.
#[derive(Debug, Default)]
pub(super) struct Parts<'a> {
    count: u64,
    count_float: f64,
    pub(super) sum: f64,
    pub(super) buckets: Vec<Bucket<'a>>,
    pub(super) start_time: Option<i64>,
    schema: i32,
    zero_threshold: f64,
    zero_count: u64,
    zero_count_float: f64,
    positive: Side,
    negative: Side,
    /// Exemplars of the native histogram.
    pub(super) exemplars: Vec<ProtobufExemplar<'a>>,
}

/// Buckets of one sign.
#[derive(Debug, Default)]
struct Side {
    spans: Vec<Span>,
    deltas: Vec<i64>,
    counts: Vec<f64>,
}

impl<'a> Parts<'a> {
    /// Reads the message in place of what was read before.
    pub(super) fn read(&mut self, message: Message<'a>) -> Result<(), ProtobufError> {
        self.clear();
        let mut fields = message.fields();
        while let Some((field, value)) = fields.next_field()? {
            match (field, value) {
                (1, Value::Varint(value)) => self.count = value,
                (2, Value::Fixed64(bits)) => self.sum = number(bits),
                (3, Value::Message(bucket)) => self.buckets.push(read_bucket(bucket)?),
                (4, Value::Fixed64(bits)) => self.count_float = number(bits),
                (5, Value::Varint(value)) => self.schema = zigzag(value) as i32,
                (6, Value::Fixed64(bits)) => self.zero_threshold = number(bits),
                (7, Value::Varint(value)) => self.zero_count = value,
                (8, Value::Fixed64(bits)) => self.zero_count_float = number(bits),
                (9..=11, value) => self.negative.field(field - 8, value)?,
                (12..=14, value) => self.positive.field(field - 11, value)?,
                (15, Value::Message(time)) => self.start_time = Some(timestamp(time)?),
                (16, Value::Message(exemplar)) => self.exemplars.push(ProtobufExemplar::read(exemplar)?),
                _ => {}
            }
        }
        Ok(())
    }

    fn clear(&mut self) {
        let Self {
            buckets, exemplars, ..
        } = std::mem::take(self);
        self.buckets = buckets;
        self.buckets.clear();
        self.exemplars = exemplars;
        self.exemplars.clear();
    }

    /// All observations.
    pub(super) fn total(&self) -> f64 {
        if self.count_float > 0.0 {
            self.count_float
        } else {
            self.count as f64
        }
    }

    /// Whether there is a native histogram. Source: Prometheus `model/textparse/protobufparse.go`.
    pub(super) fn is_native(&self) -> bool {
        !self.positive.spans.is_empty()
            || !self.negative.spans.is_empty()
            || self.zero_threshold > 0.0
            || self.zero_count > 0
            || self.zero_count_float > 0.0
    }

    /// Takes the native histogram out, checked.
    pub(super) fn take_native(
        &mut self,
        is_gauge: bool,
        offset: usize,
    ) -> Result<HistogramValue, ProtobufError> {
        let hint = if is_gauge {
            ResetHint::Gauge
        } else {
            ResetHint::Unknown
        };
        let positive = std::mem::take(&mut self.positive);
        let negative = std::mem::take(&mut self.negative);
        let (schema, zero_threshold, sum) = (self.schema, self.zero_threshold, self.sum);
        let custom_values = Vec::new();
        let is_float = self.count_float > 0.0 || self.zero_count_float > 0.0;
        let (value, validity) = if is_float {
            let histogram = FloatHistogram {
                hint,
                schema,
                zero_threshold,
                zero_count: self.zero_count_float,
                count: self.count_float,
                sum,
                positive_spans: positive.spans,
                negative_spans: negative.spans,
                positive_buckets: positive.counts,
                negative_buckets: negative.counts,
                custom_values,
            };
            let validity = histogram.validate();
            (HistogramValue::Float(Arc::new(histogram)), validity)
        } else {
            let histogram = Histogram {
                hint,
                schema,
                zero_threshold,
                zero_count: self.zero_count,
                count: self.count,
                sum,
                positive_spans: positive.spans,
                negative_spans: negative.spans,
                positive_buckets: positive.deltas,
                negative_buckets: negative.deltas,
                custom_values,
            };
            let validity = histogram.validate();
            (HistogramValue::Integer(Arc::new(histogram)), validity)
        };
        match validity {
            Ok(()) => Ok(value),
            Err(error) => Err(ProtobufError {
                message: error.to_string(),
                offset,
            }),
        }
    }
}

impl Side {
    /// Spans, deltas or counts.
    fn field(&mut self, field: u64, value: Value<'_>) -> Result<(), ProtobufError> {
        match (field, value) {
            (1, Value::Message(span)) => self.spans.push(read_span(span)?),
            (2, Value::Varint(delta)) => self.deltas.push(zigzag(delta)),
            (2, Value::Message(packed)) => {
                let mut numbers = packed.fields();
                while !numbers.is_at_end() {
                    self.deltas.push(zigzag(numbers.varint()?));
                }
            }
            (3, Value::Fixed64(bits)) => self.counts.push(number(bits)),
            (3, Value::Message(packed)) => {
                let mut numbers = packed.fields();
                while !numbers.is_at_end() {
                    self.counts.push(number(numbers.fixed64()?));
                }
            }
            _ => {}
        }
        Ok(())
    }
}

fn read_span(message: Message<'_>) -> Result<Span, ProtobufError> {
    let mut span = Span::default();
    let mut fields = message.fields();
    while let Some(field) = fields.next_field()? {
        match field {
            (1, Value::Varint(value)) => span.offset = zigzag(value) as i32,
            (2, Value::Varint(value)) => span.length = value as u32,
            _ => {}
        }
    }
    Ok(span)
}

fn read_bucket(message: Message<'_>) -> Result<Bucket<'_>, ProtobufError> {
    let mut bucket = Bucket {
        count: 0.0,
        bound: 0.0,
        exemplar: None,
    };
    let mut fields = message.fields();
    while let Some(field) = fields.next_field()? {
        match field {
            (1, Value::Varint(count)) if bucket.count == 0.0 => bucket.count = count as f64,
            (4, Value::Fixed64(bits)) if number(bits) > 0.0 => bucket.count = number(bits),
            (2, Value::Fixed64(bits)) => bucket.bound = number(bits),
            (3, Value::Message(exemplar)) => bucket.exemplar = Some(ProtobufExemplar::read(exemplar)?),
            _ => {}
        }
    }
    Ok(bucket)
}
