//! The samples of one series, ready for windows: stale markers gone, floats and histograms apart.

use std::sync::Arc;

use fearless_simd::Level;
use narthex_model::{FloatHistogram, ResetHint, SampleBuffer, TimesVersion, is_stale};

use crate::functions::survey;

/// A buffer that operators keep from series to series.
#[derive(Default)]
pub(crate) struct Samples {
    /// What the source filled in.
    pub(crate) raw: SampleBuffer,
    /// Whether the fields below stand for the raw columns.
    separated: bool,
    /// Whether each float is known to be at least the one before.
    rising: bool,
    /// What the processor can do at once; asked for once.
    level: Option<Level>,
    times: Vec<i64>,
    values: Vec<f64>,
    start_times: Vec<i64>,
    /// Histograms with their times.
    pub(crate) histograms: Vec<(i64, Arc<FloatHistogram>)>,
    /// Start times of the histograms, if start times are known.
    pub(crate) histogram_start_times: Vec<i64>,
}

impl Samples {
    /// Brings the raw columns into shape; to be called after each read. `stats_only`: histograms lose their buckets.
    pub(crate) fn prepare(&mut self, stats_only: bool) {
        self.histograms.clear();
        self.histogram_start_times.clear();
        let found = survey(*self.level.get_or_insert_with(Level::new), self.raw.values());
        self.separated = found.stale || !self.raw.histograms().is_empty();
        self.rising = found.rising && !self.separated;
        if self.separated {
            self.separate();
        }
        if stats_only {
            let mut previous = None;
            for (_, histogram) in &mut self.histograms {
                *histogram = stats_of(histogram, &mut previous);
            }
        }
    }

    fn separate(&mut self) {
        self.times.clear();
        self.values.clear();
        self.start_times.clear();
        let starts = self.raw.start_times();
        let mut histograms = self.raw.histograms().iter().peekable();
        for (at, (time, value)) in self.raw.times().iter().zip(self.raw.values()).enumerate() {
            let histogram = histograms.next_if(|(position, _)| *position == at);
            if let Some((_, histogram)) = histogram {
                if !histogram.is_stale() {
                    self.histograms.push((*time, histogram.to_float()));
                    self.histogram_start_times.extend(starts.get(at));
                }
            } else if !is_stale(*value) {
                self.times.push(*time);
                self.values.push(*value);
                self.start_times.extend(starts.get(at));
            }
        }
    }

    /// Times of the floats.
    pub(crate) fn times(&self) -> &[i64] {
        if self.separated {
            &self.times
        } else {
            self.raw.times()
        }
    }

    /// The floats.
    pub(crate) fn values(&self) -> &[f64] {
        if self.separated {
            &self.values
        } else {
            self.raw.values()
        }
    }

    /// Whether each float is known to be at least the one before.
    pub(crate) const fn rising(&self) -> bool {
        self.rising
    }

    /// Start times of the floats; empty if none is known.
    pub(crate) fn start_times(&self) -> &[i64] {
        if self.separated {
            &self.start_times
        } else {
            self.raw.start_times()
        }
    }

    /// Tells the [`times`](Self::times) from others; `None` if nothing is known of them.
    pub(crate) const fn times_version(&self) -> Option<TimesVersion> {
        if self.separated {
            None
        } else {
            Some(self.raw.times_version())
        }
    }
}

/// Count and sum of a histogram, and whether it comes behind a reset: looked up here, because later nobody can.
/// Source: Prometheus `promql.HistogramStatsIterator`.
pub(crate) fn stats_of(
    histogram: &Arc<FloatHistogram>,
    previous: &mut Option<Arc<FloatHistogram>>,
) -> Arc<FloatHistogram> {
    let hint = match (histogram.hint, previous.as_ref()) {
        (ResetHint::Unknown, Some(previous)) if histogram.detect_reset(previous) => ResetHint::Reset,
        (ResetHint::Unknown, Some(_)) => ResetHint::NotReset,
        (hint, _) => hint,
    };
    *previous = Some(Arc::clone(histogram));
    Arc::new(FloatHistogram {
        hint,
        schema: histogram.schema,
        count: histogram.count,
        sum: histogram.sum,
        ..FloatHistogram::default()
    })
}
