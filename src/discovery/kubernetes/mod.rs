//! `kubernetes_sd_configs`: watches of an API server, shared between jobs, and the groups that roles make of objects.

mod access;
mod discoverer;
mod informer;
mod kubeconfig;
mod lines;
mod meta;
mod object;
mod patience;
mod reflector;
mod resource;
mod roles;
mod server;
mod view;
mod watches;
mod wire;

pub use access::Environment;
pub(super) use access::Surroundings;
pub(super) use discoverer::Discoverer;
pub use patience::Patience;
pub use view::{KubernetesObject, ObjectPort, ObjectSight, View};
pub(super) use watches::Watches;
