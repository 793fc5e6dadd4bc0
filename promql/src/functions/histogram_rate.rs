//! What a window of histograms gained: last minus first, plus what resets took away.

use std::sync::Arc;

use narthex_model::histogram::IncompatibleSchemas;
use narthex_model::{FloatHistogram, ResetHint};

use super::notes::{HistogramOperation, Note, Notes};
use super::start_time::starts_anew;
use super::window::Window;

/// The gain between the first and the last histogram, a gauge, compacted; `None` (with a finding) where exponential
/// and custom buckets meet. `from_zero`: the first histogram is a gain too.
pub(super) fn difference(
    window: &Window<'_>,
    counter: bool,
    from_zero: bool,
    notes: &mut Notes,
) -> Option<FloatHistogram> {
    let mut found = Notes::default();
    if let Ok(mut result) = try_difference(window, counter, from_zero, &mut found) {
        notes.merge(found);
        result.hint = ResetHint::Gauge;
        result.compact();
        Some(result)
    } else {
        notes.add(Note::MixedExponentialCustom);
        None
    }
}

fn try_difference(
    window: &Window<'_>,
    counter: bool,
    from_zero: bool,
    notes: &mut Notes,
) -> Result<FloatHistogram, IncompatibleSchemas> {
    let histograms = window.histograms;
    check_hints(histograms, counter, notes);
    let ([(_, first), inner @ .., (_, last)], Some((_, second))) = (histograms, histograms.get(1)) else {
        let only = histograms.first().filter(|_| from_zero);
        return Ok(only.map_or_else(FloatHistogram::default, |(_, h)| FloatHistogram::clone(h)));
    };
    let zero = from_zero.then(|| Arc::clone(first));
    let mut first = Arc::clone(first);
    if counter && is_reset(window, 1, &first) {
        // Nothing of the first histogram is left in the second: its layout does not matter either.
        first = Arc::new(FloatHistogram {
            schema: second.schema,
            custom_values: second.custom_values.clone(),
            ..FloatHistogram::default()
        });
    }
    let mut schema = last.schema.min(first.schema);
    let custom = first.uses_custom_buckets();
    if last.uses_custom_buckets() != custom {
        return Err(IncompatibleSchemas);
    }
    if counter {
        for (_, histogram) in inner {
            if histogram.uses_custom_buckets() != custom {
                return Err(IncompatibleSchemas);
            }
            schema = schema.min(histogram.schema);
        }
    }
    let mut result = last.at_schema(schema);
    if result.sub(&first)?.bounds_reconciled {
        notes.add(Note::BucketsReconciled(HistogramOperation::Subtraction));
    }
    if counter {
        let mut previous = first;
        for (i, (_, histogram)) in histograms.iter().enumerate().skip(1) {
            if is_reset(window, i, &previous) && result.add(&previous)?.bounds_reconciled {
                notes.add(Note::BucketsReconciled(HistogramOperation::Addition));
            }
            previous = Arc::clone(histogram);
        }
    }
    if let Some(zero) = zero
        && result.add(&zero)?.bounds_reconciled
    {
        notes.add(Note::BucketsReconciled(HistogramOperation::Addition));
    }
    Ok(result)
}

fn check_hints(histograms: &[(i64, Arc<FloatHistogram>)], counter: bool, notes: &mut Notes) {
    let gauge = |(_, histogram): &(i64, Arc<FloatHistogram>)| histogram.hint == ResetHint::Gauge;
    if counter {
        if histograms.iter().any(gauge) {
            notes.add(Note::HistogramNotCounter);
        }
    } else if !histograms.first().is_some_and(gauge) || !histograms.last().is_some_and(gauge) {
        notes.add(Note::HistogramNotGauge);
    }
}

/// Whether there was a reset between `previous`, which stands before it, and the histogram at `index`.
fn is_reset(window: &Window<'_>, index: usize, previous: &FloatHistogram) -> bool {
    let starts = window.histogram_start_times;
    if let (Some((before_ms, _)), Some((time_ms, _)), Some(before_start), Some(start)) = (
        window.histograms.get(index - 1),
        window.histograms.get(index),
        starts.get(index - 1),
        starts.get(index),
    ) && starts_anew([*before_start, *before_ms, *start, *time_ms])
    {
        return true;
    }
    window
        .histograms
        .get(index)
        .is_some_and(|(_, histogram)| histogram.detect_reset(previous))
}
