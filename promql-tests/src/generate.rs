//! Random well-typed queries.
//!
//! They ask for the series of [`random_data`](crate::random_data); numbers in them are such that values rarely lie
//! exactly where rounding decides.

use crate::random::Random;

/// Of how many queries one is over native histograms.
const NATIVE_ONCE_IN: usize = 4;
/// Metrics of numbers.
const METRICS: [&str; 12] = [
    "g",
    "g",
    "h",
    "c_total",
    "c_total",
    "d_total",
    "lat_bucket",
    "lat_bucket",
    "one",
    "meta",
    "of_target",
    "build_info",
];
pub(crate) const LABELS: [&str; 5] = ["job", "inst", "le", "zone", "__name__"];
const PLAIN_LABELS: [&str; 4] = ["job", "inst", "le", "zone"];
const MATCHERS: [&str; 12] = [
    "job=\"a\"",
    "job=\"b\"",
    "job!=\"a\"",
    "job=~\"a|b\"",
    "job=~\"[bc]\"",
    "inst=\"0\"",
    "inst!~\"1.*\"",
    "le=\"+Inf\"",
    "le!=\"\"",
    "zone=\"\"",
    "inst=~\".+\"",
    "job=\"none\"",
];
pub(crate) const RANGES: [&str; 8] = ["15s", "30s", "45s", "1m", "1m30s", "2m", "3m", "10m"];
const STEPS: [&str; 6] = ["5s", "15s", "20s", "40s", "1m", ""];
const OFFSETS: [&str; 6] = ["5s", "15s", "1m", "-10s", "-1m", "9m"];
const NUMBERS: [&str; 12] = [
    "0", "1", "2", "0.5", "-1", "3", "10", "0.1", "1.5", "NaN", "Inf", "-Inf",
];
const SHARES: [&str; 6] = ["0.5", "0", "1", "0.9", "0.99", "0.25"];
const FILLS: [&str; 4] = ["0", "1", "-2.5", "NaN"];
const ANCHORED: [&str; 5] = ["rate", "increase", "delta", "resets", "changes"];
const SMOOTHED: [&str; 3] = ["rate", "increase", "delta"];
const MATH: [&str; 23] = [
    "abs", "ceil", "floor", "exp", "ln", "log2", "log10", "sqrt", "sin", "cos", "tan", "asin", "acos",
    "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "deg", "rad", "sgn",
];
const CALENDAR: [&str; 8] = [
    "minute",
    "hour",
    "day_of_week",
    "day_of_month",
    "day_of_year",
    "days_in_month",
    "month",
    "year",
];
pub(crate) const OVER_TIME: [&str; 25] = [
    "rate",
    "increase",
    "delta",
    "irate",
    "idelta",
    "resets",
    "changes",
    "avg_over_time",
    "sum_over_time",
    "count_over_time",
    "min_over_time",
    "max_over_time",
    "stddev_over_time",
    "stdvar_over_time",
    "last_over_time",
    "first_over_time",
    "present_over_time",
    "mad_over_time",
    "ts_of_first_over_time",
    "ts_of_last_over_time",
    "ts_of_min_over_time",
    "ts_of_max_over_time",
    "deriv",
    "rate",
    "increase",
];
pub(crate) const AGGREGATIONS: [&str; 9] = [
    "sum", "avg", "count", "min", "max", "group", "stddev", "stdvar", "sum",
];
const ARITHMETIC: [&str; 7] = ["+", "-", "*", "/", "%", "^", "atan2"];
const COMPARISONS: [&str; 6] = ["==", "!=", "<", "<=", ">", ">="];
const SETS: [&str; 3] = ["or", "and", "unless"];

/// Writes random queries over data that begins at `base` (Unix milliseconds).
#[derive(Debug)]
pub struct Queries<'r> {
    /// Where choices come from.
    pub random: &'r mut Random,
    /// When the data begins, in Unix milliseconds.
    pub base: i64,
    /// Whether names go at the query's end. Of elements of one series some of which lose their names and some do not,
    /// Prometheus takes the first step's word for all: such are not asked for.
    pub delayed: bool,
}

