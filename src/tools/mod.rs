//! Work beside the server, in promtool's words: `narthex tsdb create-blocks-from openmetrics FILE [DIR]`.

mod command;
mod import;

pub use command::{USAGE, run};
pub use import::{Imported, import_openmetrics};
