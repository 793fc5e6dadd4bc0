//! `sum_over_time` and `avg_over_time`, over floats and over histograms.

use std::sync::Arc;

use super::histogram_fold::{HistogramFold, HistogramFoldKind};
use super::kahan::KahanSum;
use super::notes::{Note, Notes};
use super::window::{Point, Window};

/// `sum_over_time`
pub(super) fn sum_over_time(window: &Window<'_>, _: &[f64], notes: &mut Notes) -> Point {
    either(window, notes, sum, HistogramFoldKind::Sum)
}

/// `avg_over_time`
pub(super) fn avg_over_time(window: &Window<'_>, _: &[f64], notes: &mut Notes) -> Point {
    either(window, notes, mean, HistogramFoldKind::Mean)
}

/// Floats or histograms, but not both.
fn either(
    window: &Window<'_>,
    notes: &mut Notes,
    floats: fn(&[f64]) -> f64,
    histograms: HistogramFoldKind,
) -> Point {
    let Some(((_, first), rest)) = window.histograms.split_first() else {
        return if window.values.is_empty() {
            Point::None
        } else {
            Point::Float(floats(window.values))
        };
    };
    if !window.values.is_empty() {
        notes.add(Note::MixedFloatsHistograms);
        return Point::None;
    }
    let mut fold = HistogramFold::new(histograms, first);
    for (_, histogram) in rest {
        fold.add(histogram);
    }
    if fold.is_incompatible() {
        notes.add(Note::MixedExponentialCustom);
    }
    fold.finish(notes)
        .map_or(Point::None, |histogram| Point::Histogram(Arc::new(histogram)))
}

pub(super) fn sum(values: &[f64]) -> f64 {
    let mut sum = KahanSum::default();
    for value in values {
        sum.add(*value);
    }
    // The compensation of an infinite sum says nothing.
    if sum.sum.is_infinite() {
        sum.sum
    } else {
        sum.total()
    }
}

/// The sum divided by the count while the sum is finite; from where it is not, a mean that moves by each value.
pub(super) fn mean(values: &[f64]) -> f64 {
    let Some((&first, rest)) = values.split_first() else {
        return f64::NAN;
    };
    let mut sum = KahanSum::new(first);
    let mut count = 1.0;
    let mut moving: Option<KahanSum> = None;
    for value in rest {
        count += 1.0;
        let before = match moving {
            Some(mean) => mean,
            None => {
                let next = sum.plus(*value);
                if !next.sum.is_infinite() {
                    sum = next;
                    continue;
                }
                KahanSum {
                    sum: sum.sum / (count - 1.0),
                    compensation: sum.compensation / (count - 1.0),
                }
            }
        };
        let share = (count - 1.0) / count;
        let scaled = KahanSum {
            sum: share * before.sum,
            compensation: share * before.compensation,
        };
        moving = Some(scaled.plus(value / count));
    }
    moving.map_or_else(|| sum.sum / count + sum.compensation / count, KahanSum::total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_keep_what_rounding_loses() {
        assert_eq!(sum(&[1e100, 1.0, -1e100]), 1.0);
        assert_eq!(sum(&[f64::INFINITY, 1.0]), f64::INFINITY);
        assert!(sum(&[f64::INFINITY, f64::NEG_INFINITY]).is_nan());
    }

    #[test]
    fn means_do_not_overflow() {
        let large = f64::MAX / 2.0;
        let relative = mean(&[large, large, large, large]) / large;
        assert!((relative - 1.0).abs() < 1e-15, "{relative}");
        assert_eq!(mean(&[1.0, 2.0, 6.0]), 3.0);
        assert_eq!(mean(&[f64::INFINITY, 1.0]), f64::INFINITY);
    }
}
