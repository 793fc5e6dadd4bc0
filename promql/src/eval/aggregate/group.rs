//! Which group a series belongs to.

use narthex_model::{Grouping, Projection};

use crate::eval::names::METADATA_LABELS;
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
    let names = names(grouping, without);
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

/// The names of a projection: without some labels is without those of the metric too.
pub(super) fn names(grouping: &[String], without: bool) -> Vec<&str> {
    let mut names: Vec<&str> = grouping.iter().map(String::as_str).collect();
    if without {
        names.extend(METADATA_LABELS);
    }
    names
}
