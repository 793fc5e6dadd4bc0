//! The time columns of all scrape groups.

use std::sync::Arc;

use parking_lot::{Mutex, RwLock};
use rustc_hash::FxHashMap;

use super::column::Column;

/// All columns, by number. Locks are taken after those of pages, and never two at a time.
#[derive(Debug, Default)]
pub(crate) struct Columns {
    by_key: Mutex<FxHashMap<u64, u32>>,
    columns: RwLock<Vec<Arc<RwLock<Column>>>>,
}

impl Columns {
    /// The number of the column of a scrape group, created if it is new.
    pub(crate) fn number(&self, key: u64) -> u32 {
        let mut by_key = self.by_key.lock();
        *by_key.entry(key).or_insert_with(|| {
            let mut columns = self.columns.write();
            columns.push(Arc::default());
            (columns.len() - 1) as u32
        })
    }

    /// Makes room for columns that the log names.
    pub(crate) fn reserve(&self, number: u32) {
        let mut columns = self.columns.write();
        while columns.len() <= number as usize {
            columns.push(Arc::default());
        }
    }

    /// The position of a time in a column; see [`Column::place`].
    pub(crate) fn place(&self, number: u32, time: i64) -> Option<u32> {
        let column = self.columns.read().get(number as usize).cloned()?;
        column.write().place(time)
    }

    /// Looks into a column; a column that does not exist is empty.
    pub(crate) fn with<R>(&self, number: u32, look: impl FnOnce(&Column) -> R) -> R {
        let column = self.columns.read().get(number as usize).cloned();
        match column {
            Some(column) => look(&column.read()),
            None => look(&Column::default()),
        }
    }

    /// The position of the newest time of each column, by number.
    pub(crate) fn newest_positions(&self) -> Vec<u32> {
        let columns = self.columns.read().clone();
        let newest = |column: &Arc<RwLock<Column>>| {
            let column = column.read();
            let (base, times) = column.kept();
            base + times.len().saturating_sub(1) as u32
        };
        columns.iter().map(newest).collect()
    }

    /// Forgets the times before `position(number)` of every column.
    pub(crate) fn forget_before(&self, position: impl Fn(u32) -> u32) {
        let columns = self.columns.read().clone();
        for (number, column) in columns.iter().enumerate() {
            column.write().forget_before(position(number as u32));
        }
    }

    /// Bytes of memory.
    pub(crate) fn memory(&self) -> usize {
        self.columns.read().iter().map(|c| c.read().memory()).sum()
    }
}
