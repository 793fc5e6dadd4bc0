//! PromQL: text -> syntax tree -> checked tree -> plan -> values.
//!
//! The engine reads from any [`SeriesSource`](narthex_model::SeriesSource); it knows no store, no clock and no wire.
//!
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod ast;
pub mod cache;
pub mod check;
pub mod engine;
pub mod error;
mod eval;
pub mod features;
pub mod functions;
pub mod limits;
mod parse;
mod plan;
pub mod span;
pub mod value;

pub use cache::{ResultCache, ResultCacheStats};
pub use check::{parse, parse_selector};
pub use engine::{Engine, EngineOptions, InstantQuery, QueryOptions, QueryOutput, QueryStats, RangeQuery};
pub use error::{ParseError, QueryError};
pub use features::Features;
pub use limits::Interrupt;
pub use span::Span;
pub use value::{InstantSample, RangeSeries, Value};
