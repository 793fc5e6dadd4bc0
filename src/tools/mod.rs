//! Work beside the server, in promtool's words: `narthex check config FILE`, `narthex tsdb list DIR` and so on.

mod arguments;
mod check_config;
mod check_metrics;
mod check_rules;
mod check_server;
mod check_web_config;
mod client;
mod command;
mod explain;
mod help;
mod import;
mod inspect;
mod inspect_frames;
mod inspect_sealed;
mod lint;
mod overlay;
mod print_answer;
mod progress;
mod promql_text;
mod query;
mod query_times;
mod store;
mod streams;
mod table;
mod tsdb_analyze;
mod tsdb_compact;
mod tsdb_dump;
mod tsdb_import;
mod tsdb_list;
mod tsdb_verify;

pub use command::{is_tool, run};
pub use help::page;
pub use import::{Imported, import_openmetrics};
pub use streams::Streams;
