//! What a store answers for the counter-reset hint of a histogram whose predecessor it has.

use std::sync::Arc;

use super::value::{ResetHint, Span};
use crate::sample::HistogramValue;

/// The [`Parts`] of a histogram of either kind.
macro_rules! parts {
    ($of:expr, $counts:expr) => {
        Parts {
            layout: ($of.schema, $of.zero_threshold, &$of.custom_values),
            totals: [$of.count, $of.zero_count],
            sides: [
                (&$of.positive_spans, $counts(&$of.positive_buckets)),
                (&$of.negative_spans, $counts(&$of.negative_buckets)),
            ],
        }
    };
}

impl HistogramValue {
    /// Resolution: -4..=8, or [`CUSTOM_BUCKETS_SCHEMA`](super::CUSTOM_BUCKETS_SCHEMA).
    #[must_use]
    pub fn schema(&self) -> i32 {
        match self {
            Self::Integer(h) => h.schema,
            Self::Float(h) => h.schema,
        }
    }

    /// What the histogram says of resets.
    #[must_use]
    pub fn hint(&self) -> ResetHint {
        match self {
            Self::Integer(h) => h.hint,
            Self::Float(h) => h.hint,
        }
    }

    /// Makes the histogram say something else of resets.
    pub fn set_hint(&mut self, hint: ResetHint) {
        if self.hint() == hint {
            return;
        }
        match self {
            Self::Integer(h) => Arc::make_mut(h).hint = hint,
            Self::Float(h) => Arc::make_mut(h).hint = hint,
        }
    }

    /// The hint with which a store hands the histogram out behind `before`, the histogram just before it: a gauge stays
    /// one, a counter that goes on without a reset is "not reset", and of all else nothing is known.
    ///
    /// Source: Prometheus `tsdb/chunkenc`. What the histogram said of itself when it came counts only in so far as a
    /// gauge or a reset ends the run before it.
    #[must_use]
    pub fn hint_after(&self, before: Option<&Self>) -> ResetHint {
        match (self.hint(), before) {
            (ResetHint::Gauge, _) => ResetHint::Gauge,
            (ResetHint::Unknown | ResetHint::NotReset, Some(before)) if self.continues(before) => {
                ResetHint::NotReset
            }
            _ => ResetHint::Unknown,
        }
    }

    /// Whether a counter goes on from `before`: same kind, same layout, and no count fell.
    fn continues(&self, before: &Self) -> bool {
        if before.hint() == ResetHint::Gauge || self.is_stale() || before.is_stale() {
            return false;
        }
        match (self, before) {
            (Self::Integer(now), Self::Integer(before)) => {
                goes_on(parts!(now, absolute), parts!(before, absolute), 0)
            }
            (Self::Float(now), Self::Float(before)) => {
                goes_on(parts!(now, floats), parts!(before, floats), 0.0)
            }
            _ => false,
        }
    }
}

