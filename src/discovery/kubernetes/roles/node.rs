//! Role `node`: one target for each node, its kubelet.

use super::super::meta::{MetaLabels, host_port, sanitised};
use super::super::object::{Meta, Node};

/// Types of addresses, the most wanted first.
const PREFERENCE: [&str; 6] = [
    "InternalIP",
    "InternalDNS",
    "ExternalIP",
    "ExternalDNS",
    "LegacyHostIP",
    "Hostname",
];

pub(super) fn build(meta: &Meta, node: &Node) -> (Vec<MetaLabels>, MetaLabels) {
    let mut labels = MetaLabels::default();
    labels
        .set("node_provider_id", &node.provider_id)
        .object("node", meta);
    for (kind, status) in &node.conditions {
        let name = sanitised(&kind.to_lowercase());
        labels.set(&format!("node_condition_{name}"), &status.to_lowercase());
    }
    let first = |wanted: &str| node.addresses.iter().find(|(kind, _)| &**kind == wanted);
    let Some((_, address)) = PREFERENCE.into_iter().find_map(first) else {
        tracing::warn!(
            component = "discovery manager scrape",
            discovery = "kubernetes",
            role = "node",
            node = &*meta.name,
            "No node address found: the node has no target"
        );
        return (Vec::new(), labels);
    };
    let mut target = MetaLabels::default();
    target.address(&host_port(address, node.kubelet_port));
    target.0.set("instance", &meta.name);
    // Of several addresses of one type the first counts.
    for (kind, address) in node.addresses.iter().rev() {
        target.set(&format!("node_address_{}", sanitised(kind)), address);
    }
    (vec![target], labels)
}
