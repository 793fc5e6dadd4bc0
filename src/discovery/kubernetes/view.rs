//! What discovery knows of Kubernetes objects beyond their targets, for those who ask why there is none.

use std::sync::Arc;

use super::discoverer::Discoverer;
use super::informer::Informer;
use super::object::{Body, Object};
use super::resource::{Resource, key};
use super::roles::source;
use crate::config::{KubernetesRole, KubernetesSelector};

/// What is watched for one section of a job, and how it goes.
#[derive(Debug, Clone)]
pub struct View {
    /// The job.
    pub job: String,
    /// The section's role.
    pub role: KubernetesRole,
    /// Namespaces that are looked at; none means all.
    pub namespaces: Vec<String>,
    /// Selectors that limit what is looked at.
    pub selectors: Vec<KubernetesSelector>,
    discoverer: Arc<Discoverer>,
}

impl View {
    pub(in crate::discovery) fn new(job: &str, discoverer: &Arc<Discoverer>) -> Self {
        let namespaces = discoverer.namespaces.iter().filter(|name| !name.is_empty());
        Self {
            job: job.to_owned(),
            role: discoverer.config.role,
            namespaces: namespaces.cloned().collect(),
            selectors: discoverer.config.selectors.clone(),
            discoverer: Arc::clone(discoverer),
        }
    }

    /// Whether everything was listed at least once: before that the section has no targets.
    #[must_use]
    pub fn is_synced(&self) -> bool {
        self.discoverer.is_synced()
    }

    /// Why nothing new is heard from the API server, if so.
    #[must_use]
    pub fn fault(&self) -> Option<String> {
        let faulty = |informer: &Informer| {
            let fault = informer.fault()?;
            Some(format!("{}: {fault}", informer.scope.resource.name()))
        };
        self.discoverer.informers().find_map(faulty)
    }

    /// Whether objects of that namespace are looked at.
    #[must_use]
    pub fn covers(&self, namespace: &str) -> bool {
        self.namespaces.is_empty() || self.namespaces.iter().any(|name| name == namespace)
    }
}

/// An object as discovery knows it, with or without targets.
///
/// `sights` has an entry for each section that makes targets of it: of a pod those with role `pod`, and those with
/// role `endpoints` or `endpointslice` once for each object that the pod stands behind. No sight at all means that
/// no section makes targets of such objects. An object that no section watches (another namespace, not selected) has no
/// record: [`View::covers`] tells.
#[derive(Debug, Clone, PartialEq)]
pub struct KubernetesObject {
    /// `Pod`, `Service`, `Endpoints`, `EndpointSlice`, `Node`, `Ingress`, `Namespace`, `ReplicaSet` or `Job`.
    pub kind: &'static str,
    /// Empty where the kind has none.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// A pod's phase, for example `Running`; empty for other kinds.
    pub phase: String,
    /// Why a pod is in its phase, for example `ContainerCreating` or `Unschedulable`; empty if unknown.
    pub phase_reason: String,
    /// IPs, cluster IP, host names: what the object can be reached by.
    pub addresses: Vec<String>,
    /// Ports that it declares.
    pub ports: Vec<ObjectPort>,
    /// What each section makes of it.
    pub sights: Vec<ObjectSight>,
}

/// A port of a pod's container or of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectPort {
    /// The container; empty for services.
    pub container: String,
    /// The port's name; may be empty.
    pub name: String,
    /// Its number.
    pub number: i32,
    /// `TCP`, `UDP` or `SCTP`.
    pub protocol: String,
}

/// What one section makes of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectSight {
    /// The job.
    pub job: String,
    /// The section's role.
    pub role: KubernetesRole,
    /// The group, as in [`crate::discovery::TargetGroup::source`]: `pod/namespace/name`.
    pub source: String,
    /// Targets of the group, before relabelling.
    pub targets: usize,
    /// Why there is none.
    pub reason: Option<String>,
}

impl KubernetesObject {
    /// Records of all objects of that name, whatever their kind.
    pub(in crate::discovery) fn find(views: &[View], namespace: &str, name: &str) -> Vec<Self> {
        let wanted = key(namespace, name);
        let mut found: Vec<(Resource, Arc<Object>)> = Vec::new();
        for informer in views.iter().flat_map(|view| view.discoverer.informers()) {
            let Some(object) = informer.get(&wanted) else {
                continue;
            };
            let resource = informer.scope.resource;
            if !found.iter().any(|(r, o)| *r == resource && **o == *object) {
                found.push((resource, object));
            }
        }
        let record = |(resource, object): &(Resource, Arc<Object>)| Self::new(views, *resource, object);
        found.iter().map(record).collect()
    }

    /// Records of the pods with that IP.
    pub(in crate::discovery) fn find_address(views: &[View], ip: &str) -> Vec<Self> {
        Self::find_pods(
            views,
            |object| matches!(&object.body, Body::Pod(pod) if &*pod.ip == ip),
        )
    }

