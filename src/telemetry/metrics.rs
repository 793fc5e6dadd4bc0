//! The server's own metrics: one registry of counters, gauges, histograms and summaries; no text, no clock.
//!
//! A room registers its families once and keeps the handles; handles are cheap to clone and lock-free to change
//! (summaries and the lookup of a label set take a short lock). Registering the same family again hands out the same
//! cells, so two instances of a room may count together. What is a figure of somebody else's (the store's statistics,
//! the process) is read when the metrics are asked for: [`Registry::on_gather`].
//!
//! ```
//! use narthex::telemetry::metrics::Registry;
//! let registry = Registry::new();
//! let scrapes = registry.counters("scrapes_total", "Scrapes by pool.", &["pool"]);
//! scrapes.with(&["node"]).inc();
//! assert_eq!(registry.gather()[0].points[0].labels, [("pool".to_owned(), "node".to_owned())]);
//! ```
pub use super::registry::{Gather, Registry, Vector};
pub use super::value::{Counter, Gauge, Histogram, Kind, Summary};

/// A vector of counters.
pub type Counters = Vector<Counter>;
/// A vector of gauges.
pub type Gauges = Vector<Gauge>;
/// A vector of histograms.
pub type Histograms = Vector<Histogram>;
/// A vector of summaries.
pub type Summaries = Vector<Summary>;

/// One family as it stood when it was gathered.
#[derive(Debug, Clone, PartialEq)]
pub struct Family {
    /// Name as it is exposed in the text format, counters with `_total`.
    pub name: String,
    /// One sentence for people.
    pub help: String,
    /// What its points hold.
    pub kind: Kind,
    /// Points, sorted by label values.
    pub points: Vec<Point>,
}

/// One label set of a family with its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// Label pairs in the order the family names them.
    pub labels: Vec<(String, String)>,
    /// The value.
    pub value: PointValue,
}

/// The value of a point.
#[derive(Debug, Clone, PartialEq)]
pub enum PointValue {
    /// A counter's or gauge's number.
    Number(f64),
    /// A classic histogram.
    Histogram {
        /// Upper bounds, ascending and without +Inf, with the observations at or below them.
        buckets: Vec<(f64, u64)>,
        /// Sum of all observations.
        sum: f64,
        /// All observations.
        count: u64,
    },
    /// A summary.
    Summary {
        /// Quantiles with their values; `NaN` while nothing was observed.
        quantiles: Vec<(f64, f64)>,
        /// Sum of all observations.
        sum: f64,
        /// All observations.
        count: u64,
    },
}
