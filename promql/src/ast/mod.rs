//! The syntax tree: what was written, and nothing of its evaluation.

mod duration;
mod expr;
mod op;

pub use duration::DurationExpr;
pub use expr::*;
pub use op::{AggregateOp, BinaryOp, Cardinality, ValueType};
