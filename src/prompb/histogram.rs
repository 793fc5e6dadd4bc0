//! Native histograms as messages, and what must hold before one is stored.

use std::sync::Arc;

use narthex_model::histogram::CUSTOM_BUCKETS_SCHEMA;
use narthex_model::{FloatHistogram, Histogram, HistogramValue, ResetHint, Span};

/// A histogram as Prometheus's `prompb.Histogram` has it.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct HistogramMessage {
    #[prost(uint64, optional, tag = "1")]
    count_int: Option<u64>,
    #[prost(double, optional, tag = "2")]
    count_float: Option<f64>,
    #[prost(double, tag = "3")]
    sum: f64,
    #[prost(sint32, tag = "4")]
    schema: i32,
    #[prost(double, tag = "5")]
    zero_threshold: f64,
    #[prost(uint64, optional, tag = "6")]
    zero_count_int: Option<u64>,
    #[prost(double, optional, tag = "7")]
    zero_count_float: Option<f64>,
    #[prost(message, repeated, tag = "8")]
    negative_spans: Vec<SpanMessage>,
    #[prost(sint64, repeated, tag = "9")]
    negative_deltas: Vec<i64>,
    #[prost(double, repeated, tag = "10")]
    negative_counts: Vec<f64>,
    #[prost(message, repeated, tag = "11")]
    positive_spans: Vec<SpanMessage>,
    #[prost(sint64, repeated, tag = "12")]
    positive_deltas: Vec<i64>,
    #[prost(double, repeated, tag = "13")]
    positive_counts: Vec<f64>,
    #[prost(int32, tag = "14")]
    reset_hint: i32,
    /// Unix milliseconds.
    #[prost(int64, tag = "15")]
    pub(crate) timestamp: i64,
    #[prost(double, repeated, tag = "16")]
    custom_values: Vec<f64>,
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
struct SpanMessage {
    #[prost(sint32, tag = "1")]
    offset: i32,
    #[prost(uint32, tag = "2")]
    length: u32,
}

impl HistogramMessage {
    /// The message that says what `value` is at `timestamp` (Unix milliseconds).
    pub(crate) fn of(value: &HistogramValue, timestamp: i64) -> Self {
        match value {
            HistogramValue::Integer(h) => Self {
                count_int: Some(h.count),
                sum: h.sum,
                schema: h.schema,
                zero_threshold: h.zero_threshold,
                zero_count_int: Some(h.zero_count),
                negative_spans: span_messages(&h.negative_spans),
                negative_deltas: h.negative_buckets.clone(),
                positive_spans: span_messages(&h.positive_spans),
                positive_deltas: h.positive_buckets.clone(),
                reset_hint: hint_number(h.hint),
                timestamp,
                custom_values: h.custom_values.clone(),
                ..Self::default()
            },
            HistogramValue::Float(h) => Self {
                count_float: Some(h.count),
                sum: h.sum,
                schema: h.schema,
                zero_threshold: h.zero_threshold,
                zero_count_float: Some(h.zero_count),
                negative_spans: span_messages(&h.negative_spans),
                negative_counts: h.negative_buckets.clone(),
                positive_spans: span_messages(&h.positive_spans),
                positive_counts: h.positive_buckets.clone(),
                reset_hint: hint_number(h.hint),
                timestamp,
                custom_values: h.custom_values.clone(),
                ..Self::default()
            },
        }
    }

    /// The histogram, if its parts fit together.
    pub(crate) fn into_value(self) -> Result<HistogramValue, String> {
        if !(-4..=8).contains(&self.schema) && self.schema != CUSTOM_BUCKETS_SCHEMA {
            return Err(format!(
                "histogram with unknown schema {}: it must be -4 to 8, or -53 for custom buckets",
                self.schema
            ));
        }
        let is_float =
            self.count_float.is_some() || self.count_int.is_none() && self.zero_count_float.is_some();
        let hint = match self.reset_hint {
            1 => ResetHint::Reset,
            2 => ResetHint::NotReset,
            3 => ResetHint::Gauge,
            _ => ResetHint::Unknown,
        };
        let spans = |spans: Vec<SpanMessage>| -> Vec<Span> {
            spans
                .into_iter()
                .map(|s| Span {
                    offset: s.offset,
                    length: s.length,
                })
                .collect()
        };
        if is_float {
            let histogram = FloatHistogram {
                hint,
                schema: self.schema,
                zero_threshold: self.zero_threshold,
                zero_count: self.zero_count_float.unwrap_or_default(),
                count: self.count_float.unwrap_or_default(),
                sum: self.sum,
                positive_spans: spans(self.positive_spans),
                negative_spans: spans(self.negative_spans),
                positive_buckets: self.positive_counts,
                negative_buckets: self.negative_counts,
                custom_values: self.custom_values,
            };
            histogram.validate().map_err(|e| e.to_string())?;
            Ok(HistogramValue::Float(Arc::new(histogram)))
        } else {
            let histogram = Histogram {
                hint,
                schema: self.schema,
                zero_threshold: self.zero_threshold,
                zero_count: self.zero_count_int.unwrap_or_default(),
                count: self.count_int.unwrap_or_default(),
                sum: self.sum,
                positive_spans: spans(self.positive_spans),
                negative_spans: spans(self.negative_spans),
                positive_buckets: self.positive_deltas,
                negative_buckets: self.negative_deltas,
                custom_values: self.custom_values,
            };
            histogram.validate().map_err(|e| e.to_string())?;
            Ok(HistogramValue::Integer(Arc::new(histogram)))
        }
    }
}

fn span_messages(spans: &[Span]) -> Vec<SpanMessage> {
    let message = |s: &Span| SpanMessage {
        offset: s.offset,
        length: s.length,
    };
    spans.iter().map(message).collect()
}

fn hint_number(hint: ResetHint) -> i32 {
    match hint {
        ResetHint::Unknown => 0,
        ResetHint::Reset => 1,
        ResetHint::NotReset => 2,
        ResetHint::Gauge => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message() -> HistogramMessage {
        HistogramMessage {
            count_int: Some(3),
            sum: 1.5,
            positive_spans: vec![SpanMessage { offset: 0, length: 2 }],
            positive_deltas: vec![1, 1],
            ..HistogramMessage::default()
        }
    }

    #[test]
    fn parts_must_fit_together() {
        let Ok(HistogramValue::Integer(histogram)) = message().into_value() else {
            panic!("an integer histogram")
        };
        assert_eq!((histogram.count, histogram.positive_buckets.len()), (3, 2));
        let float = HistogramMessage {
            count_int: None,
            count_float: Some(3.0),
            positive_deltas: vec![],
            positive_counts: vec![1.0, 2.0],
            ..message()
        };
        assert!(matches!(float.into_value(), Ok(HistogramValue::Float(_))));
        for broken in [
            HistogramMessage {
                schema: 9,
                ..message()
            },
            HistogramMessage {
                positive_deltas: vec![],
                ..message()
            },
            HistogramMessage {
                positive_spans: vec![
                    SpanMessage { offset: 0, length: 1 },
                    SpanMessage {
                        offset: -1,
                        length: 1,
                    },
                ],
                ..message()
            },
            HistogramMessage {
                positive_spans: vec![
                    SpanMessage {
                        offset: 0,
                        length: u32::MAX
                    };
                    3
                ],
                ..message()
            },
        ] {
            assert!(broken.into_value().is_err());
        }
    }
}
