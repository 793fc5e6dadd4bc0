//! One section of `kubernetes_sd_configs`: its watches, and its groups kept in line with them.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use parking_lot::Mutex;

use super::access::{Access, namespaces};
use super::informer::{Informer, Listener, Scope};
use super::object::Object;
use super::resource::Resource;
use super::roles::{Lookup, References, build, source};
use super::watches::{Watched, Watches};
use crate::config::{KubernetesRole, KubernetesSdConfig};
use crate::discovery::groups::GroupSet;

/// Groups that are built before others get their turn on the thread.
const BATCH: usize = 128;

/// A section.
#[derive(Debug)]
pub(in crate::discovery) struct Discoverer {
    pub(super) config: KubernetesSdConfig,
    /// Names; an empty one stands for all.
    pub(super) namespaces: Vec<String>,
    pub(super) groups: Arc<GroupSet>,
    watched: Vec<Arc<Watched>>,
    listener: Arc<Listener>,
    index: Mutex<Index>,
}

/// Which groups refer to which objects.
#[derive(Debug, Default)]
struct Index {
    references: HashMap<String, References>,
    used_by: HashMap<(Resource, String), BTreeSet<String>>,
}

impl Index {
    fn set(&mut self, key: &str, references: References) {
        for before in self.references.remove(key).unwrap_or_default() {
            if let Some(users) = self.used_by.get_mut(&before) {
                users.remove(key);
                if users.is_empty() {
                    self.used_by.remove(&before);
                }
            }
        }
        if references.is_empty() {
            return;
        }
        for reference in &references {
            let users = self.used_by.entry(reference.clone()).or_default();
            users.insert(key.to_owned());
        }
        self.references.insert(key.to_owned(), references);
    }
}

impl Discoverer {
    /// Begins the watches that the section needs and that are not there yet.
    ///
    /// # Errors
    /// When the API server cannot be spoken to as configured.
    pub(in crate::discovery) fn new(
        config: KubernetesSdConfig,
        groups: Arc<GroupSet>,
        watches: &Watches,
    ) -> Result<Self, String> {
        let server = watches.server(Access::new(&config, &watches.around)?)?;
        let namespaces = namespaces(&config, &watches.around)?;
        let listener = Arc::new(Listener::default());
        let mut watched = Vec::new();
        for resource in resources(&config) {
            let all = [String::new()];
            let within = if resource.is_namespaced() {
                &namespaces[..]
            } else {
                &all[..]
            };
            for namespace in within {
                let (label, field) = selector(&config, resource);
                let scope = Scope {
                    resource,
                    namespace: namespace.clone(),
                    label,
                    field,
                };
                let new = watches.watch(&server, scope);
                new.informer.listen(&listener);
                watched.push(new);
            }
        }
        Ok(Self {
            config,
            namespaces,
            groups,
            watched,
            listener,
            index: Mutex::default(),
        })
    }

    /// The objects that targets are made of.
    pub(super) fn main(&self) -> Resource {
        Resource::of_role(self.config.role)
    }

    pub(super) fn informers(&self) -> impl Iterator<Item = &Informer> {
        self.watched.iter().map(|watched| &*watched.informer)
    }

    pub(super) fn find(&self, resource: Resource, key: &str) -> Option<Arc<Object>> {
        self.informers()
            .filter(|informer| informer.scope.resource == resource)
            .find_map(|informer| informer.get(key))
    }

    /// Groups that refer to an object, by source.
    pub(super) fn users(&self, resource: Resource, key: &str) -> Vec<String> {
        let index = self.index.lock();
        let users = index.used_by.get(&(resource, key.to_owned()));
        users
            .into_iter()
            .flatten()
            .map(|key| source(self.config.role, key))
            .collect()
    }

    /// Whether everything was listed at least once.
    pub(super) fn is_synced(&self) -> bool {
        self.informers().all(Informer::is_synced)
    }

    /// Keeps the groups in line, for ever. There are none before everything was listed.
    pub(in crate::discovery) async fn run(self: Arc<Self>) {
        let mut is_first = true;
        loop {
            self.listener.wake.notified().await;
            if !self.is_synced() {
                continue;
            }
            let pending = self.listener.take();
            let mut keys = BTreeSet::new();
            if std::mem::take(&mut is_first) {
                let main = self.informers().filter(|i| i.scope.resource == self.main());
                keys.extend(main.flat_map(Informer::keys));
            }
            for (resource, key) in pending {
                if resource == self.main() {
                    keys.insert(key);
                } else if let Some(users) = self.index.lock().used_by.get(&(resource, key)) {
                    keys.extend(users.iter().cloned());
                }
            }
            let keys: Vec<String> = keys.into_iter().collect();
            for batch in keys.chunks(BATCH) {
                self.rebuild(batch);
                tokio::task::yield_now().await;
            }
        }
    }

    fn rebuild(&self, keys: &[String]) {
        let find = |resource, key: &str| self.find(resource, key);
        let mut changes = Vec::new();
        for key in keys {
            let Some(object) = self.find(self.main(), key) else {
                self.index.lock().set(key, Vec::new());
                changes.push((source(self.config.role, key), None));
                continue;
            };
            let lookup = Lookup::new(&find, self.config.attach_metadata);
            let group = build(self.config.role, &object, &lookup);
            self.index.lock().set(key, lookup.asked());
            let has_targets = !group.targets.is_empty();
            changes.push((group.source.clone(), has_targets.then_some(group)));
        }
        self.groups.set(changes);
    }
}

/// The kinds of objects that a section needs, the one that targets are made of first.
fn resources(config: &KubernetesSdConfig) -> Vec<Resource> {
    let attach = config.attach_metadata;
    let mut resources = vec![Resource::of_role(config.role)];
    let is_of_endpoints = matches!(
        config.role,
        KubernetesRole::Endpoints | KubernetesRole::EndpointSlice
    );
    if is_of_endpoints {
        resources.extend([Resource::Services, Resource::Pods]);
    }
    if attach.node && (is_of_endpoints || config.role == KubernetesRole::Pod) {
        resources.push(Resource::Nodes);
    }
    if attach.namespace && config.role != KubernetesRole::Node {
        resources.push(Resource::Namespaces);
    }
    if config.role == KubernetesRole::Pod {
        if attach.deployment {
            resources.push(Resource::ReplicaSets);
        }
        if attach.cronjob {
            resources.push(Resource::Jobs);
        }
    }
    resources
}

fn selector(config: &KubernetesSdConfig, resource: Resource) -> (String, String) {
    let of_role = resource.role();
    config
        .selectors
        .iter()
        .find(|selector| Some(selector.role) == of_role)
        .map(|selector| (selector.label.clone(), selector.field.clone()))
        .unwrap_or_default()
}
