//! YAML as nodes with positions: read strictly, written in the order that Prometheus writes.

mod emit;
mod node;
mod parse;
mod resolve;

pub use emit::{Out, OutMap, emit, flow_text, redacted};
pub use node::{Node, Position, Scalar, Value};
pub use parse::{SyntaxError, parse};
pub use resolve::{Resolved, resolve};
