//! The running server: joins store, discovery, scraping, queries and HTTP, starts and stops them in order.

mod addresses;
mod apply;
mod file_limit;
mod options;
mod run;
mod signals;
mod store;
mod threads;
mod timed_disk;
mod watch_files;

pub use addresses::config_source;
pub use options::{LogFormat, LogLevel, Notice, Options, ReadBounds, Retention};
pub use run::run;
