//! The HTTP API: routes, parameters, endpoints, encodings. Only here do statuses, JSON and error types exist.

mod accept;
mod activity;
mod api;
mod app;
mod body;
mod call;
mod compress;
mod cors;
mod encode;
mod figures;
mod form;
mod fuzzy;
mod global_url;
mod guard;
mod notifications;
mod options;
mod params;
pub mod parse_query;
mod paths;
mod problem;
mod read;
mod request_line;
mod router;
mod routes;
mod serve;
mod stream;
mod version;
mod write;

pub use app::{App, AppParts, ReloadRequest};
pub use encode::answer::answer_json;
pub use guard::WebFile;
pub use options::WebOptions;
pub(crate) use params::parse_time;
pub use read::ReadLimits;
pub use serve::serve;
pub use version::Version;
