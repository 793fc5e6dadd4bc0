//! The table of functions, and kernels: what each function computes for one window, one value or one histogram.
//!
//! A kernel knows no series, labels, steps or positions: evaluation hands it plain slices and adds the rest.

mod calendar;
mod classic;
mod columns;
mod ends;
mod extended;
mod extremes;
mod gains;
mod histogram_binary;
mod histogram_fold;
mod histogram_rate;
mod instant_rate;
mod kahan;
mod lanes;
mod math;
mod native;
mod notes;
mod places;
mod quantile;
mod rate;
mod regression;
mod signatures;
mod spread;
mod start_time;
mod steps;
mod sums;
mod survey;
mod table;
mod window;

pub use calendar::date_function;
pub use classic::{Bucket, BucketQuantile, MonotonicityFix, bucket_fraction, bucket_quantile};
pub use columns::{ColumnFunction, ColumnKernel, ColumnPlan, FloatColumn, FloatSink, column_function};
pub use extended::smoothed_point;
pub use histogram_binary::{
    HistogramResult, float_with_histogram, histogram_with_float, histogram_with_histogram,
};
pub use histogram_fold::{HistogramFold, HistogramFoldKind};
pub use kahan::KahanSum;
pub use math::{clamp, math_function, round_to};
pub use narthex_model::labels::quoted;
pub use narthex_model::number::general;
pub use native::{histogram_fraction, histogram_function, histogram_quantile};
pub use notes::{HistogramOperation, Note, Notes};
pub use places::Places;
pub use quantile::quantile;
pub use signatures::{Signature, signature, signatures};
pub use survey::{any_stale, survey};
pub use table::range_function;
pub use window::{Extension, Point, RangeKernel, Window};
