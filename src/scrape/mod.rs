//! Scraping: groups of targets in, batches of samples to the store out, and what there is to know about each target.

mod append;
mod cache;
mod candidate;
mod collate;
mod families;
mod family;
mod fetch;
mod keys;
mod line;
mod r#loop;
mod manager;
mod metadata;
mod metrics;
mod negotiate;
mod pool;
mod rejected;
mod report;
mod resolution;
mod schedule;
mod series;
mod settings;
mod stale;
mod status;
mod target;
mod url;

pub use candidate::{Candidate, Fate, JobStock};
pub use manager::ScrapeManager;
pub use metadata::MetricMetadata;
pub use settings::ScrapeOptions;
pub use status::{DroppedTarget, Health, PoolStatus, TargetMetadata, TargetStatus};

#[cfg(test)]
mod tests;
