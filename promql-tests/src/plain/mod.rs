//! PromQL a second time, written for reading: step by step, series by series, nothing shared, nothing planned ahead.
//!
//! The engine is compared with it. It knows the functions that queries are made of most.

mod aggregate;
mod binary;
mod call;
mod evaluate;
mod extended;
mod histogram;
mod labels;
mod math;
mod native;
mod over_natives;
mod over_time;
mod rate;
mod select;
mod statistics;

pub use evaluate::{Element, Failure, Plain, Series, Value};
pub use native::Native;
pub use over_natives::{NativeSeries, Point};
pub use select::Window;
