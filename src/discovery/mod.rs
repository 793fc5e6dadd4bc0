//! Finding targets: static lists, files, and a manager that hands each job its groups.

mod file;
mod manager;

pub use crate::config::TargetGroup;
pub use manager::{DiscoveryManager, Found, JobGroups};
