//! Markers that say "this series ended here".
//!
//! A series gets one when a good page no longer has it, when a scrape fails, and when its target is gone; none when
//! the server stops. Series whose lines carry times of their own are left to the lookback, unless
//! `track_timestamps_staleness` is set.

use std::sync::Arc;
use std::time::Duration;

use narthex_model::{Histogram, HistogramValue, stale_nan};
use narthex_tsdb::{Batch, SeriesRef};

/// Adds a marker for each series at the batch's time; those of native histograms get a histogram whose sum says so.
pub(super) fn push(series: impl Iterator<Item = (SeriesRef, bool)>, batch: &mut Batch) {
    let time = batch.time();
    let mut histogram: Option<HistogramValue> = None;
    for (series, is_histogram) in series {
        if is_histogram {
            let marker = histogram.get_or_insert_with(|| {
                HistogramValue::Integer(Arc::new(Histogram {
                    sum: stale_nan(),
                    ..Histogram::default()
                }))
            });
            batch.push_histogram(series, time, marker.clone());
        } else {
            batch.push_float(series, time, stale_nan());
        }
    }
}

/// How long to wait, once the first tick that a gone target has missed is past, until its markers are written: if the
/// target came back under the same labels, it has written newer samples by then and the markers are refused.
pub(super) fn grace(interval: Duration) -> Duration {
    interval + interval / 10
}
