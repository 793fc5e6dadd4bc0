//! What operations do to series' names, and what follows when labels become equal.

use std::sync::Arc;

use narthex_model::{Grouping, Labels, METRIC_NAME, Projection};

use super::column::{Column, ColumnBuilder};
use super::scratch::Scratch;
use super::vector::{Identity, SharedVector, Vector};
use crate::error::QueryError;
use crate::functions::Point;

/// Labels that describe the metric itself and go together. Source: Prometheus `schema.IsMetadataLabel`.
pub(super) const METADATA_LABELS: [&str; 3] = [METRIC_NAME, "__type__", "__unit__"];

/// The labels without those that describe the metric itself.
pub(crate) fn without_metadata(labels: &Labels) -> Labels {
    if METADATA_LABELS.iter().all(|name| labels.get(name).is_none()) {
        labels.clone()
    } else {
        labels.without(&METADATA_LABELS)
    }
}

/// Whether a label describes the metric itself.
pub(crate) fn is_metadata(name: &str) -> bool {
    METADATA_LABELS.contains(&name)
}

impl Identity {
    /// The identity after an operation that makes the metric's name wrong: at once, or marked for the query's end.
    pub(crate) fn renamed(&self, delayed: bool) -> Self {
        Self {
            labels: if delayed {
                self.labels.clone()
            } else {
                without_metadata(&self.labels)
            },
            drop_name: true,
        }
    }

    /// The labels as the query's answer shows them.
    pub(crate) fn shown(&self) -> Labels {
        if self.drop_name {
            without_metadata(&self.labels)
        } else {
            self.labels.clone()
        }
    }
}

/// Groups series by labels from which those that describe the metric itself are gone; `group` groups by what is there.
pub(crate) fn group_unnamed(
    projection: &Projection<'_>,
    group: impl FnOnce(&Projection<'_>) -> Grouping,
) -> Grouping {
    let mut names = projection.names.to_vec();
    if projection.without {
        names.extend(METADATA_LABELS);
    } else {
        names.retain(|name| !is_metadata(name));
    }
    group(&Projection {
        names: &names,
        ..*projection
    })
}

/// The error where two elements of a vector have the same labels.
pub(crate) fn same_labels() -> QueryError {
    QueryError::Execution("vector cannot contain metrics with the same labelset".to_owned())
}

/// The vector with each set of labels once: series with equal labels become one, if they never have a value at the
/// same step; computing its column fails otherwise.
pub(crate) fn unique(inner: SharedVector<'_>) -> SharedVector<'_> {
    let all = Projection {
        names: &[],
        without: true,
    };
    let found = inner.group(&all);
    if found.first.len() == inner.len() {
        return inner;
    }
    let mut groups: Vec<Vec<usize>> = vec![Vec::new(); found.first.len()];
    for (index, group) in found.of.iter().enumerate() {
        if let Some(group) = groups.get_mut(*group as usize) {
            group.push(index);
        }
    }
    let first = found.first.iter();
    let series = first.map(|index| inner.identity(*index as usize)).collect();
    Arc::new(Merged {
        inner,
        series,
        groups,
    })
}

struct Merged<'a> {
    inner: SharedVector<'a>,
    series: Vec<Identity>,
    groups: Vec<Vec<usize>>,
}

impl Vector for Merged<'_> {
    fn series(&self) -> &[Identity] {
        &self.series
    }

    fn column(&self, index: usize, scratch: &mut Scratch<'_>) -> Result<Column, QueryError> {
        let mut merged: Option<Column> = None;
        for member in self.groups.get(index).into_iter().flatten() {
            let column = self.inner.column(*member, scratch)?;
            merged = Some(match merged {
                None => column,
                Some(so_far) => join(so_far, column)?,
            });
        }
        merged.ok_or_else(same_labels)
    }

    /// Whether series meet is only known when they are merged, even where their columns are there already.
    fn is_computed(&self) -> bool {
        false
    }
}

fn join(a: Column, b: Column) -> Result<Column, QueryError> {
    if b.is_empty() {
        return Ok(a);
    }
    if a.is_empty() {
        return Ok(b);
    }
    let mut out = ColumnBuilder::new(a.len());
    for step in 0..a.len() {
        out.push(match (a.get(step), b.get(step)) {
            (point, Point::None) | (Point::None, point) => point,
            _ => return Err(same_labels()),
        });
    }
    Ok(out.finish())
}
