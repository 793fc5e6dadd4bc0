//! PromQL a second time, written for reading: step by step, series by series, nothing shared, nothing planned ahead.
//!
//! The engine is compared with it.

mod aggregate;
mod binary;
mod call;
mod evaluate;
mod extended;
mod histogram;
mod info;
mod labels;
mod math;
mod native;
mod native_over_time;
mod native_quantile;
mod over_time;
mod rate;
mod select;
mod statistics;
mod window;

pub use evaluate::{Element, Failure, Plain, Point, Sample, Series, Value};
pub use native::Native;
pub use select::{Run, Seen};
