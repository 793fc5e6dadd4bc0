//! What the server knows about itself: its own counters.
pub mod log;
pub mod metrics;
mod registry;
mod value;
