//! Random queries over the native histograms of [`random_natives`](crate::random_natives).

use crate::generate::Queries;

const COUNTERS: [&str; 4] = ["nh", "nh", "nc", "nh{job=\"a\"}"];
const ANY: [&str; 6] = ["nh", "nh", "nc", "ng", "nh{inst=\"0\"}", "ng{job!=\"b\"}"];
const RANGES: [&str; 6] = ["30s", "45s", "1m", "2m", "3m", "10m"];
const OF_COUNTERS: [&str; 4] = ["rate", "increase", "irate", "rate"];
const OF_ANY: [&str; 6] = [
    "delta",
    "idelta",
    "last_over_time",
    "first_over_time",
    "sum_over_time",
    "avg_over_time",
];
const COUNTS: [&str; 4] = ["count_over_time", "present_over_time", "resets", "changes"];
const STEPS: [&str; 4] = ["15s", "20s", "40s", ""];
/// Values that meet no bucket's end exactly.
const BETWEEN: [&str; 9] = ["-3.3", "-0.7", "0", "0.3", "1.1", "3.7", "7", "Inf", "-Inf"];
const NUMBERS: [&str; 6] = ["2", "0.5", "3", "-1", "10", "0"];
/// Shares that meet no bucket's end exactly: there the last digit decides, in a bucket without ends between NaN and Inf.
const SHARES: [&str; 8] = [
    "0.37", "0.813", "0.051", "0.9371", "0.0003", "0.9997", "-1", "NaN",
];

impl Queries<'_> {
    /// A query over native histograms.
    pub fn native(&mut self, depth: usize) -> String {
        match self.random.below(14) {
            10 => {
                let function = self.random.one(&["histogram_stddev", "histogram_stdvar"]);
                format!("{function}({})", self.grown(depth))
            }
            11..=12 => {
                let (lower, upper) = (self.random.one(&BETWEEN), self.random.one(&BETWEEN));
                format!("histogram_fraction({lower}, {upper}, {})", self.grown(depth))
            }
            13 => {
                let (one, other) = (self.random.one(&SHARES), self.random.one(&SHARES));
                format!(
                    "histogram_quantiles({}, \"q\", {one}, {other})",
                    self.grown(depth)
                )
            }
            0 => format!("histogram_count({})", self.histograms(depth)),
            1 => format!("histogram_sum({})", self.histograms(depth)),
            2 => format!("histogram_avg({})", self.grown(depth)),
            3..=4 => {
                let share = self.random.one(&SHARES);
                format!("histogram_quantile({share}, {})", self.grown(depth))
            }
            5 => format!("{}({})", self.random.one(&COUNTS), self.window(&ANY)),
            6 => {
                let op = self.random.one(&["count", "group"]);
                format!("{op}{} ({})", self.groups(), self.histograms(depth))
            }
            _ => self.histograms(depth),
        }
    }

    /// A window of stored histograms, or of a subquery.
    fn runs(&mut self, of: &[&str], depth: usize) -> String {
        if depth < 2 || !self.random.once_in(4) {
            return self.window(of);
        }
        let inner = if of.len() == COUNTERS.len() {
            self.grown(depth - 2)
        } else {
            self.histograms(depth - 2)
        };
        let (range, step) = (self.random.one(&RANGES), self.random.one(&STEPS));
        format!("({inner})[{range}:{step}]{}", self.modifiers())
    }

    fn window(&mut self, of: &[&str]) -> String {
        let (metric, range) = (self.random.one(of), self.random.one(&RANGES));
        format!("{metric}[{range}]{}", self.modifiers())
    }

    fn groups(&mut self) -> String {
        let labels = self.random.some(&["job", "inst", "__name__"]).join(", ");
        self.random
            .one(&["", "by", "without"])
            .split_terminator(' ')
            .map(|word| format!(" {word} ({labels})"))
            .collect()
    }

    /// Histograms of counts that are not negative.
    fn grown(&mut self, depth: usize) -> String {
        match self.random.below(5) {
            0 => self.random.one(&COUNTERS).to_owned() + &self.modifiers(),
            1 if depth > 1 => format!("({}) * 3", self.grown(depth - 1)),
            2 | 3 if depth > 1 => {
                let op = self.random.one(&["sum", "avg"]);
                format!("{op}{} ({})", self.groups(), self.grown(depth - 1))
            }
            _ => format!(
                "{}({})",
                self.random.one(&OF_COUNTERS),
                self.runs(&COUNTERS, depth)
            ),
        }
    }

    fn histograms(&mut self, depth: usize) -> String {
        if depth == 0 {
            return self.random.one(&ANY).to_owned() + &self.modifiers();
        }
        match self.random.below(12) {
            0 => self.random.one(&ANY).to_owned() + &self.modifiers(),
            1..=3 => format!(
                "{}({})",
                self.random.one(&OF_COUNTERS),
                self.runs(&COUNTERS, depth)
            ),
            4 => format!("{}({})", self.random.one(&OF_ANY), self.runs(&ANY, depth)),
            5..=6 => {
                let op = self.random.one(&["sum", "avg"]);
                format!("{op}{} ({})", self.groups(), self.histograms(depth - 1))
            }
            7 => {
                let number = self.random.one(&NUMBERS);
                let op = self.random.one(&["*", "/", "*", "+"]);
                format!("({}) {op} {number}", self.histograms(depth - 1))
            }
            8 => format!("{} * ({})", self.random.one(&NUMBERS), self.histograms(depth - 1)),
            9 => {
                let metric = self.random.one(&ANY);
                let op = self.random.one(&["==", "!="]);
                format!("{metric} {op} {metric}{}", self.modifiers())
            }
            10 => {
                let (left, right) = (self.histograms(depth - 1), self.histograms(depth - 1));
                let op = self.random.one(&["+", "-"]);
                let matching = self
                    .random
                    .one(&["", " on (job, inst)", " ignoring (inst)", " on (job)"]);
                format!("({left}) {op}{matching} ({right})")
            }
            _ => format!("-({})", self.histograms(depth - 1)),
        }
    }
}
