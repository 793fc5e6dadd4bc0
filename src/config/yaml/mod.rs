//! YAML as nodes with positions: read strictly, written in the order that Prometheus writes.

mod node;

pub use node::{Node, Position, Scalar, Value};
