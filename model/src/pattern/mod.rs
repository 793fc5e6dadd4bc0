//! Anchored regular expressions, with the syntax and meaning that Prometheus gives them.

mod class;
mod error;
mod matching;
mod shape;
mod syntax;

pub use error::PatternError;
pub use matching::Pattern;
