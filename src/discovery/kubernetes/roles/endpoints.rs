//! Role `endpoints`: one target for each address and port, ready or not, and for other ports of the pods behind.

use super::super::meta::{MetaLabels, host_port};
use super::super::object::{Address, Meta, ServicePort, Subset};
use super::super::resource::{Resource, key};
use super::lookup::Lookup;
use super::pod_ports::SeenPods;
use super::service::service_labels;

/// Tells that an object has more than its thousand addresses.
const OVER_CAPACITY: &str = "endpoints.kubernetes.io/over-capacity";

pub(super) fn build(meta: &Meta, subsets: &[Subset], lookup: &Lookup<'_>) -> (Vec<MetaLabels>, MetaLabels) {
    let mut labels = MetaLabels::default();
    labels.set("namespace", &meta.namespace);
    lookup.attach_namespace(meta, &mut labels);
    if let Some(service) = lookup.get(Resource::Services, key(&meta.namespace, &meta.name)) {
        labels.merge(&service_labels(&service.meta).0.labels());
    }
    labels.object("endpoints", meta);
    if meta.annotations.get(OVER_CAPACITY) == Some("truncated") {
        tracing::warn!(
            component = "discovery manager scrape",
            discovery = "kubernetes",
            role = "endpoints",
            endpoint = &*meta.name,
            "Number of endpoints in one Endpoints object exceeds 1000 and has been truncated, please use \"role: \
             endpointslice\" instead"
        );
    }
    let mut seen = SeenPods::default();
    let mut targets = Vec::new();
    for subset in subsets {
        for port in &subset.ports {
            for (addresses, ready) in [
                (&subset.addresses, "true"),
                (&subset.not_ready_addresses, "false"),
            ] {
                for address in addresses {
                    targets.push(target(address, port, ready, &mut seen, lookup));
                }
            }
        }
    }
    targets.extend(seen.others());
    (targets, labels)
}

fn target(
    address: &Address,
    port: &ServicePort,
    ready: &str,
    seen: &mut SeenPods,
    lookup: &Lookup<'_>,
) -> MetaLabels {
    let mut target = MetaLabels::default();
    target
        .address(&host_port(&address.ip, port.port))
        .set("endpoint_port_name", &port.name)
        .set("endpoint_port_protocol", &port.protocol)
        .set("endpoint_ready", ready)
        .set(
            "endpoint_node_name",
            address.node_name.as_deref().unwrap_or_default(),
        )
        .set("endpoint_hostname", &address.hostname);
    let reference = address.target_ref.as_ref();
    if let Some(reference) = reference {
        target
            .set("endpoint_address_target_kind", &reference.kind)
            .set("endpoint_address_target_name", &reference.name);
    }
    match (&address.node_name, reference) {
        (Some(node), _) => lookup.attach_node(node, &mut target),
        (None, Some(reference)) if &*reference.kind == "Node" => {
            lookup.attach_node(&reference.name, &mut target);
        }
        _ => {}
    }
    if let Some(pod) = lookup.pod(reference) {
        seen.add(&pod, Some(port.port), Some(&port.protocol), &mut target);
    }
    target
}
