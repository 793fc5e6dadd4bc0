//! Classic buckets, sum and count of one label set to one native histogram with custom buckets.
//!
//! Source: Prometheus `util/convertnhcb`.

use std::sync::Arc;

use narthex_model::histogram::CUSTOM_BUCKETS_SCHEMA;
use narthex_model::{FloatHistogram, Histogram, HistogramValue, ResetHint, Span};

/// Above this a float does not hold every whole number.
const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;

/// A classic histogram, part by part.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct ClassicBuckets {
    /// Bounds, ascending, with the observations up to each.
    buckets: Vec<(f64, f64)>,
    count: Option<f64>,
    sum: Option<f64>,
    is_broken: bool,
}

impl ClassicBuckets {
    /// Whether nothing has been set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Forgets everything and keeps the memory.
    pub fn clear(&mut self) {
        self.buckets.clear();
        self.count = None;
        self.sum = None;
        self.is_broken = false;
    }

    /// Observations up to a bound, which may come in any order.
    pub fn set_bucket(&mut self, bound: f64, count: f64) {
        if bound.is_nan() || !(0.0..f64::INFINITY).contains(&count) {
            self.is_broken = true;
            return;
        }
        let at = self.buckets.partition_point(|(other, _)| *other < bound);
        match self.buckets.get(at) {
            Some((other, known)) if *other == bound => self.is_broken |= *known != count,
            _ => self.buckets.insert(at, (bound, count)),
        }
    }

    /// All observations.
    pub fn set_count(&mut self, count: f64) {
        self.is_broken |= !(0.0..f64::INFINITY).contains(&count);
        self.count = Some(count);
    }

    /// Sum of all observations.
    pub fn set_sum(&mut self, sum: f64) {
        self.sum = Some(sum);
    }

    /// The native histogram; none if the parts contradict each other or there are none.
    #[must_use]
    pub fn histogram(&self, is_gauge: bool) -> Option<HistogramValue> {
        if self.is_broken {
            return None;
        }
        let last = self.buckets.last().copied();
        let count = self.count.or(last.map(|(_, count)| count))?;
        let mut counts: Vec<f64> = Vec::with_capacity(self.buckets.len() + 1);
        let mut custom_values = Vec::with_capacity(self.buckets.len());
        let mut below = 0.0;
        let infinite = match last {
            Some((f64::INFINITY, _)) => None,
            _ => Some((f64::INFINITY, count)),
        };
        for (bound, cumulative) in self.buckets.iter().copied().chain(infinite) {
            if cumulative < below {
                return None;
            }
            counts.push(cumulative - below);
            below = cumulative;
            if bound != f64::INFINITY {
                custom_values.push(bound);
            }
        }
        if below != count {
            return None;
        }
        let is_whole = |value: f64| value.fract() == 0.0 && value <= WHOLE_MAX;
        let whole = is_whole(count) && self.buckets.iter().all(|(_, count)| is_whole(*count));
        let hint = if is_gauge {
            ResetHint::Gauge
        } else {
            ResetHint::Unknown
        };
        let sum = self.sum.unwrap_or_default();
        let positive_spans = vec![Span {
            offset: 0,
            length: u32::try_from(counts.len()).ok()?,
        }];
        Some(if whole {
            let mut left = 0_i64;
            let deltas = counts.iter().map(|count| {
                let delta = *count as i64 - left;
                left = *count as i64;
                delta
            });
            HistogramValue::Integer(Arc::new(Histogram {
                hint,
                schema: CUSTOM_BUCKETS_SCHEMA,
                count: count as u64,
                sum,
                positive_buckets: deltas.collect(),
                positive_spans,
                custom_values,
                ..Histogram::default()
            }))
        } else {
            HistogramValue::Float(Arc::new(FloatHistogram {
                hint,
                schema: CUSTOM_BUCKETS_SCHEMA,
                count,
                sum,
                positive_buckets: counts,
                positive_spans,
                custom_values,
                ..FloatHistogram::default()
            }))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classic(buckets: &[(f64, f64)], count: Option<f64>) -> ClassicBuckets {
        let mut classic = ClassicBuckets::default();
        for (bound, value) in buckets {
            classic.set_bucket(*bound, *value);
        }
        if let Some(count) = count {
            classic.set_count(count);
        }
        classic.set_sum(2.5);
        classic
    }

    #[test]
    fn buckets_become_custom_ones() {
        let parts = classic(&[(1.0, 2.0), (0.5, 1.0), (f64::INFINITY, 5.0)], Some(5.0));
        let Some(HistogramValue::Integer(h)) = parts.histogram(false) else {
            panic!("whole counts")
        };
        assert_eq!((h.schema, h.count, h.sum), (CUSTOM_BUCKETS_SCHEMA, 5, 2.5));
        assert_eq!(
            (&h.custom_values[..], &h.positive_buckets[..]),
            (&[0.5, 1.0][..], &[1, 0, 2][..])
        );
        h.validate().unwrap();
        let parts = classic(&[(1.0, 2.5)], Some(5.0));
        let Some(HistogramValue::Float(h)) = parts.histogram(true) else {
            panic!("a fraction")
        };
        assert_eq!(
            (&h.positive_buckets[..], h.hint),
            (&[2.5, 2.5][..], ResetHint::Gauge)
        );
        h.validate().unwrap();
    }

    #[test]
    fn contradictions_become_nothing() {
        for parts in [
            classic(&[(1.0, 2.0), (2.0, 1.0)], Some(2.0)),
            classic(&[(1.0, 2.0), (1.0, 3.0)], Some(3.0)),
            classic(&[(f64::NAN, 2.0)], Some(3.0)),
            classic(&[(1.0, -2.0)], Some(3.0)),
            classic(&[(f64::INFINITY, 2.0)], Some(3.0)),
            classic(&[], None),
        ] {
            assert_eq!(parts.histogram(false), None, "{parts:?}");
        }
    }
}
