//! What there is to know about targets, as plain values at one moment.

use narthex_model::Labels;

use super::metadata::MetricMetadata;

/// How the last scrape went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Health {
    /// Not scraped yet.
    #[default]
    Unknown,
    /// It succeeded.
    Up,
    /// It failed.
    Down,
}

impl Health {
    /// As the HTTP API spells it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Up => "up",
            Self::Down => "down",
        }
    }
}

/// What the last scrape left behind.
#[derive(Debug, Clone, Default)]
pub(super) struct TargetState {
    pub(super) health: Health,
    pub(super) last_error: String,
    pub(super) last_scrape_ms: Option<i64>,
    pub(super) last_duration_seconds: f64,
}

/// A target that is scraped.
#[derive(Debug, Clone, PartialEq)]
pub struct TargetStatus {
    /// Labels before relabelling.
    pub discovered_labels: Labels,
    /// Labels that its samples get.
    pub labels: Labels,
    /// Where it is scraped.
    pub scrape_url: String,
    /// How the last scrape went.
    pub health: Health,
    /// Why the last scrape failed; empty if it did not.
    pub last_error: String,
    /// When the last scrape began, in Unix milliseconds; none before the first.
    pub last_scrape_ms: Option<i64>,
    /// How long the last scrape took.
    pub last_duration_seconds: f64,
    /// Interval as its label spells it.
    pub scrape_interval: String,
    /// Timeout as its label spells it.
    pub scrape_timeout: String,
}

/// Something that was found and is not scraped.
#[derive(Debug, Clone, PartialEq)]
pub struct DroppedTarget {
    /// Labels before relabelling.
    pub discovered_labels: Labels,
}

/// The targets of one job.
#[derive(Debug, Clone, PartialEq)]
pub struct PoolStatus {
    /// The job's name.
    pub name: String,
    /// Targets that are scraped, in no particular order.
    pub active: Vec<TargetStatus>,
    /// Targets that are not, as many as `keep_dropped_targets` allows.
    pub dropped: Vec<DroppedTarget>,
    /// How many targets are not scraped, remembered or not.
    pub dropped_count: usize,
}

/// What one target says about its metrics.
#[derive(Debug, Clone, PartialEq)]
pub struct TargetMetadata {
    /// Labels that the target's samples get.
    pub labels: Labels,
    /// Its metric families, sorted by name.
    pub metrics: Vec<MetricMetadata>,
}
