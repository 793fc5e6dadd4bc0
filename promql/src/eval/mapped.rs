//! Operators that turn each column into another by itself.

use std::sync::Arc;

use super::column::Column;
use super::names::unique;
use super::scratch::Scratch;
use super::vector::{Identity, SharedVector, Vector};
use crate::error::QueryError;

/// What is done to the column of the series at an index.
pub(super) trait ColumnMap:
    Fn(usize, Column, &mut Scratch<'_>) -> Result<Column, QueryError> + Send + Sync
{
}

impl<F: Fn(usize, Column, &mut Scratch<'_>) -> Result<Column, QueryError> + Send + Sync> ColumnMap for F {}

struct Mapped<'a, F> {
    inner: SharedVector<'a>,
    series: Vec<Identity>,
    map: F,
}

impl<F: ColumnMap> Vector for Mapped<'_, F> {
    fn series(&self) -> &[Identity] {
        &self.series
    }

    fn column(&self, index: usize, scratch: &mut Scratch<'_>) -> Result<Column, QueryError> {
        let column = self.inner.column(index, scratch)?;
        (self.map)(index, column, scratch)
    }
}

/// The same series with other values.
pub(super) fn mapped<'a>(inner: SharedVector<'a>, map: impl ColumnMap + 'a) -> SharedVector<'a> {
    let series = inner.series().to_vec();
    Arc::new(Mapped { inner, series, map })
}

/// Other values for which the metric's name is wrong.
pub(super) fn mapped_without_name<'a>(
    inner: SharedVector<'a>,
    delayed: bool,
    map: impl ColumnMap + 'a,
) -> SharedVector<'a> {
    let series = inner
        .series()
        .iter()
        .map(|identity| identity.renamed(delayed))
        .collect();
    let vector: SharedVector<'a> = Arc::new(Mapped { inner, series, map });
    if delayed { vector } else { unique(vector) }
}
