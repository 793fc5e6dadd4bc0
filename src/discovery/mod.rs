//! Finding targets: static lists, files, and a manager that hands each job its groups.

pub use crate::config::TargetGroup;
