//! Which group a series belongs to.

use narthex_model::Labels;
use rustc_hash::FxHashMap;

use crate::eval::names::is_metadata;
use crate::eval::vector::Identity;

/// The groups of a vector, in order of their first series.
pub(super) struct Groups {
    /// Labels of each group.
    pub(super) series: Vec<Identity>,
    /// For each series of the vector its group.
    pub(super) of: Vec<usize>,
}

/// Groups by the labels in `grouping`, or by all others but the metric's name.
pub(super) fn groups(series: &[Identity], grouping: &[String], without: bool) -> Groups {
    let mut known: FxHashMap<Labels, usize> = FxHashMap::default();
    let mut groups = Groups {
        series: Vec::new(),
        of: Vec::with_capacity(series.len()),
    };
    for identity in series {
        let labels = group_labels(&identity.labels, grouping, without);
        let next = groups.series.len();
        let at = *known.entry(labels.clone()).or_insert(next);
        if at == next {
            groups.series.push(Identity::new(labels));
        }
        groups.of.push(at);
    }
    groups
}

/// The labels of the group that a series belongs to.
pub(super) fn group_labels(labels: &Labels, grouping: &[String], without: bool) -> Labels {
    if without {
        Labels::from_sorted(
            labels
                .iter()
                .filter(|(name, _)| !is_metadata(name) && !grouping.iter().any(|g| g == name)),
        )
    } else if grouping.is_empty() {
        Labels::empty()
    } else {
        labels.keep(grouping)
    }
}
