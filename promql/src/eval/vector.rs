//! An instant vector over all steps: series that are known, columns that are computed when they are asked for.

use std::sync::{Arc, Mutex, PoisonError};

use narthex_model::{Grouping, Labels, Projection};

use super::column::Column;
use super::context::Context;
use super::guard::{Guard, Held};
use super::scratch::Scratch;
use crate::error::QueryError;

/// Which series a column belongs to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Identity {
    /// The labels.
    pub(crate) labels: Labels,
    /// Whether the metric's name has to go at the query's end (delayed name removal).
    pub(crate) drop_name: bool,
}

impl Identity {
    pub(crate) const fn new(labels: Labels) -> Self {
        Self {
            labels,
            drop_name: false,
        }
    }

    /// Bytes of memory.
    pub(crate) fn bytes(&self) -> usize {
        // The text with its two counters, and this.
        size_of::<Self>() + 2 * size_of::<usize>() + self.labels.as_key().len()
    }
}

/// Series whose columns can be computed, by several threads at the same time.
pub(crate) trait Vector: Send + Sync {
    /// The vector whose series these are, where they are those of another one.
    fn operand(&self) -> Option<&dyn Vector> {
        None
    }

    /// The series, in the order in which they are folded and shown. Columns of some may turn out empty; labels that
    /// stand here twice never have a value at the same step.
    fn series(&self) -> &[Identity] {
        self.operand().map_or(&[], Vector::series)
    }

    /// How many series there are.
    fn len(&self) -> usize {
        self.operand().map_or_else(|| self.series().len(), Vector::len)
    }

    /// One of the series.
    fn identity(&self, index: usize) -> Identity {
        match self.operand() {
            Some(operand) => operand.identity(index),
            None => self.series().get(index).cloned().unwrap_or_default(),
        }
    }

    /// Whether the name of a series has to go at the query's end.
    fn drops_name(&self, index: usize) -> bool {
        match self.operand() {
            Some(operand) => operand.drops_name(index),
            None => self.series().get(index).is_some_and(|i| i.drop_name),
        }
    }

    /// The series grouped by some of their labels.
    fn group(&self, projection: &Projection<'_>) -> Grouping {
        match self.operand() {
            Some(operand) => operand.group(projection),
            None => projection.group(self.series().iter().map(|i| &i.labels)),
        }
    }

    /// The column of the series at `index`, which is below the number of series.
    fn column(&self, index: usize, scratch: &mut Scratch<'_>) -> Result<Column, QueryError>;

    /// Hands over the columns of the series at these indices, in that order. What stands beside each other in the store
    /// is read together, which counts where a column is made of several series.
    fn columns(
        &self,
        indices: &[usize],
        scratch: &mut Scratch<'_>,
        take: &mut TakeColumn<'_>,
    ) -> Result<(), QueryError> {
        for index in indices {
            scratch.worked(0)?;
            let column = self.column(*index, scratch)?;
            take(*index, column, scratch)?;
        }
        Ok(())
    }

    /// Whether computing a column costs next to nothing.
    fn is_computed(&self) -> bool {
        false
    }
}

/// Takes the column of the series at an index.
pub(crate) type TakeColumn<'t> = dyn FnMut(usize, Column, &mut Scratch<'_>) -> Result<(), QueryError> + 't;

/// A vector that several operators can hold.
pub(crate) type SharedVector<'a> = Arc<dyn Vector + 'a>;

/// What an expression yields.
#[derive(Clone)]
pub(crate) enum Output<'a> {
    /// One float per step.
    Scalar(Arc<Vec<f64>>),
    /// A text.
    Text(Arc<str>),
    /// Series.
    Vector(SharedVector<'a>),
}

/// Series whose columns are there.
pub(crate) struct Computed<'a> {
    series: Vec<Identity>,
    columns: Vec<Column>,
    len: usize,
    /// The columns count as held as long as they are there.
    _held: Vec<Held<'a>>,
}

impl<'a> Computed<'a> {
    /// A vector of these series; there are as many columns.
    pub(crate) fn shared(
        series: Vec<Identity>,
        columns: Vec<Column>,
        len: usize,
        held: Vec<Held<'a>>,
    ) -> SharedVector<'a> {
        Arc::new(Self {
            series,
            columns,
            len,
            _held: held,
        })
    }

    /// A vector without series.
    pub(crate) fn nothing(len: usize) -> SharedVector<'a> {
        Self::shared(Vec::new(), Vec::new(), len, Vec::new())
    }

    /// A vector of one series.
    pub(crate) fn one(identity: Identity, column: Column) -> SharedVector<'a> {
        let len = column.len();
        Self::shared(vec![identity], vec![column], len, Vec::new())
    }
}

impl Vector for Computed<'_> {
    fn series(&self) -> &[Identity] {
        &self.series
    }

    fn column(&self, index: usize, _: &mut Scratch<'_>) -> Result<Column, QueryError> {
        Ok(self
            .columns
            .get(index)
            .cloned()
            .unwrap_or_else(|| Column::empty(self.len)))
    }

    fn is_computed(&self) -> bool {
        true
    }
}

/// Series whose columns are computed once and kept.
pub(crate) struct Kept<'a> {
    inner: SharedVector<'a>,
    guard: &'a Guard<'a>,
    columns: Vec<Mutex<Option<(Column, Held<'a>)>>>,
}

impl<'a> Kept<'a> {
    pub(crate) fn shared(cx: &'a Context<'a>, inner: SharedVector<'a>) -> SharedVector<'a> {
        let columns = (0..inner.len()).map(|_| Mutex::default()).collect();
        Arc::new(Self {
            inner,
            guard: &cx.guard,
            columns,
        })
    }
}

impl Vector for Kept<'_> {
    fn operand(&self) -> Option<&dyn Vector> {
        Some(self.inner.as_ref())
    }

    fn column(&self, index: usize, scratch: &mut Scratch<'_>) -> Result<Column, QueryError> {
        let Some(cell) = self.columns.get(index) else {
            return self.inner.column(index, scratch);
        };
        // Whoever comes first computes while others wait: what is counted and found on the way counts once.
        let mut kept = cell.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((column, _)) = kept.as_ref() {
            return Ok(column.clone());
        }
        let column = self.inner.column(index, scratch)?;
        let held = self.guard.hold(column.count())?;
        *kept = Some((column.clone(), held));
        Ok(column)
    }
}

/// A vector that is the same at every step: computed at one, shown at all.
pub(crate) struct Broadcast<'a> {
    pub(crate) inner: SharedVector<'a>,
    pub(crate) len: usize,
}

impl Vector for Broadcast<'_> {
    fn operand(&self) -> Option<&dyn Vector> {
        Some(self.inner.as_ref())
    }

    fn column(&self, index: usize, scratch: &mut Scratch<'_>) -> Result<Column, QueryError> {
        let one = self.inner.column(index, scratch)?;
        Ok(Column::repeat(&one.get(0), self.len))
    }
}
