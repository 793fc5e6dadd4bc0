//! The words that the store, the engine and the server share, and the port between store and engine.
//!
//! Everything here is plain data: no files, no threads, no clock.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod annotations;
pub mod duration;
pub mod grouping;
pub mod histogram;
pub mod labels;
pub mod matcher;
pub mod number;
pub mod pattern;
pub mod sample;
pub mod source;
pub mod time;

pub use annotations::{Annotation, Annotations, Severity};
pub use duration::Duration;
pub use grouping::{Grouping, Projection};
pub use histogram::{FloatHistogram, Histogram, ResetHint, Span};
pub use labels::{Labels, LabelsBuilder, METRIC_NAME};
pub use matcher::{MatchOp, Matcher};
pub use pattern::{Pattern, PatternError};
pub use sample::{HistogramValue, STALE_NAN, SampleValue, is_stale, stale_nan};
pub use source::{
    EmptySeriesSet, Moment, SampleBuffer, Selection, SeriesSet, SeriesSource, SourceError, SourceErrorKind,
    TimesVersion,
};
pub use time::TimeRange;
