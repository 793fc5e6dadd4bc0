//! Types: what may stand where, and what of it a user can get wrong.

mod query;
mod types;

pub use query::{parse, parse_selector};
