//! Kinds of objects that are watched, and where the API has them.

use crate::config::KubernetesRole;

/// A kind of objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Resource {
    Pods,
    Services,
    Endpoints,
    EndpointSlices,
    Nodes,
    Ingresses,
    Namespaces,
    ReplicaSets,
    Jobs,
}

impl Resource {
    /// The objects that a role makes targets of.
    pub(super) fn of_role(role: KubernetesRole) -> Self {
        match role {
            KubernetesRole::Pod => Self::Pods,
            KubernetesRole::Service => Self::Services,
            KubernetesRole::Endpoints => Self::Endpoints,
            KubernetesRole::EndpointSlice => Self::EndpointSlices,
            KubernetesRole::Node => Self::Nodes,
            KubernetesRole::Ingress => Self::Ingresses,
        }
    }

    /// The role whose selectors hold for these objects.
    pub(super) fn role(self) -> Option<KubernetesRole> {
        KubernetesRole::ALL
            .into_iter()
            .find(|role| Self::of_role(*role) == self)
    }

    /// The name in the API's paths.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Pods => "pods",
            Self::Services => "services",
            Self::Endpoints => "endpoints",
            Self::EndpointSlices => "endpointslices",
            Self::Nodes => "nodes",
            Self::Ingresses => "ingresses",
            Self::Namespaces => "namespaces",
            Self::ReplicaSets => "replicasets",
            Self::Jobs => "jobs",
        }
    }

    /// The kind as manifests write it.
    pub(super) fn kind(self) -> &'static str {
        match self {
            Self::Pods => "Pod",
            Self::Services => "Service",
            Self::Endpoints => "Endpoints",
            Self::EndpointSlices => "EndpointSlice",
            Self::Nodes => "Node",
            Self::Ingresses => "Ingress",
            Self::Namespaces => "Namespace",
            Self::ReplicaSets => "ReplicaSet",
            Self::Jobs => "Job",
        }
    }

    /// Whether its objects lie in namespaces.
    pub(super) fn is_namespaced(self) -> bool {
        !matches!(self, Self::Nodes | Self::Namespaces)
    }

    /// The path of the list, in a namespace or, if that is empty, in all.
    pub(super) fn path(self, namespace: &str) -> String {
        let group = match self {
            Self::EndpointSlices => "/apis/discovery.k8s.io/v1",
            Self::Ingresses => "/apis/networking.k8s.io/v1",
            Self::ReplicaSets => "/apis/apps/v1",
            Self::Jobs => "/apis/batch/v1",
            _ => "/api/v1",
        };
        let name = self.name();
        if namespace.is_empty() || !self.is_namespaced() {
            format!("{group}/{name}")
        } else {
            format!("{group}/namespaces/{namespace}/{name}")
        }
    }
}

/// What objects are known by within their kind: `namespace/name`, or the name where there is no namespace.
pub(super) fn key(namespace: &str, name: &str) -> String {
    if namespace.is_empty() {
        name.to_owned()
    } else {
        format!("{namespace}/{name}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_the_api() {
        for (resource, namespace, path) in [
            (Resource::Pods, "", "/api/v1/pods"),
            (Resource::Pods, "n", "/api/v1/namespaces/n/pods"),
            (Resource::Nodes, "n", "/api/v1/nodes"),
            (
                Resource::EndpointSlices,
                "n",
                "/apis/discovery.k8s.io/v1/namespaces/n/endpointslices",
            ),
            (Resource::Ingresses, "", "/apis/networking.k8s.io/v1/ingresses"),
        ] {
            assert_eq!(resource.path(namespace), path);
        }
    }
}
