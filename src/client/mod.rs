//! Speaking HTTP to others: connections, TLS, proxies, credentials and redirects, as `prometheus.yml` describes them.

mod auth;
mod dial;
mod fault;
mod http;
mod oauth2;
mod patient;
mod reload;
mod resolve;
mod tls;

pub(crate) use fault::error_text;
pub(crate) use http::{ClientOptions, HttpClient, Outgoing, status_text};
pub(crate) use oauth2::form_escaped;
pub(crate) use resolve::{Resolver, fault as dns_fault, is_negative};

/// The `User-Agent` header: servers know the Prometheus whose behaviour this is.
pub(crate) const USER_AGENT: &str = "Prometheus/3.12.0";
