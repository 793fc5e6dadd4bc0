//! Native histograms between the model and the log.

use std::sync::Arc;

use narthex_format::histogram as stored;
use narthex_model::{FloatHistogram, Histogram, HistogramValue, ResetHint, Span};

/// A histogram as the log keeps it.
pub(crate) enum Stored {
    Integer(stored::Histogram),
    Float(stored::FloatHistogram),
}

macro_rules! convert {
    ($from:expr, $hint:expr, $span:expr, $to:ident) => {
        $to {
            hint: $hint,
            schema: $from.schema,
            zero_threshold: $from.zero_threshold,
            zero_count: $from.zero_count,
            count: $from.count,
            sum: $from.sum,
            positive_spans: $from.positive_spans.iter().map($span).collect(),
            negative_spans: $from.negative_spans.iter().map($span).collect(),
            positive_buckets: $from.positive_buckets.clone(),
            negative_buckets: $from.negative_buckets.clone(),
            custom_values: $from.custom_values.clone(),
        }
    };
}

use stored::HistogramFields;

pub(crate) fn to_stored(value: &HistogramValue) -> Stored {
    let span = |s: &Span| stored::Span {
        offset: s.offset,
        length: s.length,
    };
    match value {
        HistogramValue::Integer(h) => {
            Stored::Integer(convert!(h, hint_number(h.hint), span, HistogramFields))
        }
        HistogramValue::Float(h) => Stored::Float(convert!(h, hint_number(h.hint), span, HistogramFields)),
    }
}

pub(crate) fn from_integer(h: &stored::Histogram) -> HistogramValue {
    HistogramValue::Integer(Arc::new(convert!(h, hint(h.hint), from_span, Histogram)))
}

pub(crate) fn from_float(h: &stored::FloatHistogram) -> HistogramValue {
    HistogramValue::Float(Arc::new(convert!(h, hint(h.hint), from_span, FloatHistogram)))
}

fn from_span(s: &stored::Span) -> Span {
    Span {
        offset: s.offset,
        length: s.length,
    }
}

const fn hint_number(hint: ResetHint) -> u8 {
    match hint {
        ResetHint::Unknown => 0,
        ResetHint::Reset => 1,
        ResetHint::NotReset => 2,
        ResetHint::Gauge => 3,
    }
}

const fn hint(number: u8) -> ResetHint {
    match number {
        1 => ResetHint::Reset,
        2 => ResetHint::NotReset,
        3 => ResetHint::Gauge,
        _ => ResetHint::Unknown,
    }
}
