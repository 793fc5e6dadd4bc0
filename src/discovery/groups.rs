//! The groups that one provider has found, by source, shared between the provider and the manager.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::config::TargetGroup;

/// Groups by source. A group that is equal to the one before keeps its allocation: that is how others see that
/// nothing has changed. Memory is bounded by what is there, however often it changes before somebody looks.
#[derive(Debug)]
pub(super) struct GroupSet {
    groups: Mutex<BTreeMap<String, Arc<TargetGroup>>>,
    is_changed: AtomicBool,
    updates: AtomicU64,
    wake: Arc<Notify>,
}

impl GroupSet {
    /// No groups; `wake` is notified of changes.
    pub(super) fn new(wake: Arc<Notify>) -> Self {
        Self {
            groups: Mutex::default(),
            is_changed: AtomicBool::new(false),
            updates: AtomicU64::new(0),
            wake,
        }
    }

    /// These are all groups now.
    pub(super) fn replace(&self, groups: Vec<TargetGroup>) {
        let mut changed = false;
        {
            let mut held = self.groups.lock();
            let mut former = std::mem::take(&mut *held);
            for group in groups {
                let kept = former.remove(&group.source).filter(|before| **before == group);
                changed |= kept.is_none();
                held.insert(group.source.clone(), kept.unwrap_or_else(|| Arc::new(group)));
            }
            changed |= !former.is_empty();
        }
        self.updated(changed);
    }

    /// These sources have these groups now; those without one have vanished.
    pub(super) fn set(&self, changes: Vec<(String, Option<TargetGroup>)>) {
        let mut changed = false;
        {
            let mut held = self.groups.lock();
            for (source, group) in changes {
                match group {
                    None => changed |= held.remove(&source).is_some(),
                    Some(group) if held.get(&source).is_some_and(|before| **before == group) => {}
                    Some(group) => {
                        held.insert(source, Arc::new(group));
                        changed = true;
                    }
                }
            }
        }
        self.updated(changed);
    }

    fn updated(&self, changed: bool) {
        self.updates.fetch_add(1, Ordering::Relaxed);
        if changed {
            self.is_changed.store(true, Ordering::Release);
            self.wake.notify_one();
        }
    }

    /// All groups, sorted by source.
    pub(super) fn all(&self) -> Vec<Arc<TargetGroup>> {
        self.groups.lock().values().cloned().collect()
    }

    /// How many targets a source has.
    pub(super) fn targets_of(&self, source: &str) -> usize {
        self.groups
            .lock()
            .get(source)
            .map_or(0, |group| group.targets.len())
    }

    /// Whether something has changed since the last call.
    pub(super) fn take_changed(&self) -> bool {
        self.is_changed.swap(false, Ordering::AcqRel)
    }

    /// How many updates came since the last call, whether they changed anything or not.
    pub(super) fn take_updates(&self) -> u64 {
        self.updates.swap(0, Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use narthex_model::Labels;

    fn group(source: &str, address: &str) -> TargetGroup {
        TargetGroup {
            source: source.to_owned(),
            targets: vec![Labels::from_pairs([("__address__", address)])],
            labels: Labels::empty(),
        }
    }

    #[test]
    fn equal_groups_keep_their_allocation_and_are_no_change() {
        let set = GroupSet::new(Arc::default());
        set.replace(vec![group("a", "1"), group("b", "1")]);
        let before = set.all();
        assert!(set.take_changed() && !set.take_changed());
        set.replace(vec![group("a", "1"), group("b", "2")]);
        assert!(set.take_changed());
        let after = set.all();
        assert!(Arc::ptr_eq(&before[0], &after[0]) && !Arc::ptr_eq(&before[1], &after[1]));
        set.replace(vec![group("a", "1"), group("b", "2")]);
        set.set(vec![("a".into(), Some(group("a", "1"))), ("c".into(), None)]);
        assert!(!set.take_changed());
        set.set(vec![("a".into(), None)]);
        assert!(set.take_changed());
        assert_eq!(
            (set.all().len(), set.targets_of("b"), set.targets_of("a")),
            (1, 1, 0)
        );
        assert_eq!(set.take_updates(), 5);
    }
}
