//! What the store left out of a scrape: counted, and said in the log.

use narthex_model::Labels;
use narthex_tsdb::{Commit, Reason};

use super::metrics::ScrapeMetrics;

/// Counts what the store left out of the first `samples` samples, and `duplicates` of the page itself; says whether the
/// store knew all references.
pub(super) fn count(
    commit: &Commit,
    samples: usize,
    duplicates: usize,
    metrics: &ScrapeMetrics,
    target: &Labels,
) -> bool {
    let (mut duplicates, mut out_of_order, mut out_of_bounds, mut known) = (duplicates, 0, 0, true);
    for rejected in &commit.rejected {
        let is_sample = rejected.index < samples;
        match rejected.reason {
            Reason::UnknownSeries => known = false,
            Reason::DuplicateTimestamp { .. } if is_sample => duplicates += 1,
            Reason::OutOfOrder | Reason::TooOld if is_sample => out_of_order += 1,
            Reason::OutOfBounds | Reason::TooFarInFuture if is_sample => out_of_bounds += 1,
            _ => {}
        }
    }
    for (count, counter, what) in [
        (
            duplicates,
            &metrics.refused.duplicate,
            "with different value but same timestamp",
        ),
        (out_of_order, &metrics.refused.out_of_order, "out of order"),
        (
            out_of_bounds,
            &metrics.refused.out_of_bounds,
            "too old or too far into the future",
        ),
    ] {
        if count > 0 {
            counter.add(count as f64);
            tracing::warn!(%target, num_dropped = count, "samples {what} were left out");
        }
    }
    known
}
