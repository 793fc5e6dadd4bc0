//! What `--enable-feature` turns on in the language.

/// Optional parts of the language; all are off by default, as in Prometheus 3.12.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Features {
    /// `promql-experimental-functions`: limitk, limit_ratio, info, sort_by_label, mad_over_time, ts_of_*, ...
    pub experimental_functions: bool,
    /// `promql-duration-expr`: arithmetic in durations, `step()`, `range()`.
    pub duration_expressions: bool,
    /// `promql-extended-range-selectors`: `anchored` and `smoothed`.
    pub extended_range_selectors: bool,
    /// `promql-binop-fill-modifiers`: `fill`, `fill_left`, `fill_right`.
    pub binop_fill_modifiers: bool,
    /// `promql-delayed-name-removal`: the metric's name is dropped at the end of the query.
    pub delayed_name_removal: bool,
    /// `type-and-unit-labels`: `__type__` and `__unit__` take part in the rules for names.
    pub type_and_unit_labels: bool,
    /// `use-start-timestamps`: `rate` and `increase` use the samples' start times.
    pub start_timestamps: bool,
    /// No flag of Prometheus: errors name series in label order, as from 3.14 on, instead of the later one first.
    pub sorted_error_series: bool,
}

impl Features {
    /// Everything on, as Prometheus's own test scripts expect.
    pub const ALL: Self = Self {
        experimental_functions: true,
        duration_expressions: true,
        extended_range_selectors: true,
        binop_fill_modifiers: true,
        delayed_name_removal: true,
        type_and_unit_labels: true,
        start_timestamps: true,
        sorted_error_series: true,
    };
}
