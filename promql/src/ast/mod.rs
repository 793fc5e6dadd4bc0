//! The syntax tree: what was written, and nothing of its evaluation.

mod expr;

pub use expr::*;
