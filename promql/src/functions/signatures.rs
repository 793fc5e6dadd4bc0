//! What each function of the language is called, takes and returns: one row each, sorted by name.
//!
//! Source of the table: Prometheus 3.14; the experimental ones want `promql-experimental-functions`.

use crate::ast::ValueType::{self, Matrix, Scalar, String, Vector};

/// Name, arguments and result of one function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signature {
    /// The function's name, in lower case; names of functions are case-sensitive.
    pub name: &'static str,
    /// Types of the arguments; where some may be left out or repeated, see `variadic`.
    pub args: &'static [ValueType],
    /// 0: exactly the arguments of `args`. Above 0: the last one may be left out, and up to this many values may stand
    /// in its place. Below 0: the last one may be left out or be repeated without limit.
    pub variadic: i32,
    /// Type of the result.
    pub returns: ValueType,
    /// Whether it has to be enabled.
    pub experimental: bool,
    /// What it answers, in a few words.
    pub doc: &'static str,
}

/// The function `name`, if there is one.
#[must_use]
pub fn signature(name: &str) -> Option<&'static Signature> {
    let at = SIGNATURES.binary_search_by(|s| s.name.cmp(name)).ok()?;
    SIGNATURES.get(at)
}

/// All functions, sorted by name.
#[must_use]
pub const fn signatures() -> &'static [Signature] {
    SIGNATURES
}

const fn row(
    name: &'static str,
    args: &'static [ValueType],
    returns: ValueType,
    doc: &'static str,
) -> Signature {
    Signature {
        name,
        args,
        variadic: 0,
        returns,
        experimental: false,
        doc,
    }
}

impl Signature {
    const fn variadic(mut self, count: i32) -> Self {
        self.variadic = count;
        self
    }

    const fn experimental(mut self) -> Self {
        self.experimental = true;
        self
    }
}

