//! What kernels find: warnings and infos without position and metric name, and failures.

use narthex_model::Severity;
use narthex_model::labels::quoted;
use narthex_model::number::general;

/// What was done to histograms when something about them was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HistogramOperation {
    /// `a + b`
    Addition,
    /// `a - b`
    Subtraction,
    /// `sum`, `avg` and their kin.
    Aggregation,
}

impl HistogramOperation {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Addition => "addition",
            Self::Subtraction => "subtraction",
            Self::Aggregation => "aggregation",
        }
    }
}

/// One finding of a kernel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Note {
    /// A window holds floats and histograms and the function cannot take both.
    MixedFloatsHistograms,
    /// A function for counters met a gauge histogram.
    HistogramNotCounter,
    /// A function for gauges met a counter histogram.
    HistogramNotGauge,
    /// Exponential and custom buckets in one window.
    MixedExponentialCustom,
    /// The function took the floats of a window and left its histograms alone.
    HistogramsIgnored,
    /// A quantile outside of 0..=1.
    InvalidQuantile(f64),
    /// Histograms that say "reset" and histograms that say "no reset" were combined.
    CounterResetCollision(HistogramOperation),
    /// Custom buckets with different bounds were brought to their common bounds.
    BucketsReconciled(HistogramOperation),
    /// `histogram_quantile`: NaN observations, and the rank lies among them.
    QuantileNanResult,
    /// `histogram_quantile`: NaN observations push the result up.
    QuantileNanSkew,
    /// `histogram_fraction`: NaN observations are in no fraction.
    FractionNan,
    /// A sample claims to count since before the sample before it, but not since when that one did.
    StartTimeOverlap,
}

impl Note {
    /// How much the finding matters.
    #[must_use]
    pub const fn severity(&self) -> Severity {
        match self {
            Self::HistogramsIgnored
            | Self::BucketsReconciled(_)
            | Self::QuantileNanResult
            | Self::QuantileNanSkew
            | Self::FractionNan => Severity::Info,
            Self::MixedFloatsHistograms
            | Self::HistogramNotCounter
            | Self::HistogramNotGauge
            | Self::MixedExponentialCustom
            | Self::InvalidQuantile(_)
            | Self::CounterResetCollision(_)
            | Self::StartTimeOverlap => Severity::Warning,
        }
    }

    /// Severity and text, without the prefix `PromQL warning: ` and without position.
    #[must_use]
    pub fn describe(&self, metric_name: &str) -> (Severity, String) {
        (self.severity(), self.text(metric_name))
    }

    fn text(&self, metric_name: &str) -> String {
        let metric = || quoted(metric_name);
        let with_metric = |text: &str| {
            if metric_name.is_empty() {
                text.to_owned()
            } else {
                format!("{text} for metric name {}", quoted(metric_name))
            }
        };
        match *self {
            Self::MixedFloatsHistograms => {
                format!(
                    "encountered a mix of histograms and floats for metric name {}",
                    metric()
                )
            }
            Self::HistogramNotCounter => {
                format!("this native histogram metric is not a counter: {}", metric())
            }
            Self::HistogramNotGauge => format!("this native histogram metric is not a gauge: {}", metric()),
            Self::MixedExponentialCustom => format!(
                "vector contains a mix of histograms with exponential and custom buckets schemas for metric name {}",
                metric()
            ),
            Self::HistogramsIgnored => format!(
                "ignored histograms in a range containing both floats and histograms for metric name {}",
                metric()
            ),
            Self::InvalidQuantile(q) => {
                format!("quantile value should be between 0 and 1, got {}", general(q))
            }
            Self::CounterResetCollision(operation) => {
                format!(
                    "conflicting counter resets during histogram {}",
                    operation.as_str()
                )
            }
            Self::BucketsReconciled(operation) => {
                format!(
                    "mismatched custom buckets were reconciled during {}",
                    operation.as_str()
                )
            }
            Self::QuantileNanResult => {
                with_metric("input to histogram_quantile has NaN observations, result is NaN")
            }
            Self::QuantileNanSkew => {
                with_metric("input to histogram_quantile has NaN observations, result is skewed higher")
            }
            Self::FractionNan => with_metric(
                "input to histogram_fraction has NaN observations, which are excluded from all fractions",
            ),
            Self::StartTimeOverlap => format!(
                "sample has start time that overlaps with previous sample timestamp for metric {}",
                metric()
            ),
        }
    }
}

/// The findings of one series (or of several with the same metric name); each is kept once.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Notes {
    found: Vec<Note>,
    failure: Option<String>,
}

impl Notes {
    /// Adds a finding.
    pub fn add(&mut self, note: Note) {
        // NaN quantiles are equal to nothing, themselves included: compare the text's source instead.
        let same = |other: &Note| match (other, &note) {
            (Note::InvalidQuantile(a), Note::InvalidQuantile(b)) => a.to_bits() == b.to_bits(),
            _ => *other == note,
        };
        if !self.found.iter().any(same) {
            self.found.push(note);
        }
    }

    /// Ends the query with this error; the first one counts.
    pub fn fail(&mut self, text: String) {
        self.failure.get_or_insert(text);
    }

    /// What was found.
    #[must_use]
    pub fn found(&self) -> &[Note] {
        &self.found
    }

    /// The error that ends the query.
    #[must_use]
    pub fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }

    /// Adds the findings of `other`.
    pub fn merge(&mut self, other: Self) {
        for note in other.found {
            self.add(note);
        }
        if let Some(text) = other.failure {
            self.fail(text);
        }
    }

    /// Whether nothing was found and nothing failed.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.found.is_empty() && self.failure.is_none()
    }
}
