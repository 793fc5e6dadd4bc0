//! The time columns of all groups of series.

use std::sync::Arc;

use parking_lot::{Mutex, RwLock};
use rustc_hash::FxHashMap;

use super::column::{Column, LOOK_BACK};

/// All columns, by number. Locks are taken after those of pages, and never two at a time.
///
/// A number that nobody uses is given to another group, whose times go on in the same column. Should somebody have used
/// it nevertheless, two groups share a column, which costs memory and is right: positions keep their times.
#[derive(Debug, Default)]
pub(crate) struct Columns {
    by_key: Mutex<FxHashMap<u64, u32>>,
    columns: RwLock<Vec<Arc<RwLock<Column>>>>,
    free: Mutex<Vec<u32>>,
}

impl Columns {
    /// The number of the column of a scrape group, created if it is new.
    pub(crate) fn number(&self, key: u64) -> u32 {
        *self.by_key.lock().entry(key).or_insert_with(|| self.add())
    }

    /// The number of a column for a group that has no key.
    pub(crate) fn add(&self) -> u32 {
        if let Some(number) = self.free.lock().pop() {
            return number;
        }
        let mut columns = self.columns.write();
        columns.push(Arc::default());
        (columns.len() - 1) as u32
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

    /// The lowest position that [`place`](Self::place) may still give for each column, by number.
    pub(crate) fn lowest_to_come(&self) -> Vec<u32> {
        let columns = self.columns.read().clone();
        let lowest = |column: &Arc<RwLock<Column>>| {
            let column = column.read();
            let (base, times) = column.kept();
            base + times.len().saturating_sub(LOOK_BACK) as u32
        };
        columns.iter().map(lowest).collect()
    }

    /// Forgets the times before `position(number)` of every column.
    pub(crate) fn forget_before(&self, position: impl Fn(u32) -> u32) {
        let columns = self.columns.read().clone();
        for (number, column) in columns.iter().enumerate() {
            column.write().forget_before(position(number as u32));
        }
    }

    /// Gives the numbers of columns that `used` does not name to groups to come.
    pub(crate) fn free_unused(&self, used: impl Fn(u32) -> bool) {
        let mut by_key = self.by_key.lock();
        by_key.retain(|_, number| used(*number));
        let count = self.columns.read().len() as u32;
        *self.free.lock() = (0..count).rev().filter(|number| !used(*number)).collect();
    }

    /// Bytes of memory.
    pub(crate) fn memory(&self) -> usize {
        let columns = self.columns.read();
        let times: usize = columns.iter().map(|c| c.read().memory()).sum();
        times + columns.len() * (size_of::<Arc<RwLock<Column>>>() + size_of::<RwLock<Column>>() + 16)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_of_groups_that_are_gone_are_given_again() {
        let columns = Columns::default();
        let numbers = [columns.number(7), columns.number(8), columns.add()];
        assert_eq!(numbers, [0, 1, 2]);
        assert_eq!(columns.place(1, 100), Some(0));
        columns.free_unused(|number| number == 0);
        assert_eq!([columns.number(8), columns.number(7)], [1, 0]);
        // What stood there before keeps its position.
        assert_eq!((columns.place(1, 200), columns.place(1, 100)), (Some(1), Some(0)));
        assert_eq!([columns.add(), columns.add()], [2, 3]);
    }
}