const SIGNATURES: &[Signature] = &[
    row("abs", &[Vector], Vector, "absolute value of each sample"),
    row(
        "absent",
        &[Vector],
        Vector,
        "one sample of value 1 if the vector is empty, else nothing",
    ),
    row(
        "absent_over_time",
        &[Matrix],
        Vector,
        "one sample of value 1 if the range holds no sample of any series, else nothing",
    ),
    row("acos", &[Vector], Vector, "arc cosine in radians"),
    row("acosh", &[Vector], Vector, "inverse hyperbolic cosine"),
    row("asin", &[Vector], Vector, "arc sine in radians"),
    row("asinh", &[Vector], Vector, "inverse hyperbolic sine"),
    row("atan", &[Vector], Vector, "arc tangent in radians"),
    row("atanh", &[Vector], Vector, "inverse hyperbolic tangent"),
    row(
        "avg_over_time",
        &[Matrix],
        Vector,
        "mean of the samples in the range",
    ),
    row("ceil", &[Vector], Vector, "next integer at or above each sample"),
    row(
        "changes",
        &[Matrix],
        Vector,
        "how often the value changed within the range",
    ),
    row(
        "clamp",
        &[Vector, Scalar, Scalar],
        Vector,
        "limits each sample to the bounds min and max",
    ),
    row(
        "clamp_max",
        &[Vector, Scalar],
        Vector,
        "limits each sample to at most max",
    ),
    row(
        "clamp_min",
        &[Vector, Scalar],
        Vector,
        "limits each sample to at least min",
    ),
    row("cos", &[Vector], Vector, "cosine of an angle in radians"),
    row("cosh", &[Vector], Vector, "hyperbolic cosine"),
    row(
        "count_over_time",
        &[Matrix],
        Vector,
        "number of samples in the range",
    ),
    row(
        "day_of_month",
        &[Vector],
        Vector,
        "day of the month, 1 to 31, of a time in UTC",
    )
    .variadic(1),
    row(
        "day_of_week",
        &[Vector],
        Vector,
        "day of the week, 0 for Sunday to 6, of a time in UTC",
    )
    .variadic(1),
    row(
        "day_of_year",
        &[Vector],
        Vector,
        "day of the year, 1 to 366, of a time in UTC",
    )
    .variadic(1),
    row(
        "days_in_month",
        &[Vector],
        Vector,
        "number of days, 28 to 31, of the month of a time in UTC",
    )
    .variadic(1),
    row("deg", &[Vector], Vector, "converts radians to degrees"),
    row(
        "delta",
        &[Matrix],
        Vector,
        "difference between the ends of the range, extrapolated to its bounds: for gauges",
    ),
    row(
        "deriv",
        &[Matrix],
        Vector,
        "slope per second by least squares: for gauges",
    ),
    row(
        "double_exponential_smoothing",
        &[Matrix, Scalar, Scalar],
        Vector,
        "smoothed value, from a smoothing factor and a trend factor, both between 0 and 1",
    )
    .experimental(),
    row(
        "end",
        &[],
        Scalar,
        "end of the query's time range in Unix seconds",
    )
    .experimental(),
    row("exp", &[Vector], Vector, "e to the power of each sample"),
    row("first_over_time", &[Matrix], Vector, "oldest sample in the range"),
    row("floor", &[Vector], Vector, "next integer at or below each sample"),
    row(
        "histogram_avg",
        &[Vector],
        Vector,
        "mean of the observations in each native histogram",
    ),
    row(
        "histogram_count",
        &[Vector],
        Vector,
        "number of observations in each native histogram",
    ),
    row(
        "histogram_fraction",
        &[Scalar, Scalar, Vector],
        Vector,
        "estimated share of observations between lower and upper",
    ),
    row(
        "histogram_quantile",
        &[Scalar, Vector],
        Vector,
        "estimated quantile of the observations in a classic or native histogram",
    ),
    row(
        "histogram_quantiles",
        &[Vector, String, Scalar, Scalar],
        Vector,
        "estimated quantiles, one series per quantile with the given label",
    )
    .variadic(9)
    .experimental(),
    row(
        "histogram_stddev",
        &[Vector],
        Vector,
        "estimated standard deviation of the observations in each native histogram",
    ),
    row(
        "histogram_stdvar",
        &[Vector],
        Vector,
        "estimated variance of the observations in each native histogram",
    ),
    row(
        "histogram_sum",
        &[Vector],
        Vector,
        "sum of the observations in each native histogram",
    ),
    row(
        "hour",
        &[Vector],
        Vector,
        "hour of the day, 0 to 23, of a time in UTC",
    )
    .variadic(1),
    row(
        "idelta",
        &[Matrix],
        Vector,
        "difference between the last two samples: for gauges",
    ),
    row(
        "increase",
        &[Matrix],
        Vector,
        "increase of a counter over the range, resets allowed for, extrapolated to its bounds",
    ),
    row(
        "info",
        &[Vector, Vector],
        Vector,
        "adds the labels of info metrics that describe the same thing",
    )
    .variadic(1)
    .experimental(),
    row(
        "irate",
        &[Matrix],
        Vector,
        "increase per second between the last two samples of a counter",
    ),
    row(
        "label_join",
        &[Vector, String, String, String],
        Vector,
        "sets a label to the joined values of other labels",
    )
    .variadic(-1),
    row(
        "label_replace",
        &[Vector, String, String, String, String],
        Vector,
        "sets a label from another label's value where a regular expression matches",
    ),
    row("last_over_time", &[Matrix], Vector, "newest sample in the range"),
    row("ln", &[Vector], Vector, "natural logarithm"),
    row("log10", &[Vector], Vector, "decimal logarithm"),
    row("log2", &[Vector], Vector, "binary logarithm"),
    row(
        "mad_over_time",
        &[Matrix],
        Vector,
        "median absolute deviation of the samples in the range",
    )
    .experimental(),
    row("max_of", &[Scalar, Scalar], Scalar, "larger of two numbers").experimental(),
    row("max_over_time", &[Matrix], Vector, "largest sample in the range"),
    row("min_of", &[Scalar, Scalar], Scalar, "smaller of two numbers").experimental(),
    row("min_over_time", &[Matrix], Vector, "smallest sample in the range"),
    row(
        "minute",
        &[Vector],
        Vector,
        "minute of the hour, 0 to 59, of a time in UTC",
    )
    .variadic(1),
    row(
        "month",
        &[Vector],
        Vector,
        "month of the year, 1 to 12, of a time in UTC",
    )
    .variadic(1),
    row("pi", &[], Scalar, "the number pi"),
    row(
        "predict_linear",
        &[Matrix, Scalar],
        Vector,
        "value expected that many seconds from now, by least squares: for gauges",
    ),
    row(
        "present_over_time",
        &[Matrix],
        Vector,
        "1 for each series that has a sample in the range",
    ),
    row(
        "quantile_over_time",
        &[Scalar, Matrix],
        Vector,
        "quantile of the samples in the range",
    ),
    row("rad", &[Vector], Vector, "converts degrees to radians"),
    row(
        "range",
        &[],
        Scalar,
        "length of the query's time range in seconds",
    )
    .experimental(),
    row(
        "rate",
        &[Matrix],
        Vector,
        "increase per second of a counter, resets allowed for, extrapolated to the range's bounds",
    ),
    row(
        "resets",
        &[Matrix],
        Vector,
        "how often a counter was reset within the range",
    ),
    row(
        "round",
        &[Vector, Scalar],
        Vector,
        "rounds each sample to the nearest multiple of a number, 1 unless given; ties go up",
    )
    .variadic(1),
    row(
        "scalar",
        &[Vector],
        Scalar,
        "value of the only sample, NaN unless there is exactly one",
    ),
    row("sgn", &[Vector], Vector, "sign of each sample: -1, 0 or 1"),
    row("sin", &[Vector], Vector, "sine of an angle in radians"),
    row("sinh", &[Vector], Vector, "hyperbolic sine"),
    row(
        "sort",
        &[Vector],
        Vector,
        "sorts by value, ascending: instant queries only",
    ),
    row(
        "sort_by_label",
        &[Vector, String],
        Vector,
        "sorts by the values of labels, ascending, numbers in natural order: instant queries only",
    )
    .variadic(-1)
    .experimental(),
    row(
        "sort_by_label_desc",
        &[Vector, String],
        Vector,
        "sorts by the values of labels, descending, numbers in natural order: instant queries only",
    )
    .variadic(-1)
    .experimental(),
    row(
        "sort_desc",
        &[Vector],
        Vector,
        "sorts by value, descending: instant queries only",
    ),
    row("sqrt", &[Vector], Vector, "square root"),
    row(
        "start",
        &[],
        Scalar,
        "start of the query's time range in Unix seconds",
    )
    .experimental(),
    row(
        "start_timestamp",
        &[Vector],
        Vector,
        "start time of each sample in Unix seconds",
    )
    .experimental(),
    row(
        "stddev_over_time",
        &[Matrix],
        Vector,
        "standard deviation of the samples in the range",
    ),
    row(
        "stdvar_over_time",
        &[Matrix],
        Vector,
        "variance of the samples in the range",
    ),
    row(
        "step",
        &[],
        Scalar,
        "distance between the query's steps in seconds",
    )
    .experimental(),
    row(
        "sum_over_time",
        &[Matrix],
        Vector,
        "sum of the samples in the range",
    ),
    row("tan", &[Vector], Vector, "tangent of an angle in radians"),
    row("tanh", &[Vector], Vector, "hyperbolic tangent"),
    row("time", &[], Scalar, "evaluation time in Unix seconds"),
    row(
        "timestamp",
        &[Vector],
        Vector,
        "time of each sample in Unix seconds",
    ),
    row(
        "ts_of_first_over_time",
        &[Matrix],
        Vector,
        "time in Unix seconds of the oldest sample in the range",
    )
    .experimental(),
    row(
        "ts_of_last_over_time",
        &[Matrix],
        Vector,
        "time in Unix seconds of the newest sample in the range",
    )
    .experimental(),
    row(
        "ts_of_max_over_time",
        &[Matrix],
        Vector,
        "time in Unix seconds of the last largest sample in the range",
    )
    .experimental(),
    row(
        "ts_of_min_over_time",
        &[Matrix],
        Vector,
        "time in Unix seconds of the last smallest sample in the range",
    )
    .experimental(),
    row(
        "vector",
        &[Scalar],
        Vector,
        "a vector of one sample without labels",
    ),
    row("year", &[Vector], Vector, "year of a time in UTC").variadic(1),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_sorted_so_that_names_are_found() {
        assert!(SIGNATURES.is_sorted_by(|a, b| a.name < b.name));
        for row in SIGNATURES {
            assert_eq!(signature(row.name), Some(row));
        }
        assert_eq!(signature("Rate"), None);
    }
}
