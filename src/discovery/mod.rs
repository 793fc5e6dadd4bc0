//! Finding targets: static lists, files, HTTP, DNS and Kubernetes, and a manager that hands each job its groups.

mod dns;
mod file;
mod groups;
mod http;
mod kubernetes;
mod manager;
mod metrics;
mod provider;
mod refresh;

pub use crate::config::TargetGroup;
pub use kubernetes::{Environment, KubernetesObject, ObjectPort, ObjectSight, Patience, View};
pub use manager::{DiscoveryManager, DiscoveryOptions, Found, JobGroups};