    /// Records of the pods of that name, whatever their namespace.
    pub(in crate::discovery) fn find_name(views: &[View], name: &str) -> Vec<Self> {
        Self::find_pods(views, |object| &*object.meta.name == name)
    }

    fn find_pods(views: &[View], is_asked: impl Fn(&Object) -> bool) -> Vec<Self> {
        let mut found: Vec<Arc<Object>> = Vec::new();
        let informers = views.iter().flat_map(|view| view.discoverer.informers());
        for informer in informers.filter(|informer| informer.scope.resource == Resource::Pods) {
            for object in informer.all() {
                if is_asked(&object) && !found.contains(&object) {
                    found.push(object);
                }
            }
        }
        found
            .iter()
            .map(|object| Self::new(views, Resource::Pods, object))
            .collect()
    }

    fn new(views: &[View], resource: Resource, object: &Object) -> Self {
        let meta = &object.meta;
        let (phase, phase_reason) = match &object.body {
            Body::Pod(pod) => (pod.phase.to_string(), pod.reason.to_string()),
            _ => Default::default(),
        };
        let key = key(&meta.namespace, &meta.name);
        Self {
            kind: resource.kind(),
            namespace: meta.namespace.to_string(),
            name: meta.name.to_string(),
            phase,
            phase_reason,
            addresses: addresses(&object.body),
            ports: ports(&object.body),
            sights: views
                .iter()
                .flat_map(|view| sights(view, resource, &key, object))
                .collect(),
        }
    }
}

fn sights(view: &View, resource: Resource, key: &str, object: &Object) -> Vec<ObjectSight> {
    let discoverer = &view.discoverer;
    let sources = if discoverer.main() == resource {
        match discoverer.find(resource, key) {
            Some(_) => vec![source(view.role, key)],
            None => Vec::new(),
        }
    } else if resource == Resource::Pods {
        discoverer.users(resource, key)
    } else {
        Vec::new()
    };
    let sight = |source: String| {
        let targets = discoverer.groups.targets_of(&source);
        let unlisted = discoverer.informers().find(|informer| !informer.is_synced());
        let reason = (targets == 0).then(|| match unlisted {
            Some(informer) => format!("{} were not listed yet", informer.scope.resource.name()),
            None => reason(&object.body).to_owned(),
        });
        ObjectSight {
            job: view.job.clone(),
            role: view.role,
            source,
            targets,
            reason,
        }
    };
    sources.into_iter().map(sight).collect()
}

/// Why an object has no targets.
fn reason(body: &Body) -> &'static str {
    match body {
        Body::Pod(pod) if pod.ip.is_empty() => match &*pod.phase {
            "Pending" => "the pod is pending: it has no IP yet",
            "Succeeded" | "Failed" => "the pod has ended and has no IP any more",
            _ => "the pod has no IP",
        },
        Body::Pod(_) => "the pod has no container",
        Body::Service(_) => "the service declares no port",
        Body::Endpoints(_) | Body::EndpointSlice(_) => "there is no address, or no port",
        Body::Node(_) => "the node has no address",
        Body::Ingress(_) => "the ingress has no rule",
        Body::Plain => "no targets are made of such objects",
    }
}

fn addresses(body: &Body) -> Vec<String> {
    let texts: Vec<&str> = match body {
        Body::Pod(pod) => vec![&pod.ip],
        Body::Service(service) => vec![&service.cluster_ip, &service.external_name],
        Body::Node(node) => node.addresses.iter().map(|(_, address)| &**address).collect(),
        Body::Ingress(ingress) => ingress.rules.iter().map(|rule| &*rule.host).collect(),
        Body::Endpoints(_) | Body::EndpointSlice(_) | Body::Plain => Vec::new(),
    };
    let texts = texts.into_iter().filter(|text| !text.is_empty());
    texts.map(str::to_owned).collect()
}

fn ports(body: &Body) -> Vec<ObjectPort> {
    match body {
        Body::Pod(pod) => {
            let of = |container: &super::object::Container| {
                let name = container.name.to_string();
                let port = move |port: &super::object::ContainerPort| ObjectPort {
                    container: name.clone(),
                    name: port.name.to_string(),
                    number: port.container_port,
                    protocol: port.protocol.to_string(),
                };
                container.ports.iter().map(port).collect::<Vec<_>>()
            };
            pod.containers.iter().flat_map(of).collect()
        }
        Body::Service(service) => {
            let port = |port: &super::object::ServicePort| ObjectPort {
                container: String::new(),
                name: port.name.to_string(),
                number: port.port,
                protocol: port.protocol.to_string(),
            };
            service.ports.iter().map(port).collect()
        }
        _ => Vec::new(),
    }
}
