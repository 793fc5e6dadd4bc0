//! The plain data of a native histogram: what is stored and handed around.

/// Schema number of histograms with custom bucket bounds (NHCB).
pub const CUSTOM_BUCKETS_SCHEMA: i32 = -53;

/// A run of neighbouring buckets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// Gap to the previous span in buckets; for the first span the index of its first bucket.
    pub offset: i32,
    /// Number of buckets in the run.
    pub length: u32,
}

/// What is known about a counter reset between the previous histogram and this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ResetHint {
    /// Nothing: compare to find out.
    #[default]
    Unknown,
    /// There was a reset.
    Reset,
    /// There was none.
    NotReset,
    /// The histogram is a gauge: resets do not exist.
    Gauge,
}

/// A native histogram with integer counts; bucket counts are stored as deltas to their left neighbour.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Histogram {
    /// Counter reset information.
    pub hint: ResetHint,
    /// Resolution: -4..=8, or [`CUSTOM_BUCKETS_SCHEMA`].
    pub schema: i32,
    /// Width of the zero bucket.
    pub zero_threshold: f64,
    /// Observations in the zero bucket.
    pub zero_count: u64,
    /// All observations.
    pub count: u64,
    /// Sum of all observations; the stale marker here makes the sample stale.
    pub sum: f64,
    /// Where the positive (or custom) buckets are.
    pub positive_spans: Vec<Span>,
    /// Where the negative buckets are.
    pub negative_spans: Vec<Span>,
    /// Positive (or custom) buckets, delta coded.
    pub positive_buckets: Vec<i64>,
    /// Negative buckets, delta coded.
    pub negative_buckets: Vec<i64>,
    /// Upper bounds of custom buckets, ascending, without +Inf.
    pub custom_values: Vec<f64>,
}

/// A native histogram with float counts; bucket counts are absolute.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FloatHistogram {
    /// Counter reset information.
    pub hint: ResetHint,
    /// Resolution: -4..=8, or [`CUSTOM_BUCKETS_SCHEMA`].
    pub schema: i32,
    /// Width of the zero bucket.
    pub zero_threshold: f64,
    /// Observations in the zero bucket.
    pub zero_count: f64,
    /// All observations.
    pub count: f64,
    /// Sum of all observations; the stale marker here makes the sample stale.
    pub sum: f64,
    /// Where the positive (or custom) buckets are.
    pub positive_spans: Vec<Span>,
    /// Where the negative buckets are.
    pub negative_spans: Vec<Span>,
    /// Positive (or custom) buckets.
    pub positive_buckets: Vec<f64>,
    /// Negative buckets.
    pub negative_buckets: Vec<f64>,
    /// Upper bounds of custom buckets, ascending, without +Inf.
    pub custom_values: Vec<f64>,
}

impl Histogram {
    /// The same histogram with float counts and absolute buckets.
    #[must_use]
    pub fn to_float(&self) -> FloatHistogram {
        FloatHistogram {
            hint: self.hint,
            schema: self.schema,
            zero_threshold: self.zero_threshold,
            zero_count: self.zero_count as f64,
            count: self.count as f64,
            sum: self.sum,
            positive_spans: self.positive_spans.clone(),
            negative_spans: self.negative_spans.clone(),
            positive_buckets: absolute(&self.positive_buckets),
            negative_buckets: absolute(&self.negative_buckets),
            custom_values: self.custom_values.clone(),
        }
    }
}

fn absolute(deltas: &[i64]) -> Vec<f64> {
    deltas
        .iter()
        .scan(0_i64, |count, delta| {
            *count = count.wrapping_add(*delta);
            Some(*count as f64)
        })
        .collect()
}
