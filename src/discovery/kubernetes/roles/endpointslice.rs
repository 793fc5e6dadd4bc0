//! Role `endpointslice`: one target for each address and port, and for other ports of the pods behind.

use super::super::meta::{MetaLabels, host_port, sanitised};
use super::super::object::{Meta, Slice, SliceEndpoint, SlicePort};
use super::super::resource::{Resource, key};
use super::lookup::Lookup;
use super::pod_ports::SeenPods;
use super::service::service_labels;

/// The label that names the service of a slice.
const SERVICE_NAME: &str = "kubernetes.io/service-name";

pub(super) fn build(meta: &Meta, slice: &Slice, lookup: &Lookup<'_>) -> (Vec<MetaLabels>, MetaLabels) {
    let mut labels = MetaLabels::default();
    labels
        .set("namespace", &meta.namespace)
        .set("endpointslice_address_type", &slice.address_type)
        .object("endpointslice", meta);
    lookup.attach_namespace(meta, &mut labels);
    let service = meta.labels.get(SERVICE_NAME).unwrap_or_default();
    if let Some(service) = lookup.get(Resource::Services, key(&meta.namespace, service)) {
        labels.merge(&service_labels(&service.meta).0.labels());
    }
    let mut seen = SeenPods::default();
    let mut targets = Vec::new();
    for endpoint in &slice.endpoints {
        for port in &slice.ports {
            for address in &endpoint.addresses {
                targets.push(target(address, endpoint, port, &mut seen, lookup));
            }
        }
    }
    targets.extend(seen.others());
    (targets, labels)
}

fn target(
    address: &str,
    endpoint: &SliceEndpoint,
    port: &SlicePort,
    seen: &mut SeenPods,
    lookup: &Lookup<'_>,
) -> MetaLabels {
    let mut target = MetaLabels::default();
    match port.port {
        None => target.address(address),
        Some(number) => target
            .address(&host_port(address, number))
            .set("endpointslice_port", &number.to_string()),
    };
    let conditions = &endpoint.conditions;
    for (name, text) in [
        ("port_name", &port.name),
        ("port_protocol", &port.protocol),
        ("port_app_protocol", &port.app_protocol),
        ("endpoint_hostname", &endpoint.hostname),
        ("endpoint_node_name", &endpoint.node_name),
        ("endpoint_zone", &endpoint.zone),
    ] {
        target.set(
            &format!("endpointslice_{name}"),
            text.as_deref().unwrap_or_default(),
        );
    }
    for (name, condition) in [
        ("ready", conditions.ready),
        ("serving", conditions.serving),
        ("terminating", conditions.terminating),
    ] {
        if let Some(condition) = condition {
            let name = format!("endpointslice_endpoint_conditions_{name}");
            target.set(&name, &condition.to_string());
        }
    }
    for (name, value) in endpoint.deprecated_topology.iter() {
        let name = sanitised(name);
        target
            .set(&format!("endpointslice_endpoint_topology_{name}"), value)
            .set(&format!("endpointslice_endpoint_topology_present_{name}"), "true");
    }
    let reference = endpoint.target_ref.as_ref();
    if let Some(reference) = reference {
        target
            .set("endpointslice_address_target_kind", &reference.kind)
            .set("endpointslice_address_target_name", &reference.name);
    }
    match reference {
        Some(node) if &*node.kind == "Node" => lookup.attach_node(&node.name, &mut target),
        _ => lookup.attach_node(endpoint.node_name.as_deref().unwrap_or_default(), &mut target),
    }
    if let Some(pod) = lookup.pod(reference) {
        seen.add(&pod, port.port, None, &mut target);
    }
    target
}