impl Queries<'_> {
    /// A query of about `depth` levels; at one time only or over a range.
    pub fn any(&mut self, depth: usize, at_one_time: bool) -> String {
        if self.random.once_in(NATIVE_ONCE_IN) {
            self.native(depth)
        } else if at_one_time {
            self.at_one_time(depth)
        } else {
            self.query(depth)
        }
    }

    /// An instant vector, or now and then a scalar, of about `depth` levels.
    pub fn query(&mut self, depth: usize) -> String {
        if self.random.once_in(12) {
            self.scalar(depth)
        } else {
            self.vector(depth)
        }
    }

    /// What may be asked at one time: a range vector too.
    pub fn at_one_time(&mut self, depth: usize) -> String {
        if self.random.once_in(12) {
            self.range_vector(depth)
        } else {
            self.query(depth)
        }
    }

    fn vector(&mut self, depth: usize) -> String {
        if depth == 0 {
            return self.selector();
        }
        match self.random.below(26) {
            0 => self.selector(),
            1..=6 => self.over_time(depth),
            7..=10 => self.aggregation(depth),
            11..=12 => self.with_scalar(depth),
            13..=15 => self.with_vector(depth),
            16..=17 => self.set_operation(depth),
            18 => {
                let function = self.random.one(&MATH);
                format!("{function}({})", self.vector(depth - 1))
            }
            19 => self.relabelled(depth),
            20 => self.histogram(depth),
            23 => self.informed(),
            24 => self.whole_or_number(depth),
            21 => self.of_numbers(depth),
            22 => self.of_times(depth),
            _ => self.wrapped(depth),
        }
    }

    fn selector(&mut self) -> String {
        let mut chosen = self.chosen();
        if self.random.once_in(25) {
            chosen += " smoothed";
        }
        chosen + &self.modifiers()
    }

    /// A selector without modifiers.
    fn chosen(&mut self) -> String {
        let mut matchers = Vec::new();
        for _ in 0..self.random.one(&[0, 0, 0, 1, 1, 2]) {
            matchers.push(self.random.one(&MATCHERS).to_owned());
        }
        if self.random.once_in(8) {
            let names = self
                .random
                .one(&["g|h", "c_total|d_total", ".*_total", "g|meta", "h|one"]);
            matchers.push(format!("__name__=~\"{names}\""));
            return format!("{{{}}}", matchers.join(", "));
        }
        let metric = self.random.one(&METRICS);
        if matchers.is_empty() {
            metric.to_owned()
        } else {
            format!("{metric}{{{}}}", matchers.join(", "))
        }
    }

    pub(crate) fn modifiers(&mut self) -> String {
        let mut text = String::new();
        if self.random.once_in(6) {
            text += &format!(" offset {}", self.random.one(&OFFSETS));
        }
        if self.random.once_in(10) {
            text += &match self.random.below(3) {
                0 => " @ start()".to_owned(),
                1 => " @ end()".to_owned(),
                _ => {
                    let at = self.base / 1000 + self.random.between(-30, 700);
                    format!(" @ {at}")
                }
            };
        }
        text
    }

    fn range_vector(&mut self, depth: usize) -> String {
        let range = self.random.one(&RANGES);
        if depth < 2 || !self.random.once_in(4) {
            let chosen = self.chosen();
            return format!("{chosen}[{range}]{}", self.modifiers());
        }
        let inner = self.vector(depth - 2);
        let step = self.random.one(&STEPS);
        format!("({inner})[{range}:{step}]{}", self.modifiers())
    }

    fn over_time(&mut self, depth: usize) -> String {
        if self.random.once_in(8) {
            let (function, extension) = if self.random.once_in(2) {
                (self.random.one(&ANCHORED), "anchored")
            } else {
                (self.random.one(&SMOOTHED), "smoothed")
            };
            let (chosen, range) = (self.chosen(), self.random.one(&RANGES));
            return format!("{function}({chosen}[{range}] {extension}{})", self.modifiers());
        }
        let range = self.range_vector(depth);
        match self.random.below(16) {
            0 => format!("quantile_over_time({}, {range})", self.share(depth - 1)),
            1 => format!("predict_linear({range}, {})", self.scalar(0)),
            2 => format!("absent_over_time({range})"),
            3 => {
                let (smoothing, trend) = (self.random.one(&["0.5", "0.1"]), self.random.one(&["0.3", "0.9"]));
                format!("double_exponential_smoothing({range}, {smoothing}, {trend})")
            }
            _ => format!("{}({range})", self.random.one(&OVER_TIME)),
        }
    }

    fn aggregation(&mut self, depth: usize) -> String {
        let mut inner = self.vector(depth - 1);
        let labels = self.random.some(&LABELS).join(", ");
        let grouping = match self.random.below(4) {
            0 => String::new(),
            1 => format!(" without ({labels})"),
            _ => format!(" by ({labels})"),
        };
        let choice = self.random.below(12);
        let ordered = ["topk", "bottomk", "sort"]
            .iter()
            .any(|name| inner.contains(name));
        if (1..=2).contains(&choice) && ordered {
            // Which of equal values stays follows from an order that nobody promises.
            inner = self.selector();
        }
        match choice {
            0 => format!("quantile{grouping} ({}, {inner})", self.share(depth - 1)),
            1 => {
                let k = self.random.between(0, 4);
                format!("topk{grouping} ({k}, {inner})")
            }
            2 => {
                let k = self.random.between(-1, 3);
                format!("bottomk{grouping} ({k}, {inner})")
            }
            3 => format!("count_values{grouping} (\"value\", {})", self.selector()),
            4 => format!(
                "limitk{grouping} ({}, {})",
                self.random.between(0, 3),
                self.selector()
            ),
            5 => {
                let share = self.random.one(&["0.5", "0.2", "-0.3", "0", "1", "-1", "NaN"]);
                format!("limit_ratio{grouping} ({share}, {inner})")
            }
            _ => format!("{}{grouping} ({inner})", self.random.one(&AGGREGATIONS)),
        }
    }

    fn with_scalar(&mut self, depth: usize) -> String {
        let (vector, scalar) = (self.vector(depth - 1), self.scalar(depth - 1));
        let op = self.operator();
        if self.random.once_in(2) {
            format!("({vector}) {op} ({scalar})")
        } else {
            format!("({scalar}) {op} ({vector})")
        }
    }

    fn operator(&mut self) -> String {
        match self.random.below(4) {
            0 => self.random.one(&COMPARISONS).to_owned(),
            1 => format!("{} bool", self.random.one(&COMPARISONS)),
            _ => self.random.one(&ARITHMETIC).to_owned(),
        }
    }

    fn with_vector(&mut self, depth: usize) -> String {
        let op = self.operator();
        if self.random.once_in(3) {
            // Both sides by the same labels: matching finds partners.
            let labels = self.random.some(&PLAIN_LABELS).join(", ");
            let aggregation = self.random.one(&AGGREGATIONS);
            let (left, right) = (self.vector(depth - 1), self.vector(depth - 1));
            let side = self.random.one(&["", " group_left()", " group_right()"]);
            return format!(
                "(sum by ({labels}) ({left})) {op} on ({labels}){side} ({aggregation} by ({labels}) ({right}))"
            );
        }
        if self.random.once_in(4) {
            let side = self.random.one(&["zone", "", "zone, inst"]);
            let many = self.vector(depth - 1);
            return if self.random.once_in(2) {
                format!("({many}) {op} on (job) group_left({side}) meta")
            } else {
                format!("meta {op} on (job) group_right({side}) ({many})")
            };
        }
        let (left, right) = (self.vector(depth - 1), self.vector(depth - 1));
        let matching = self.matching(true);
        let fill = match self.random.below(9) {
            0 => format!(" fill ({})", self.random.one(&FILLS)),
            1 => format!(" fill_left ({})", self.random.one(&FILLS)),
            2 => format!(" fill_right ({})", self.random.one(&FILLS)),
            _ => String::new(),
        };
        format!("({left}) {op}{matching}{fill} ({right})")
    }

    fn matching(&mut self, sides: bool) -> String {
        let (on, others): (Vec<_>, Vec<_>) = LABELS.iter().copied().partition(|_| self.random.once_in(2));
        let mut text = match self.random.below(3) {
            0 => String::new(),
            1 => format!(" on ({})", on.join(", ")),
            _ => format!(" ignoring ({})", on.join(", ")),
        };
        if sides && !text.is_empty() && self.random.once_in(3) {
            let include = if text.starts_with(" on") {
                self.random.some(&others).join(", ")
            } else {
                String::new()
            };
            text += &format!(" {}({include})", self.random.one(&["group_left", "group_right"]));
        }
        text
    }

    fn set_operation(&mut self, depth: usize) -> String {
        let (left, right) = (self.vector(depth - 1), self.vector(depth - 1));
        let op = self.random.one(if self.delayed { &SETS[1..] } else { &SETS });
        format!("({left}) {op}{} ({right})", self.matching(false))
    }

    fn relabelled(&mut self, depth: usize) -> String {
        let inner = self.vector(depth - 1);
        let names: &[&str] = &["job", "new", "inst", "zone", "__name__"];
        let dst = self.random.one(if self.delayed { &names[..4] } else { names });
        let src = self.random.one(&["job", "inst", "__name__", "le", "none"]);
        if self.random.once_in(2) {
            let other = self.random.one(&LABELS);
            return format!("label_join({inner}, \"{dst}\", \"-\", \"{src}\", \"{other}\")");
        }
        let (replacement, regex) = self.random.one(&[
            ("$1", "(.*)"),
            ("x$1", "(a|b)"),
            ("", "a"),
            ("${1}y$2", "(.)(.*)"),
            ("fix", ".*"),
            ("$1", "(.+)_total"),
        ]);
        format!("label_replace({inner}, \"{dst}\", \"{replacement}\", \"{src}\", \"{regex}\")")
    }

    fn histogram(&mut self, depth: usize) -> String {
        let q = self.share(depth - 1);
        let range = self.random.one(&RANGES);
        let buckets = match self.random.below(4) {
            0 => format!("lat_bucket{}", self.modifiers()),
            1 => format!("rate(lat_bucket[{range}])"),
            2 => format!("sum by (le) (increase(lat_bucket[{range}]))"),
            _ => format!("sum by (job, le) (rate(lat_bucket[{range}]))"),
        };
        match self.random.below(4) {
            0 => {
                let (lower, upper) = (self.scalar(0), self.scalar(0));
                format!("histogram_fraction({lower}, {upper}, {buckets})")
            }
            1 => format!(
                "histogram_quantiles({buckets}, \"q\", 0.25, {})",
                self.random.one(&SHARES)
            ),
            _ => format!("histogram_quantile({q}, {buckets})"),
        }
    }

    fn of_numbers(&mut self, depth: usize) -> String {
        let inner = self.vector(depth - 1);
        match self.random.below(5) {
            0 => format!("round({inner})"),
            1 => format!("round({inner}, {})", self.random.one(&["5", "0.25", "0.3", "10"])),
            2 => format!("clamp({inner}, {}, {})", self.scalar(0), self.scalar(0)),
            3 => format!("clamp_min({inner}, {})", self.scalar(depth - 1)),
            _ => format!("clamp_max({inner}, {})", self.scalar(depth - 1)),
        }
    }

    fn of_times(&mut self, depth: usize) -> String {
        let calendar = self.random.one(&CALENDAR);
        match self.random.below(8) {
            6 => format!("start_timestamp({})", self.selector()),
            7 => format!("start_timestamp({})", self.vector(depth - 1)),
            0 => format!("timestamp({})", self.selector()),
            1 => format!("timestamp({})", self.vector(depth - 1)),
            2 => format!("{calendar}()"),
            3 => format!("{calendar}(vector(time() * {}))", self.random.one(&NUMBERS[..9])),
            4 => format!("{calendar}(timestamp({}))", self.selector()),
            _ => format!("vector({})", self.scalar(depth - 1)),
        }
    }

    fn wrapped(&mut self, depth: usize) -> String {
        let inner = self.vector(depth - 1);
        match self.random.below(5) {
            0 => format!("-({inner})"),
            1 => format!("({inner})"),
            2 => format!("sort({inner})"),
            3 if self.random.once_in(2) => format!("sort_desc({inner})"),
            3 => {
                let (function, label) = (
                    self.random.one(&["sort_by_label", "sort_by_label_desc"]),
                    self.random.one(&LABELS),
                );
                format!("{function}({inner}, \"{label}\", \"inst\")")
            }
            _ if self.random.once_in(2) => format!("absent(({}))", self.selector()),
            _ => format!("absent({inner})"),
        }
    }

    /// A number between 0 and 1, mostly.
    fn share(&mut self, depth: usize) -> String {
        if self.random.once_in(8) {
            return self.scalar(depth);
        }
        self.random.one(&SHARES).to_owned()
    }

    fn scalar(&mut self, depth: usize) -> String {
        if depth == 0 {
            return self.random.one(&NUMBERS).to_owned();
        }
        match self.random.below(8) {
            6 => format!("{}()", self.random.one(&["pi", "start", "end", "step", "range"])),
            7 => {
                let function = self.random.one(&["min_of", "max_of"]);
                format!(
                    "{function}({}, {})",
                    self.scalar(depth - 1),
                    self.scalar(depth - 1)
                )
            }
            0 => "time()".to_owned(),
            1 => format!("scalar({})", self.vector(depth - 1)),
            2 => {
                let (left, right) = (self.scalar(depth - 1), self.scalar(depth - 1));
                let op = if self.random.once_in(3) {
                    format!("{} bool", self.random.one(&COMPARISONS))
                } else {
                    self.random.one(&ARITHMETIC).to_owned()
                };
                format!("({left}) {op} ({right})")
            }
            3 => format!("-({})", self.scalar(depth - 1)),
            _ => self.random.one(&NUMBERS).to_owned(),
        }
    }
}
