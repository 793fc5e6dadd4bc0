//! What the server knows about itself: its own counters.
pub mod metrics;
mod registry;
mod value;
