//! Which group a series belongs to.

use narthex_model::{Grouping, Labels, Projection};

use crate::eval::names::{METADATA_LABELS, is_metadata};
use crate::eval::vector::{Identity, Vector};

/// The groups of a vector, in order of their first series.
pub(super) struct Groups {
    /// Labels of each group.
    pub(super) series: Vec<Identity>,
    /// For each series of the vector its group.
    pub(super) of: Vec<u32>,
}

/// Groups by the labels in `grouping`, or by all others but the metric's name.
pub(super) fn groups(vector: &dyn Vector, grouping: &[String], without: bool) -> Groups {
    let mut names: Vec<&str> = grouping.iter().map(String::as_str).collect();
    if without {
        names.extend(METADATA_LABELS);
    }
    let projection = Projection {
        names: &names,
        without,
    };
    let Grouping { of, first } = vector.group(&projection);
    let labels = first
        .iter()
        .map(|index| projection.of(&vector.identity(*index as usize).labels));
    Groups {
        series: labels.map(Identity::new).collect(),
        of,
    }
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
