//! `resets` and `changes`: pairs of neighbouring samples that differ.

use std::sync::Arc;

use narthex_model::FloatHistogram;

use super::extended::first_compared;
use super::notes::Notes;
use super::window::{Point, Window};

/// `resets`
pub(super) fn resets(window: &Window<'_>, _: &[f64], _: &mut Notes) -> Point {
    count_pairs(
        window,
        |before, after| after < before,
        |before, after| after.detect_reset(before),
    )
}

/// `changes`: from NaN to NaN is none.
pub(super) fn changes(window: &Window<'_>, _: &[f64], _: &mut Notes) -> Point {
    count_pairs(
        window,
        |before, after| after != before && !(after.is_nan() && before.is_nan()),
        |before, after| !after.same_data(before),
    )
}

/// A float or a histogram in the order of time.
enum Sample<'a> {
    Float(f64),
    Histogram(&'a FloatHistogram),
}

fn count_pairs(
    window: &Window<'_>,
    floats: impl Fn(f64, f64) -> bool,
    histograms: impl Fn(&FloatHistogram, &FloatHistogram) -> bool,
) -> Point {
    if window.is_empty() {
        return Point::None;
    }
    let Some(first) = first_compared(window) else {
        return Point::None;
    };
    let values = window.values.get(first..).unwrap_or(&[]);
    if window.histograms.is_empty() {
        let count = values.windows(2).filter(|pair| floats(pair[0], pair[1])).count();
        return Point::Float(count as f64);
    }
    let (mut count, mut previous) = (0_usize, None);
    for sample in merged(window, first) {
        let differs = match (&previous, &sample) {
            (None, _) => false,
            (Some(Sample::Float(before)), Sample::Float(after)) => floats(*before, *after),
            (Some(Sample::Histogram(before)), Sample::Histogram(after)) => histograms(before, after),
            (Some(_), _) => true,
        };
        count += usize::from(differs);
        previous = Some(sample);
    }
    Point::Float(count as f64)
}

/// Floats from the index `first` on, and all histograms, in the order of time.
fn merged<'a>(window: &Window<'a>, first: usize) -> impl Iterator<Item = Sample<'a>> {
    let mut floats = window.times.iter().zip(window.values).skip(first).peekable();
    let mut histograms = window.histograms.iter().peekable();
    std::iter::from_fn(move || {
        let float_is_next = match (floats.peek(), histograms.peek()) {
            (Some((float_ms, _)), Some((histogram_ms, _))) => *float_ms < histogram_ms,
            (float, _) => float.is_some(),
        };
        if float_is_next {
            floats.next().map(|(_, value)| Sample::Float(*value))
        } else {
            histograms
                .next()
                .map(|(_, histogram)| Sample::Histogram(Arc::as_ref(histogram)))
        }
    })
}
