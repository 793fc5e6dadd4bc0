//! The HTTP API: routes, parameters, endpoints, encodings. Only here do statuses, JSON and error types exist.
mod encode;
pub mod parse_query;
