//! How series of two vectors find each other, decided on labels alone.

use narthex_model::{Labels, LabelsBuilder, METRIC_NAME};
use rustc_hash::FxHashMap;

use super::element::is_comparison;
use super::names::is_metadata;
use super::vector::Identity;
use crate::ast::{BinaryOp, Cardinality, VectorMatching};

/// Series of both sides that have the same matching labels.
#[derive(Debug, Default)]
pub(super) struct Group {
    /// Positions on the side that may have several ("many"), ascending.
    pub(super) many: Vec<usize>,
    /// Positions on the side that may have one, ascending.
    pub(super) one: Vec<usize>,
}

/// The labels by which series are matched.
pub(super) fn signature(labels: &Labels, matching: &VectorMatching) -> Labels {
    if matching.on {
        return labels.keep(&matching.labels);
    }
    Labels::from_sorted(
        labels
            .iter()
            .filter(|(name, _)| *name != METRIC_NAME && !matching.labels.iter().any(|l| l == name)),
    )
}

/// The matching labels as error texts show them: the metric's name only where it was asked for.
pub(super) fn matched_labels(labels: &Labels, matching: &VectorMatching) -> Labels {
    signature(labels, matching)
}

/// Groups in order of their first series: those of the "many" side first. The second part of the answer says for
/// each signature which group is its own.
pub(super) fn groups(many: &[Identity], one: &[Identity], matching: &VectorMatching) -> Vec<Group> {
    let mut known: FxHashMap<Labels, usize> = FxHashMap::default();
    let mut groups: Vec<Group> = Vec::new();
    let mut place = |labels: &Labels, groups: &mut Vec<Group>| {
        let next = groups.len();
        let at = *known.entry(signature(labels, matching)).or_insert(next);
        if at == next {
            groups.push(Group::default());
        }
        at
    };
    for (index, identity) in many.iter().enumerate() {
        let at = place(&identity.labels, &mut groups);
        if let Some(group) = groups.get_mut(at) {
            group.many.push(index);
        }
    }
    for (index, identity) in one.iter().enumerate() {
        let at = place(&identity.labels, &mut groups);
        if let Some(group) = groups.get_mut(at) {
            group.one.push(index);
        }
    }
    groups
}

/// The labels of a result: those of the "many" side, less what the operator and the matching take away, plus what
/// is copied from the "one" side.
pub(super) fn result_labels(
    many: &Labels,
    one: &Labels,
    op: BinaryOp,
    return_bool: bool,
    matching: &VectorMatching,
    delayed: bool,
) -> Identity {
    let mut labels = LabelsBuilder::from(many);
    if !is_comparison(op) {
        labels.retain(|name, _| !is_metadata(name));
    }
    if matching.card == Cardinality::OneToOne {
        labels.retain(|name, _| matching.labels.iter().any(|l| l == name) == matching.on);
    }
    for name in &matching.include {
        labels.set(name, one.get(name).unwrap_or(""));
    }
    if return_bool && !delayed {
        labels.retain(|name, _| !is_metadata(name));
    }
    Identity {
        labels: labels.labels(),
        drop_name: return_bool,
    }
}
