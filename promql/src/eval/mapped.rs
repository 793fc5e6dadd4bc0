//! Operators that turn each column into another by itself.

use std::sync::{Arc, OnceLock};

use narthex_model::{Grouping, Projection};

use super::column::Column;
use super::names::{group_unnamed, unique};
use super::scratch::Scratch;
use super::vector::{Identity, SharedVector, TakeColumn, Vector};
use crate::error::QueryError;

/// What is done to the column of the series at an index.
pub(super) trait ColumnMap:
    Fn(usize, Column, &mut Scratch<'_>) -> Result<Column, QueryError> + Send + Sync
{
}

impl<F: Fn(usize, Column, &mut Scratch<'_>) -> Result<Column, QueryError> + Send + Sync> ColumnMap for F {}

struct Mapped<'a, F> {
    inner: SharedVector<'a>,
    /// The series, made when somebody asks, if they are not those of the operand.
    renamed: Option<(OnceLock<Vec<Identity>>, bool)>,
    map: F,
}

impl<F: ColumnMap> Vector for Mapped<'_, F> {
    fn series(&self) -> &[Identity] {
        match &self.renamed {
            None => self.inner.series(),
            Some((series, delayed)) => {
                series.get_or_init(|| self.inner.series().iter().map(|i| i.renamed(*delayed)).collect())
            }
        }
    }

    fn len(&self) -> usize {
        self.inner.len()
    }

    fn identity(&self, index: usize) -> Identity {
        let identity = self.inner.identity(index);
        match self.renamed {
            None => identity,
            Some((_, delayed)) => identity.renamed(delayed),
        }
    }

    fn drops_name(&self, index: usize) -> bool {
        self.renamed.is_some() || self.inner.drops_name(index)
    }

    fn group(&self, projection: &Projection<'_>) -> Grouping {
        match self.renamed {
            Some((_, false)) => group_unnamed(projection, |p| self.inner.group(p)),
            _ => self.inner.group(projection),
        }
    }

    fn column(&self, index: usize, scratch: &mut Scratch<'_>) -> Result<Column, QueryError> {
        let column = self.inner.column(index, scratch)?;
        (self.map)(index, column, scratch)
    }

    fn columns(
        &self,
        indices: &[usize],
        scratch: &mut Scratch<'_>,
        take: &mut TakeColumn<'_>,
    ) -> Result<(), QueryError> {
        self.inner
            .columns(indices, scratch, &mut |index, column, scratch| {
                let column = (self.map)(index, column, scratch)?;
                take(index, column, scratch)
            })
    }
}

/// The same series with other values.
pub(super) fn mapped<'a>(inner: SharedVector<'a>, map: impl ColumnMap + 'a) -> SharedVector<'a> {
    Arc::new(Mapped {
        inner,
        renamed: None,
        map,
    })
}

/// Other values for which the metric's name is wrong.
pub(super) fn mapped_without_name<'a>(
    inner: SharedVector<'a>,
    delayed: bool,
    map: impl ColumnMap + 'a,
) -> SharedVector<'a> {
    let vector: SharedVector<'a> = Arc::new(Mapped {
        inner,
        renamed: Some((OnceLock::new(), delayed)),
        map,
    });
    if delayed { vector } else { unique(vector) }
}
