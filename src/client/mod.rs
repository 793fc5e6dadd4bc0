//! Speaking HTTP to others: connections, TLS, proxies, credentials and redirects, as `prometheus.yml` describes them.

mod auth;
mod dial;
mod fault;
mod http;
mod oauth2;
mod patient;
mod reload;
mod tls;

pub(crate) use fault::error_text;
pub(crate) use http::{ClientOptions, HttpClient, Outgoing, status_text};
