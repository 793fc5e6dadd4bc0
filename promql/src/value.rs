//! What a query answers.

use std::sync::Arc;

use narthex_model::{FloatHistogram, Labels};

/// The answer of a query.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// One number.
    Scalar {
        /// Evaluation time in Unix milliseconds.
        time: i64,
        /// The number.
        value: f64,
    },
    /// A text.
    String {
        /// Evaluation time in Unix milliseconds.
        time: i64,
        /// The text.
        text: String,
    },
    /// One sample per series, all at the evaluation time; the order is that of the query.
    Vector(Vec<InstantSample>),
    /// Several samples per series; sorted by labels for range queries.
    Matrix(Vec<RangeSeries>),
}

/// One element of an instant vector.
#[derive(Debug, Clone, PartialEq)]
pub struct InstantSample {
    /// The series.
    pub labels: Labels,
    /// Evaluation time in Unix milliseconds.
    pub time: i64,
    /// Its value.
    pub value: InstantValue,
}

/// The value of one element.
#[derive(Debug, Clone, PartialEq)]
pub enum InstantValue {
    /// A float.
    Float(f64),
    /// A native histogram.
    Histogram(Arc<FloatHistogram>),
}

/// One series of a matrix. Times are in Unix milliseconds, ascending.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RangeSeries {
    /// The series.
    pub labels: Labels,
    /// Floats with their times.
    pub floats: Vec<(i64, f64)>,
    /// Native histograms with their times.
    pub histograms: Vec<(i64, Arc<FloatHistogram>)>,
}
