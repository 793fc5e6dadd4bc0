//! From objects to groups of targets, one file a role. Pure: what an object refers to is looked up through [`Lookup`].

mod endpoints;
mod endpointslice;
mod ingress;
mod lookup;
mod node;
mod pod;
mod pod_ports;
mod service;

pub(super) use lookup::{Lookup, References, build, source};
