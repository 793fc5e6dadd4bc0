//! The syntax tree: what was written, and nothing of its evaluation.

mod chain;
mod duration;
mod expr;
mod op;
mod pretty;
mod print;

pub use duration::DurationExpr;
pub use expr::*;
pub use op::{AggregateOp, BinaryOp, Cardinality, ValueType};
