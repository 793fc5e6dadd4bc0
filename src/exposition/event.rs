//! What a page consists of, borrowed from the page.

use std::borrow::Cow;

use super::error::ParseError;
use super::labels::{LabelList, read_exemplar};

/// The type of a metric family, as its `# TYPE` line says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum MetricKind {
    /// Only grows, save for resets.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Buckets, sum and count.
    Histogram,
    /// Buckets that may shrink.
    GaugeHistogram,
    /// Quantiles, sum and count.
    Summary,
    /// Facts as labels.
    Info,
    /// One of several states.
    StateSet,
    /// Not said, or `untyped`.
    #[default]
    Unknown,
}

impl MetricKind {
    /// The word that the HTTP API and OpenMetrics use.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::GaugeHistogram => "gaugehistogram",
            Self::Summary => "summary",
            Self::Info => "info",
            Self::StateSet => "stateset",
            Self::Unknown => "unknown",
        }
    }
}

/// One entry of a page.
#[derive(Debug, Clone, PartialEq)]
pub enum Event<'a> {
    /// `# TYPE name kind`
    Type {
        /// The family.
        name: Cow<'a, str>,
        /// Its type.
        kind: MetricKind,
    },
    /// `# HELP name text`, unescaped.
    Help {
        /// The family.
        name: Cow<'a, str>,
        /// What it means.
        text: Cow<'a, str>,
    },
    /// `# UNIT name unit`
    Unit {
        /// The family.
        name: Cow<'a, str>,
        /// Its unit.
        unit: Cow<'a, str>,
    },
    /// Any other comment.
    Comment(&'a [u8]),
    /// A sample.
    Sample(Sample<'a>),
}

/// One line with a value.
///
/// Labels are read only on demand ([`Parser::labels`](super::Parser::labels)) and are **not checked before that**:
/// a caller that knows the key from an earlier page has checked them then.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample<'a> {
    /// The line's bytes before its value, without surrounding blanks: equal bytes are the same series.
    pub key: &'a [u8],
    /// Where the line begins in the page.
    pub offset: usize,
    /// The value; every NaN has the bits of [`NORMAL_NAN`](narthex_model::sample::NORMAL_NAN).
    pub value: f64,
    /// Time in Unix milliseconds, if the line says one.
    pub timestamp: Option<i64>,
    /// The exemplar, if the line has one.
    pub exemplar: Option<Exemplar<'a>>,
}

/// An example of what was counted. Its labels have been checked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Exemplar<'a> {
    /// `{...}` as it stands in the page.
    pub(super) block: &'a [u8],
    /// Its value.
    pub value: f64,
    /// Its time in Unix milliseconds, if said.
    pub timestamp: Option<i64>,
}

impl<'a> Exemplar<'a> {
    /// Reads the exemplar's labels into `out`.
    ///
    /// # Errors
    /// Never for an exemplar that a parser gave out.
    pub fn labels(&self, out: &mut LabelList<'a>) -> Result<(), ParseError> {
        read_exemplar(self.block, out)
    }
}