/// What says of a histogram whether it goes on from another.
struct Parts<'h, N, C> {
    /// Schema, end of the zero bucket, custom bounds.
    layout: (i32, f64, &'h [f64]),
    /// All observations, and those around zero.
    totals: [N; 2],
    /// Buckets above and below zero.
    sides: [(&'h [Span], C); 2],
}

fn goes_on<N: PartialOrd, C: PartialOrd + Copy>(
    now: Parts<'_, N, impl Iterator<Item = C>>,
    before: Parts<'_, N, impl Iterator<Item = C>>,
    empty: C,
) -> bool {
    let ((schema, threshold, bounds), (old_schema, old_threshold, old_bounds)) = (now.layout, before.layout);
    schema == old_schema
        && same_bits(&[threshold], &[old_threshold])
        && same_bits(bounds, old_bounds)
        && now
            .totals
            .iter()
            .zip(&before.totals)
            .all(|(now, before)| now >= before)
        && now
            .sides
            .into_iter()
            .zip(before.sides)
            .all(|((spans, counts), (old_spans, old_counts))| {
                none_fell([spans, old_spans], (counts, old_counts), empty)
            })
}

fn same_bits(a: &[f64], b: &[f64]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits())
}

/// Counts of buckets that are kept as distances from their left neighbour.
fn absolute(deltas: &[i64]) -> impl Iterator<Item = i64> {
    deltas.iter().scan(0_i64, |count, delta| {
        *count = count.wrapping_add(*delta);
        Some(*count)
    })
}

/// Counts of buckets that are kept as they are.
fn floats(counts: &[f64]) -> impl Iterator<Item = f64> {
    counts.iter().copied()
}

/// Indexes of the buckets that spans describe.
fn indexes(spans: &[Span]) -> impl Iterator<Item = i32> {
    let mut next = 0_i32;
    spans.iter().flat_map(move |span| {
        let first = next.wrapping_add(span.offset);
        next = first.wrapping_add_unsigned(span.length);
        (0..span.length).map(move |i| first.wrapping_add_unsigned(i))
    })
}

/// Whether every bucket of the second side that is not empty is in the first one, with at least its count.
fn none_fell<C: PartialOrd>(
    [now, before]: [&[Span]; 2],
    (now_counts, before_counts): (impl Iterator<Item = C>, impl Iterator<Item = C>),
    empty: C,
) -> bool {
    let mut now = indexes(now).zip(now_counts).peekable();
    indexes(before).zip(before_counts).all(|(index, count)| {
        while now.next_if(|(i, _)| *i < index).is_some() {}
        match now.peek() {
            Some((i, current)) if *i == index => *current >= count,
            _ => count == empty,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::histogram::{FloatHistogram, Histogram};
    use crate::sample::stale_nan;

    fn integer(count: u64, deltas: &[i64]) -> Histogram {
        Histogram {
            count,
            positive_spans: vec![Span {
                offset: 0,
                length: deltas.len() as u32,
            }],
            positive_buckets: deltas.to_vec(),
            ..Histogram::default()
        }
    }

    fn hint(now: Histogram, before: Histogram) -> ResetHint {
        let floats = [&now, &before].map(|h| HistogramValue::Float(Arc::new(h.to_float())));
        let [now, before] = [now, before].map(|h| HistogramValue::Integer(Arc::new(h)));
        let hint = now.hint_after(Some(&before));
        assert_eq!(floats[0].hint_after(Some(&floats[1])), hint);
        assert_eq!(now.hint_after(Some(&floats[1])), now.hint_after(None));
        hint
    }

    #[test]
    fn only_what_goes_on_is_known_not_to_be_reset() {
        use ResetHint::{Gauge, NotReset, Reset, Unknown};
        let first = || integer(3, &[1, 1]);
        let with = |change: fn(&mut Histogram)| {
            let mut histogram = integer(5, &[2, 1]);
            change(&mut histogram);
            histogram
        };
        for (now, before, expected) in [
            (with(|_| ()), first(), NotReset),
            (first(), first(), NotReset),
            (first(), with(|_| ()), Unknown),
            // A bucket that is new, and one that is gone.
            (integer(6, &[1, 1, 1]), first(), NotReset),
            (integer(6, &[3]), first(), Unknown),
            (integer(6, &[3]), integer(3, &[1, -1]), NotReset),
            (integer(6, &[4, -3]), first(), Unknown),
            (with(|h| h.schema = -1), first(), Unknown),
            (with(|h| h.zero_threshold = 0.5), first(), Unknown),
            (with(|h| h.custom_values = vec![1.0]), first(), Unknown),
            (with(|_| ()), with(|h| h.zero_count = 1), Unknown),
            (with(|h| h.hint = Reset), first(), Unknown),
            (with(|h| h.hint = NotReset), first(), NotReset),
            (first(), with(|h| h.hint = Reset), Unknown),
            (integer(9, &[9, 0]), with(|h| h.hint = Reset), NotReset),
            (with(|h| h.hint = Gauge), first(), Gauge),
            (integer(9, &[9, 0]), with(|h| h.hint = Gauge), Unknown),
            (integer(9, &[9, 0]), with(|h| h.sum = stale_nan()), Unknown),
        ] {
            assert_eq!(
                hint(now.clone(), before.clone()),
                expected,
                "{now:?} after {before:?}"
            );
        }
        let claims = HistogramValue::Float(Arc::new(FloatHistogram {
            hint: NotReset,
            ..FloatHistogram::default()
        }));
        assert_eq!(claims.hint_after(None), Unknown);
    }

    #[test]
    fn a_hint_is_set_without_touching_others() {
        let mut one = HistogramValue::Integer(Arc::new(integer(1, &[1])));
        let other = one.clone();
        one.set_hint(ResetHint::NotReset);
        assert_eq!(
            (one.hint(), other.hint()),
            (ResetHint::NotReset, ResetHint::Unknown)
        );
    }
}
