//! The objects of one watch, and whom to tell of their changes.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::object::Object;
use super::resource::Resource;
use crate::client::form_escaped;
use crate::discovery::metrics::Metrics;

/// Which objects are watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scope {
    pub(super) resource: Resource,
    /// Empty for all namespaces.
    pub(super) namespace: String,
    pub(super) label: String,
    pub(super) field: String,
}

impl Scope {
    /// Path and query of a request for them.
    pub(super) fn path(&self, parameters: &[(&str, &str)]) -> String {
        let mut path = self.resource.path(&self.namespace);
        let selectors = [
            ("labelSelector", self.label.as_str()),
            ("fieldSelector", self.field.as_str()),
        ];
        let mut separator = '?';
        for (name, value) in selectors
            .iter()
            .chain(parameters)
            .filter(|(_, value)| !value.is_empty())
        {
            path.push(separator);
            path.push_str(name);
            path.push('=');
            path.push_str(&form_escaped(value));
            separator = '&';
        }
        path
    }
}

/// Collects what has changed until somebody has time for it: each object once, however often it changes.
#[derive(Debug, Default)]
pub(super) struct Listener {
    pending: Mutex<BTreeSet<(Resource, String)>>,
    pub(super) wake: Notify,
}

impl Listener {
    fn tell(&self, resource: Resource, keys: &[String]) {
        let mut pending = self.pending.lock();
        pending.extend(keys.iter().map(|key| (resource, key.clone())));
        drop(pending);
        self.wake.notify_one();
    }

    pub(super) fn take(&self) -> BTreeSet<(Resource, String)> {
        std::mem::take(&mut self.pending.lock())
    }
}

/// The objects of one watch, by `namespace/name`.
#[derive(Debug)]
pub(super) struct Informer {
    pub(super) scope: Scope,
    state: Mutex<State>,
    metrics: Metrics,
}

#[derive(Debug, Default)]
struct State {
    objects: HashMap<String, Arc<Object>>,
    is_synced: bool,
    fault: Option<String>,
    listeners: Vec<Weak<Listener>>,
}

impl Informer {
    pub(super) fn new(scope: Scope, metrics: Metrics) -> Self {
        Self {
            scope,
            state: Mutex::default(),
            metrics,
        }
    }

    /// Tells `listener` of changes from now on.
    pub(super) fn listen(&self, listener: &Arc<Listener>) {
        let mut state = self.state.lock();
        state.listeners.retain(|listener| listener.strong_count() > 0);
        state.listeners.push(Arc::downgrade(listener));
        drop(state);
        // It may have everything already.
        listener.wake.notify_one();
    }

    /// Whether all objects were listed at least once.
    pub(super) fn is_synced(&self) -> bool {
        self.state.lock().is_synced
    }

    /// Why nothing new is heard, if so.
    pub(super) fn fault(&self) -> Option<String> {
        self.state.lock().fault.clone()
    }

    pub(super) fn set_fault(&self, fault: Option<String>) {
        self.state.lock().fault = fault;
    }

    pub(super) fn get(&self, key: &str) -> Option<Arc<Object>> {
        self.state.lock().objects.get(key).cloned()
    }

    pub(super) fn keys(&self) -> Vec<String> {
        self.state.lock().objects.keys().cloned().collect()
    }

    /// All objects.
    pub(super) fn all(&self) -> Vec<Arc<Object>> {
        self.state.lock().objects.values().cloned().collect()
    }

    /// The object as it is held already, if it is equal.
    pub(super) fn shared(&self, key: &str, object: Object) -> Arc<Object> {
        match self.state.lock().objects.get(key) {
            Some(held) if **held == object => Arc::clone(held),
            _ => Arc::new(object),
        }
    }

    /// One object has changed, or is gone.
    pub(super) fn set(&self, key: String, object: Option<Object>) {
        let mut state = self.state.lock();
        let event = match object {
            None => state.objects.remove(&key).map(|_| "delete"),
            Some(object) => match state.objects.get(&key) {
                Some(held) if **held == object => {
                    self.count("update", 1);
                    None
                }
                held => {
                    let event = if held.is_some() { "update" } else { "add" };
                    state.objects.insert(key.clone(), Arc::new(object));
                    Some(event)
                }
            },
        };
        if let Some(event) = event {
            self.count(event, 1);
            self.tell(&state, &[key]);
        }
    }

    /// These are all objects now.
    pub(super) fn replace(&self, objects: HashMap<String, Arc<Object>>) {
        let mut state = self.state.lock();
        let former = std::mem::replace(&mut state.objects, objects);
        let mut changed: Vec<String> = Vec::new();
        let mut added = 0;
        for (key, object) in &state.objects {
            match former.get(key) {
                Some(held) if Arc::ptr_eq(held, object) => {}
                held => {
                    added += u32::from(held.is_none());
                    changed.push(key.clone());
                }
            }
        }
        let gone = former.keys().filter(|key| !state.objects.contains_key(*key));
        let before = changed.len();
        changed.extend(gone.cloned());
        self.count("add", added);
        self.count("update", before as u32 - added);
        self.count("delete", (changed.len() - before) as u32);
        let was_synced = std::mem::replace(&mut state.is_synced, true);
        if !changed.is_empty() || !was_synced {
            self.tell(&state, &changed);
        }
    }

    fn tell(&self, state: &State, keys: &[String]) {
        for listener in state.listeners.iter().filter_map(Weak::upgrade) {
            listener.tell(self.scope.resource, keys);
        }
    }

    fn count(&self, event: &str, times: u32) {
        if let Some(role) = self.scope.resource.role() {
            self.metrics
                .kubernetes
                .events
                .with(&[role.name(), event])
                .add(f64::from(times));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discovery::kubernetes::object::{Body, Meta};
    use crate::telemetry::metrics::Registry;

    fn object(uid: &str) -> Object {
        Object {
            meta: Meta {
                uid: uid.into(),
                ..Meta::default()
            },
            body: Body::Plain,
        }
    }

    #[test]
    fn listeners_hear_of_real_changes_only() {
        let scope = Scope {
            resource: Resource::Pods,
            namespace: String::new(),
            label: "a in (b,c)".into(),
            field: String::new(),
        };
        assert_eq!(
            scope.path(&[("limit", "5")]),
            "/api/v1/pods?labelSelector=a+in+%28b%2Cc%29&limit=5"
        );
        let informer = Informer::new(scope, Metrics::new(&Registry::new()));
        let listener = Arc::new(Listener::default());
        informer.listen(&listener);
        let heard = || {
            listener
                .take()
                .into_iter()
                .map(|(_, key)| key)
                .collect::<Vec<_>>()
        };
        let list = |items: &[(&str, &str)]| {
            let items = items
                .iter()
                .map(|(key, uid)| ((*key).to_owned(), informer.shared(key, object(uid))));
            informer.replace(items.collect());
        };
        list(&[("a", "1"), ("b", "1")]);
        assert!(informer.is_synced());
        assert_eq!(heard(), ["a", "b"]);
        informer.set("a".into(), Some(object("1")));
        assert!(heard().is_empty());
        informer.set("a".into(), Some(object("2")));
        informer.set("b".into(), None);
        informer.set("c".into(), None);
        assert_eq!(heard(), ["a", "b"]);
        list(&[("a", "2"), ("c", "1")]);
        assert_eq!(heard(), ["c"]);
        list(&[]);
        assert_eq!(heard(), ["a", "c"]);
    }
}
