//! Relabelling: rules that rewrite, keep or drop label sets. Knows no text format and no target.

mod apply;
mod case;
mod rule;
mod template;

pub use apply::{Step, process, process_builder, steps};
pub use rule::{NameScheme, Place, RelabelAction, RelabelConfig, RuleError};
