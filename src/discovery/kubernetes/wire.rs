//! Kubernetes objects in the shape in which API servers send them, and their way to the shape that is kept.

use super::object::{Container, ContainerPort, Meta, Owner, Pairs, Subset, nullable};
use serde::Deserialize;

#[derive(Deserialize)]
pub(super) struct Headed {
    pub(super) metadata: Metadata,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Metadata {
    pub(super) name: Box<str>,
    pub(super) namespace: Box<str>,
    pub(super) resource_version: String,
    pub(super) annotations: Pairs,
    uid: Box<str>,
    labels: Pairs,
    #[serde(deserialize_with = "nullable")]
    owner_references: Vec<Owner>,
}

impl From<Metadata> for Meta {
    fn from(from: Metadata) -> Self {
        Self {
            name: from.name,
            namespace: from.namespace,
            uid: from.uid,
            labels: from.labels,
            annotations: from.annotations,
            owner_references: from.owner_references,
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Spec<T: Default> {
    #[serde(default)]
    pub(super) spec: T,
}

#[derive(Deserialize)]
pub(super) struct Endpoints {
    #[serde(default, deserialize_with = "nullable")]
    pub(super) subsets: Vec<Subset>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Pod {
    spec: PodSpec,
    status: PodStatus,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct PodSpec {
    node_name: Box<str>,
    #[serde(deserialize_with = "nullable")]
    containers: Vec<SpecContainer>,
    #[serde(deserialize_with = "nullable")]
    init_containers: Vec<SpecContainer>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct SpecContainer {
    name: Box<str>,
    image: Box<str>,
    #[serde(deserialize_with = "nullable")]
    ports: Vec<ContainerPort>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct PodStatus {
    phase: Box<str>,
    #[serde(rename = "podIP")]
    pod_ip: Box<str>,
    #[serde(rename = "hostIP")]
    host_ip: Box<str>,
    reason: Box<str>,
    #[serde(deserialize_with = "nullable")]
    conditions: Vec<Condition>,
    #[serde(deserialize_with = "nullable")]
    container_statuses: Vec<ContainerStatus>,
    #[serde(deserialize_with = "nullable")]
    init_container_statuses: Vec<ContainerStatus>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Condition {
    #[serde(rename = "type")]
    kind: Box<str>,
    status: Box<str>,
    reason: Box<str>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ContainerStatus {
    name: Box<str>,
    #[serde(rename = "containerID")]
    id: Box<str>,
    state: ContainerState,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ContainerState {
    waiting: Option<Waiting>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Waiting {
    reason: Box<str>,
}

impl From<Pod> for super::object::Pod {
    fn from(pod: Pod) -> Self {
        let PodStatus { conditions, .. } = &pod.status;
        let ready = conditions.iter().find(|c| &*c.kind == "Ready");
        let unscheduled = conditions
            .iter()
            .find(|c| &*c.kind == "PodScheduled" && &*c.status == "False");
        let waiting = pod
            .status
            .container_statuses
            .iter()
            .chain(&pod.status.init_container_statuses);
        let waiting = waiting.filter_map(|status| status.state.waiting.as_ref());
        let reason = [&pod.status.reason]
            .into_iter()
            .chain(unscheduled.map(|c| &c.reason))
            .chain(waiting.map(|w| &w.reason))
            .find(|reason| !reason.is_empty());
        let container = |from: SpecContainer, statuses: &[ContainerStatus], is_init| Container {
            id: statuses
                .iter()
                .find(|status| status.name == from.name)
                .map(|status| status.id.clone())
                .unwrap_or_default(),
            name: from.name,
            image: from.image,
            is_init,
            ports: from.ports,
        };
        let plain = pod.spec.containers.into_iter();
        let init = pod.spec.init_containers.into_iter();
        let containers = plain
            .map(|from| container(from, &pod.status.container_statuses, false))
            .chain(init.map(|from| container(from, &pod.status.init_container_statuses, true)));
        Self {
            ready: ready.map_or("unknown".into(), |c| c.status.to_lowercase().into()),
            reason: reason.cloned().unwrap_or_default(),
            containers: containers.collect(),
            phase: pod.status.phase,
            ip: pod.status.pod_ip,
            host_ip: pod.status.host_ip,
            node: pod.spec.node_name,
        }
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Node {
    spec: NodeSpec,
    status: NodeStatus,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct NodeSpec {
    #[serde(rename = "providerID")]
    provider_id: Box<str>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct NodeStatus {
    #[serde(deserialize_with = "nullable")]
    addresses: Vec<NodeAddress>,
    #[serde(deserialize_with = "nullable")]
    conditions: Vec<Condition>,
    daemon_endpoints: DaemonEndpoints,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct NodeAddress {
    #[serde(rename = "type")]
    kind: Box<str>,
    address: Box<str>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct DaemonEndpoints {
    kubelet_endpoint: DaemonEndpoint,
}

#[derive(Deserialize, Default)]
struct DaemonEndpoint {
    #[serde(rename = "Port", default)]
    port: i32,
}

impl From<Node> for super::object::Node {
    fn from(node: Node) -> Self {
        let addresses = node.status.addresses.into_iter().map(|a| (a.kind, a.address));
        let conditions = node.status.conditions.into_iter().map(|c| (c.kind, c.status));
        Self {
            provider_id: node.spec.provider_id,
            kubelet_port: node.status.daemon_endpoints.kubelet_endpoint.port,
            addresses: addresses.collect(),
            conditions: conditions.collect(),
        }
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Ingress {
    spec: IngressSpec,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct IngressSpec {
    ingress_class_name: Option<Box<str>>,
    #[serde(deserialize_with = "nullable")]
    tls: Vec<IngressTls>,
    #[serde(deserialize_with = "nullable")]
    rules: Vec<IngressRule>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct IngressTls {
    #[serde(deserialize_with = "nullable")]
    hosts: Vec<Box<str>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct IngressRule {
    host: Box<str>,
    http: Option<IngressPaths>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct IngressPaths {
    #[serde(deserialize_with = "nullable")]
    paths: Vec<IngressPath>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct IngressPath {
    path: Box<str>,
}

impl From<Ingress> for super::object::Ingress {
    fn from(ingress: Ingress) -> Self {
        let rules = ingress
            .spec
            .rules
            .into_iter()
            .map(|rule| super::object::IngressRule {
                host: rule.host,
                paths: rule
                    .http
                    .map(|http| http.paths.into_iter().map(|p| p.path).collect()),
            });
        Self {
            class: ingress.spec.ingress_class_name,
            tls_hosts: ingress.spec.tls.into_iter().flat_map(|tls| tls.hosts).collect(),
            rules: rules.collect(),
        }
    }
}
