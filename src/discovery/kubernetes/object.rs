//! Kubernetes objects as far as labels need them: everything else of them is skipped while they are read.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

use super::resource::Resource;
use super::wire;

/// An object.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Object {
    pub(super) meta: Meta,
    pub(super) body: Body,
}

/// What distinguishes kinds.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Body {
    Pod(Box<Pod>),
    Service(Box<Service>),
    Endpoints(Vec<Subset>),
    EndpointSlice(Box<Slice>),
    Node(Box<Node>),
    Ingress(Box<Ingress>),
    /// Only the metadata counts: namespaces, replica sets, jobs.
    Plain,
}

/// Metadata.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Meta {
    pub(super) name: Box<str>,
    pub(super) namespace: Box<str>,
    pub(super) uid: Box<str>,
    pub(super) labels: Pairs,
    pub(super) annotations: Pairs,
    pub(super) owner_references: Vec<Owner>,
}

impl Meta {
    /// The owner that controls it.
    pub(super) fn controller(&self) -> Option<&Owner> {
        self.owner_references.iter().find(|owner| owner.controller)
    }
}

/// Whom an object belongs to.
#[derive(Debug, Clone, PartialEq, Default, serde::Deserialize)]
#[serde(default)]
pub(super) struct Owner {
    pub(super) kind: Box<str>,
    pub(super) name: Box<str>,
    #[serde(deserialize_with = "nullable")]
    pub(super) controller: bool,
}

/// Names and values in the order in which they came.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Pairs(pub(super) Box<[(Box<str>, Box<str>)]>);

impl Pairs {
    /// The value of a name.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(n, _)| *n == name).map(|(_, value)| value)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }
}

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfMap;
        impl<'de> Visitor<'de> for OfMap {
            type Value = Pairs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map of texts")
            }

            fn visit_unit<E>(self) -> Result<Pairs, E> {
                Ok(Pairs::default())
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some((name, value)) = map.next_entry::<Box<str>, Option<Box<str>>>()? {
                    pairs.push((name, value.unwrap_or_default()));
                }
                Ok(Pairs(pairs.into_boxed_slice()))
            }
        }
        deserializer.deserialize_any(OfMap)
    }
}

/// A value that may be null, as Go writes empty lists.
pub(super) fn nullable<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

/// A pod.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Pod {
    pub(super) phase: Box<str>,
    pub(super) ip: Box<str>,
    pub(super) host_ip: Box<str>,
    pub(super) node: Box<str>,
    /// `true`, `false` or `unknown`.
    pub(super) ready: Box<str>,
    /// Why the pod is in its phase, where Kubernetes says so.
    pub(super) reason: Box<str>,
    /// Init containers last.
    pub(super) containers: Vec<Container>,
}

/// A container of a pod.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Container {
    pub(super) name: Box<str>,
    pub(super) image: Box<str>,
    pub(super) id: Box<str>,
    pub(super) is_init: bool,
    pub(super) ports: Vec<ContainerPort>,
}

/// A port that a container declares.
#[derive(Debug, Clone, PartialEq, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ContainerPort {
    pub(super) name: Box<str>,
    pub(super) container_port: i32,
    pub(super) protocol: Box<str>,
}

/// A service.
#[derive(Debug, Clone, PartialEq, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Service {
    #[serde(rename = "type")]
    pub(super) kind: Box<str>,
    #[serde(rename = "clusterIP")]
    pub(super) cluster_ip: Box<str>,
    pub(super) external_name: Box<str>,
    #[serde(rename = "loadBalancerIP")]
    pub(super) load_balancer_ip: Box<str>,
    #[serde(deserialize_with = "nullable")]
    pub(super) ports: Vec<ServicePort>,
}

/// A port of a service.
#[derive(Debug, Clone, PartialEq, Default, serde::Deserialize)]
#[serde(default)]
pub(super) struct ServicePort {
    pub(super) name: Box<str>,
    pub(super) port: i32,
    pub(super) protocol: Box<str>,
}

/// Addresses of endpoints that share ports.
#[derive(Debug, Clone, PartialEq, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Subset {
    #[serde(deserialize_with = "nullable")]
    pub(super) addresses: Vec<Address>,
    #[serde(deserialize_with = "nullable")]
    pub(super) not_ready_addresses: Vec<Address>,
    #[serde(deserialize_with = "nullable")]
    pub(super) ports: Vec<ServicePort>,
}

