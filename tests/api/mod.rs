//! The HTTP API over real connections: what clients such as Grafana rely on, with golden bodies of our own.

mod admin;
mod answers;
mod cached;
mod exemplars;
mod federation;
mod grafana;
mod limits;
mod names;
mod native;
mod otlp;
mod parameters;
mod push;
mod push_v2;
mod readiness;
mod remote_read;
mod rules;
mod search;
mod state;
mod transport;
mod web_config;
mod world;
