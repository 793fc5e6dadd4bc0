//! Kubernetes discovery against an API server of our own.

mod absence;
mod api_server;
mod faults;
mod joined;
mod replay;
mod roles;
mod world;
mod zero_config;
