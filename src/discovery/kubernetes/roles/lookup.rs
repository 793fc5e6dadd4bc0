//! Objects that others refer to, with a memory of what was asked for: when one of them changes, so does the group.

use std::cell::RefCell;
use std::sync::Arc;

use super::super::meta::MetaLabels;
use super::super::object::{Body, Meta, Object, Pod, Reference};
use super::super::resource::{Resource, key};
use super::{endpoints, endpointslice, ingress, node, pod, service};
use crate::config::{KubernetesAttach, KubernetesRole, TargetGroup};

/// What a group refers to.
pub(in super::super) type References = Vec<(Resource, String)>;

/// Where other objects are looked up.
pub(in super::super) struct Lookup<'a> {
    find: &'a dyn Fn(Resource, &str) -> Option<Arc<Object>>,
    pub(super) attach: KubernetesAttach,
    asked: RefCell<References>,
}

impl<'a> Lookup<'a> {
    pub(in super::super) fn new(
        find: &'a dyn Fn(Resource, &str) -> Option<Arc<Object>>,
        attach: KubernetesAttach,
    ) -> Self {
        Self {
            find,
            attach,
            asked: RefCell::default(),
        }
    }

    /// What was asked for, whether it was there or not.
    pub(in super::super) fn asked(self) -> References {
        self.asked.into_inner()
    }

    pub(super) fn get(&self, resource: Resource, key: String) -> Option<Arc<Object>> {
        let found = (self.find)(resource, &key);
        let asked = (resource, key);
        let mut before = self.asked.borrow_mut();
        // Neighbours often ask for the same.
        if before.last() != Some(&asked) {
            before.push(asked);
        }
        found
    }

    /// The pod that an address stands for.
    pub(super) fn pod(&self, reference: Option<&Reference>) -> Option<FoundPod> {
        let reference = reference.filter(|reference| &*reference.kind == "Pod")?;
        let object = self.get(Resource::Pods, key(&reference.namespace, &reference.name))?;
        matches!(object.body, Body::Pod(_)).then_some(FoundPod(object))
    }

    /// Labels of the node of that name, if they are wanted.
    pub(super) fn attach_node(&self, name: &str, labels: &mut MetaLabels) {
        if !self.attach.node || name.is_empty() {
            return;
        }
        if let Some(node) = self.get(Resource::Nodes, name.to_owned()) {
            labels.object("node", &node.meta);
        }
    }

    /// Labels of the namespace, if they are wanted.
    pub(super) fn attach_namespace(&self, meta: &Meta, labels: &mut MetaLabels) {
        if !self.attach.namespace {
            return;
        }
        if let Some(namespace) = self.get(Resource::Namespaces, meta.namespace.to_string()) {
            labels.decorations("namespace", &namespace.meta);
        }
    }
}

/// An object that is a pod.
#[derive(Debug, Clone)]
pub(super) struct FoundPod(Arc<Object>);

impl FoundPod {
    pub(super) fn meta(&self) -> &Meta {
        &self.0.meta
    }

    pub(super) fn pod(&self) -> Option<&Pod> {
        match &self.0.body {
            Body::Pod(pod) => Some(pod),
            _ => None,
        }
    }
}

/// What found a group: role, namespace and name.
pub(in super::super) fn source(role: KubernetesRole, key: &str) -> String {
    let role = match role {
        KubernetesRole::Service => "svc",
        role => role.name(),
    };
    format!("{role}/{key}")
}

/// The group of an object, without targets where it has none to give.
pub(in super::super) fn build(role: KubernetesRole, object: &Object, lookup: &Lookup<'_>) -> TargetGroup {
    let meta = &object.meta;
    let (targets, labels) = match (role, &object.body) {
        (KubernetesRole::Pod, Body::Pod(pod)) => pod::build(meta, pod, lookup),
        (KubernetesRole::Service, Body::Service(service)) => service::build(meta, service, lookup),
        (KubernetesRole::Endpoints, Body::Endpoints(subsets)) => endpoints::build(meta, subsets, lookup),
        (KubernetesRole::EndpointSlice, Body::EndpointSlice(slice)) => {
            endpointslice::build(meta, slice, lookup)
        }
        (KubernetesRole::Node, Body::Node(node)) => node::build(meta, node),
        (KubernetesRole::Ingress, Body::Ingress(ingress)) => ingress::build(meta, ingress, lookup),
        _ => Default::default(),
    };
    TargetGroup {
        source: source(role, &key(&meta.namespace, &meta.name)),
        targets: targets.iter().map(|target| target.0.labels()).collect(),
        labels: labels.0.labels(),
    }
}