/// An address of endpoints.
#[derive(Debug, Clone, PartialEq, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Address {
    pub(super) ip: Box<str>,
    pub(super) hostname: Box<str>,
    pub(super) node_name: Option<Box<str>>,
    pub(super) target_ref: Option<Reference>,
}

/// Another object.
#[derive(Debug, Clone, PartialEq, Default, serde::Deserialize)]
#[serde(default)]
pub(super) struct Reference {
    pub(super) kind: Box<str>,
    pub(super) name: Box<str>,
    pub(super) namespace: Box<str>,
}

/// An endpoint slice.
#[derive(Debug, Clone, PartialEq, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Slice {
    pub(super) address_type: Box<str>,
    #[serde(deserialize_with = "nullable")]
    pub(super) endpoints: Vec<SliceEndpoint>,
    #[serde(deserialize_with = "nullable")]
    pub(super) ports: Vec<SlicePort>,
}

/// An endpoint of a slice.
#[derive(Debug, Clone, PartialEq, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct SliceEndpoint {
    #[serde(deserialize_with = "nullable")]
    pub(super) addresses: Vec<Box<str>>,
    pub(super) conditions: Conditions,
    pub(super) hostname: Option<Box<str>>,
    pub(super) node_name: Option<Box<str>>,
    pub(super) zone: Option<Box<str>>,
    pub(super) target_ref: Option<Reference>,
    pub(super) deprecated_topology: Pairs,
}

/// In which condition an endpoint is.
#[derive(Debug, Clone, PartialEq, Default, serde::Deserialize)]
#[serde(default)]
pub(super) struct Conditions {
    pub(super) ready: Option<bool>,
    pub(super) serving: Option<bool>,
    pub(super) terminating: Option<bool>,
}

/// A port of a slice.
#[derive(Debug, Clone, PartialEq, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct SlicePort {
    pub(super) name: Option<Box<str>>,
    pub(super) port: Option<i32>,
    pub(super) protocol: Option<Box<str>>,
    pub(super) app_protocol: Option<Box<str>>,
}

/// A node.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Node {
    pub(super) provider_id: Box<str>,
    pub(super) kubelet_port: i32,
    /// Type and address.
    pub(super) addresses: Vec<(Box<str>, Box<str>)>,
    /// Type and status.
    pub(super) conditions: Vec<(Box<str>, Box<str>)>,
}

/// An ingress.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Ingress {
    pub(super) class: Option<Box<str>>,
    /// Hosts that TLS is spoken for.
    pub(super) tls_hosts: Vec<Box<str>>,
    pub(super) rules: Vec<IngressRule>,
}

/// A host with its paths.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct IngressRule {
    pub(super) host: Box<str>,
    /// None where the rule says nothing of paths.
    pub(super) paths: Option<Vec<Box<str>>>,
}

/// An object and where its list stood when it was so.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) object: Object,
    pub(super) version: String,
}

/// Reads an object of that kind.
///
/// # Errors
/// When it is not one.
pub(super) fn read(resource: Resource, json: &str) -> Result<Read, serde_json::Error> {
    let wire::Headed { metadata } = serde_json::from_str(json)?;
    let version = metadata.resource_version.clone();
    let with = |body: Body| Object {
        meta: metadata.into(),
        body,
    };
    let object = match resource {
        Resource::Pods => with(Body::Pod(Box::new(
            serde_json::from_str::<wire::Pod>(json)?.into(),
        ))),
        Resource::Services => {
            let raw: wire::Spec<Service> = serde_json::from_str(json)?;
            with(Body::Service(Box::new(raw.spec)))
        }
        Resource::Endpoints => with(Body::Endpoints(
            serde_json::from_str::<wire::Endpoints>(json)?.subsets,
        )),
        Resource::EndpointSlices => with(Body::EndpointSlice(Box::new(serde_json::from_str(json)?))),
        Resource::Nodes => with(Body::Node(Box::new(
            serde_json::from_str::<wire::Node>(json)?.into(),
        ))),
        Resource::Ingresses => with(Body::Ingress(Box::new(
            serde_json::from_str::<wire::Ingress>(json)?.into(),
        ))),
        Resource::Namespaces | Resource::ReplicaSets | Resource::Jobs => with(Body::Plain),
    };
    Ok(Read { object, version })
}
