//! The listener's door: TLS, users, headers and the rate of requests, as the web configuration file says.

mod client_cert;
mod file;
mod limiter;
mod tls;
mod users;

pub use file::WebFile;
