//! What a range function sees, and what it answers.

use std::sync::Arc;

use narthex_model::FloatHistogram;

use super::notes::Notes;

/// How a selector widens its window (`anchored`, `smoothed`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Extension {
    /// Not at all: the window holds the samples of (start, end].
    #[default]
    None,
    /// `anchored`: the window also holds the samples of the lookback before its start.
    Anchored,
    /// `smoothed`: the window also holds the samples of the lookback before its start and behind its end.
    Smoothed,
}

/// The samples of one series in one window; stale markers are gone.
///
/// Floats and histograms stand apart, each ascending in time. Almost always one of the two is empty.
#[derive(Debug, Clone, Copy, Default)]
pub struct Window<'a> {
    /// Times of the floats, in Unix milliseconds.
    pub times: &'a [i64],
    /// The floats, one per time.
    pub values: &'a [f64],
    /// Start times of the floats: empty when they are not known or not to be used, else one per float (0: unknown).
    pub start_times: &'a [i64],
    /// The histograms with their times.
    pub histograms: &'a [(i64, Arc<FloatHistogram>)],
    /// Start times of the histograms, as those of the floats.
    pub histogram_start_times: &'a [i64],
    /// Evaluation time - offset - range: the window is open here.
    pub range_start_ms: i64,
    /// Evaluation time - offset: the window is closed here.
    pub range_end_ms: i64,
    /// Evaluation time, without any offset or `@`.
    pub eval_ms: i64,
    /// How the window was widened.
    pub extension: Extension,
}

impl Window<'_> {
    /// How many samples there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.times.len() + self.histograms.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The window's length in seconds.
    #[must_use]
    pub fn range_seconds(&self) -> f64 {
        range_seconds(self.range_start_ms, self.range_end_ms)
    }
}

/// The seconds between two times in milliseconds, rounded as Go rounds `Duration.Seconds`.
pub(super) fn range_seconds(start_ms: i64, end_ms: i64) -> f64 {
    let ms = end_ms.wrapping_sub(start_ms);
    (ms / 1_000) as f64 + ((ms % 1_000) * 1_000_000) as f64 / 1e9
}

/// What a function answers for one window or one step.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Point {
    /// Nothing: the series has no sample at this step.
    #[default]
    None,
    /// A float.
    Float(f64),
    /// A native histogram.
    Histogram(Arc<FloatHistogram>),
}

/// Computes one step of a range function: window, scalar parameters in the order written, findings.
///
/// Windows without any sample are not handed in (their answer is [`Point::None`]).
pub type RangeKernel = fn(&Window<'_>, &[f64], &mut Notes) -> Point;
