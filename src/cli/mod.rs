//! The command line: flags as data, read as Prometheus reads them, and what the process does with them.

mod flag;
mod help;
mod options;
mod parse;
mod run;
mod table;

pub use flag::{Effect, Flag, Kind};
pub use help::{markdown, usage, version};
pub use options::{Refusal, options};
pub use parse::{Fault, Values, parse};
pub use run::run;
pub use table::FLAGS;
