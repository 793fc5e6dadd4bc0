//! Native histograms with fewer buckets: what jobs may ask for, and what a limit enforces.

use std::sync::Arc;

use narthex_model::{FloatHistogram, Histogram, HistogramValue, Span};

/// Schemas with exponential buckets.
const COARSEST: i32 = -4;
const FINEST: i32 = 8;

/// The finest schema whose buckets grow at least by `factor`. Source: Prometheus `scrape/scrape.go`.
pub(super) fn schema_of_factor(factor: f64) -> i32 {
    if factor.is_nan() || factor <= 1.0 {
        return FINEST;
    }
    let floor = factor.log2().log2().floor();
    -floor.clamp(f64::from(-FINEST), f64::from(-COARSEST)) as i32
}

/// The histogram with a schema of at most `finest` and at most `limit` buckets (0: any number); none if there is no
/// such form.
pub(super) fn fit(value: HistogramValue, finest: i32, limit: usize) -> Option<HistogramValue> {
    let (schema, mut buckets) = size(&value);
    let is_exponential = (COARSEST..=FINEST).contains(&schema);
    let mut value = value;
    let mut at = schema;
    if is_exponential && at > finest {
        at = finest;
        value = reduced(&value, at);
        buckets = size(&value).1;
    }
    while limit > 0 && buckets > limit {
        if !is_exponential || at <= COARSEST {
            return None;
        }
        at -= 1;
        value = reduced(&value, at);
        buckets = size(&value).1;
    }
    Some(value)
}

/// Schema and number of buckets.
fn size(value: &HistogramValue) -> (i32, usize) {
    match value {
        HistogramValue::Integer(h) => (h.schema, h.positive_buckets.len() + h.negative_buckets.len()),
        HistogramValue::Float(h) => (h.schema, h.positive_buckets.len() + h.negative_buckets.len()),
    }
}

fn reduced(value: &HistogramValue, schema: i32) -> HistogramValue {
    match value {
        HistogramValue::Integer(h) => HistogramValue::Integer(Arc::new(reduced_integer(h, schema))),
        HistogramValue::Float(h) => {
            let mut h = FloatHistogram::clone(h);
            h.reduce_resolution(schema);
            HistogramValue::Float(Arc::new(h))
        }
    }
}

fn reduced_integer(h: &Histogram, schema: i32) -> Histogram {
    let steps = h.schema.saturating_sub(schema).clamp(0, 31);
    let (positive_spans, positive_buckets) = merged(&h.positive_spans, &h.positive_buckets, steps);
    let (negative_spans, negative_buckets) = merged(&h.negative_spans, &h.negative_buckets, steps);
    Histogram {
        schema,
        positive_spans,
        negative_spans,
        positive_buckets,
        negative_buckets,
        ..h.clone()
    }
}

/// Buckets merged by twos, `steps` times.
fn merged(spans: &[Span], deltas: &[i64], steps: i32) -> (Vec<Span>, Vec<i64>) {
    let mut found: Vec<(i64, i64)> = Vec::new();
    let (mut index, mut count) = (0_i64, 0_i64);
    let mut deltas = deltas.iter();
    for span in spans {
        index += i64::from(span.offset);
        for delta in deltas.by_ref().take(span.length as usize) {
            count = count.wrapping_add(*delta);
            let target = ((index - 1) >> steps) + 1;
            match found.last_mut() {
                Some((last, total)) if *last == target => *total = total.wrapping_add(count),
                _ => found.push((target, count)),
            }
            index += 1;
        }
    }
    let mut spans: Vec<Span> = Vec::new();
    let (mut next, mut left) = (0, 0);
    let mut deltas = Vec::with_capacity(found.len());
    for (index, count) in found {
        match spans.last_mut() {
            Some(span) if index == next => span.length += 1,
            _ => spans.push(Span {
                offset: i32::try_from(index - next).unwrap_or(i32::MAX),
                length: 1,
            }),
        }
        next = index + 1;
        deltas.push(count.wrapping_sub(left));
        left = count;
    }
    (spans, deltas)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors_choose_schemas() {
        for (factor, schema) in [
            (0.0, 8),
            (1.0, 8),
            (1.1, 3),
            (2.0, 0),
            (4.0, -1),
            (65536.0, -4),
            (1e300, -4),
        ] {
            assert_eq!(schema_of_factor(factor), schema, "{factor}");
        }
    }

    #[test]
    fn whole_counts_are_merged_as_fractions_are() {
        let histogram = Histogram {
            schema: 2,
            count: 3 + 5 + 4 + 1 + 7,
            sum: 1.0,
            positive_spans: vec![
                Span {
                    offset: -3,
                    length: 2,
                },
                Span { offset: 2, length: 3 },
            ],
            positive_buckets: vec![3, 2, -1, -3, 6],
            ..Histogram::default()
        };
        histogram.validate().unwrap();
        for schema in -4..=2 {
            let merged = reduced_integer(&histogram, schema);
            merged.validate().unwrap();
            let mut float = histogram.to_float();
            float.reduce_resolution(schema);
            assert!(
                merged.to_float().same_data(&float),
                "{schema}: {merged:?} {float:?}"
            );
        }
        let value = HistogramValue::Integer(Arc::new(histogram));
        let small = fit(value.clone(), 8, 2).unwrap();
        assert!(size(&small).1 <= 2);
        assert_eq!(size(&fit(value.clone(), 1, 0).unwrap()).0, 1);
        assert_eq!(fit(value.clone(), 8, 5), Some(value));
    }
}
