//! Role `service`: one target for each port, under the service's DNS name.

use super::super::meta::{MetaLabels, host_port};
use super::super::object::{Meta, Service};
use super::lookup::Lookup;

pub(super) fn build(meta: &Meta, service: &Service, lookup: &Lookup<'_>) -> (Vec<MetaLabels>, MetaLabels) {
    let mut labels = service_labels(meta);
    lookup.attach_namespace(meta, &mut labels);
    let host = format!("{}.{}.svc", meta.name, meta.namespace);
    let targets = service.ports.iter().map(|port| {
        let mut target = MetaLabels::default();
        target
            .address(&host_port(&host, port.port))
            .set("service_port_name", &port.name)
            .set("service_port_number", &port.port.to_string())
            .set("service_port_protocol", &port.protocol)
            .set("service_type", &service.kind);
        if &*service.kind == "ExternalName" {
            target.set("service_external_name", &service.external_name);
        } else {
            target.set("service_cluster_ip", &service.cluster_ip);
        }
        if &*service.kind == "LoadBalancer" {
            target.set("service_loadbalancer_ip", &service.load_balancer_ip);
        }
        target
    });
    (targets.collect(), labels)
}

/// What every target of a service carries, whatever role found it.
pub(super) fn service_labels(meta: &Meta) -> MetaLabels {
    let mut labels = MetaLabels::default();
    labels.set("namespace", &meta.namespace).object("service", meta);
    labels
}
