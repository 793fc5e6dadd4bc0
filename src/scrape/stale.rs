//! Markers that say "this series ended here".
//!
//! A series gets one when a good page no longer has it, when a scrape fails, and when its target is gone; none when
//! the server stops. Series whose lines carry times of their own are left to the lookback, unless
//! `track_timestamps_staleness` is set.

use std::time::Duration;

use narthex_model::stale_nan;
use narthex_tsdb::{Batch, SeriesRef};

/// Adds a marker for each series at the batch's time.
pub(super) fn push(series: impl Iterator<Item = SeriesRef>, batch: &mut Batch) {
    let time = batch.time();
    for series in series {
        batch.push_float(series, time, stale_nan());
    }
}

/// How long to wait, once the first tick that a gone target has missed is past, until its markers are written: if the
/// target came back under the same labels, it has written newer samples by then and the markers are refused.
pub(super) fn grace(interval: Duration) -> Duration {
    interval + interval / 10
}
