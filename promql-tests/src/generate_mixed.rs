//! Random queries over series that hold numbers and histograms, and over targets of which something is known.

use crate::generate::{AGGREGATIONS, LABELS, OVER_TIME, Queries, RANGES};

/// What is asked of info series.
const INFO_SELECTORS: [&str; 8] = [
    "",
    "",
    ", {version=~\".+\"}",
    ", {version=\"2\"}",
    ", {zone=~\".*\"}",
    ", {__name__=\"build_info\"}",
    ", {__name__=~\".+_info\", version=~\".*\"}",
    ", {__name__!=\"build_info\"}",
];

impl Queries<'_> {
    /// What holds numbers and histograms, or functions of either.
    pub(crate) fn whole_or_number(&mut self, depth: usize) -> String {
        let mixed = || "mx".to_owned();
        match self.random.below(5) {
            0 => mixed() + &self.modifiers(),
            1 => {
                let (function, range) = (self.random.one(&OVER_TIME), self.random.one(&RANGES));
                format!("{function}(mx[{range}]{})", self.modifiers())
            }
            2 => {
                let both = if self.delayed { "-mx" } else { "g or mx" };
                format!("histogram_count({})", self.random.one(&["mx", both]))
            }
            3 => {
                let (left, right) = (mixed(), self.random.one(&["mx", "on (job) mx", "2"]));
                let op = self.random.one(&["+", "-", "*", "/", "==", "<"]);
                format!("{left} {op} {right}")
            }
            _ => {
                let aggregation = self.random.one(&AGGREGATIONS);
                let labels = self.random.some(&LABELS).join(", ");
                let inner = if depth > 1 && self.random.once_in(3) {
                    format!("(mx{}) * 2", self.modifiers())
                } else {
                    mixed() + &self.modifiers()
                };
                format!("{aggregation} by ({labels}) ({inner})")
            }
        }
    }

    pub(crate) fn informed(&mut self) -> String {
        let base = match self.random.below(5) {
            0 => format!("of_target{}", self.modifiers()),
            1 => format!("rate(of_target[{}])", self.random.one(&RANGES)),
            2 => "{__name__=~\"of_target|target_info\"}".to_owned(),
            3 => "of_target > 30".to_owned(),
            _ => "of_target".to_owned(),
        };
        format!("info({base}{})", self.random.one(&INFO_SELECTORS))
    }
}
