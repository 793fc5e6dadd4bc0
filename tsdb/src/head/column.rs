//! Times that the series of a group share: kept once, named by their position.

/// How many times before the newest can still be asked for: some series of a group may lag behind others.
pub(super) const LOOK_BACK: usize = 32;

/// Ascending times of one group of series: those of a target's scrapes, or of samples that are pushed together.
/// Positions count from the group's first time and never change.
#[derive(Debug, Default)]
pub(crate) struct Column {
    /// Position of the first time that is still kept.
    base: u32,
    times: Vec<i64>,
}

impl Column {
    /// The position of `time`, which is added if it is the newest; `None` if it is older and not among the last
    /// [`LOOK_BACK`], or the column is full.
    pub(crate) fn place(&mut self, time: i64) -> Option<u32> {
        let end = self.base.checked_add(u32::try_from(self.times.len()).ok()?)?;
        match self.times.last() {
            Some(last) if *last == time => Some(end - 1),
            Some(last) if *last > time => {
                let before = self.times.len().saturating_sub(LOOK_BACK);
                let at = self.times.get(before..)?.binary_search(&time).ok()?;
                Some(self.base + (before + at) as u32)
            }
            _ => {
                self.times.push(time);
                Some(end)
            }
        }
    }

    /// The times from a position on; none for positions that are gone.
    pub(crate) fn from(&self, position: u32) -> &[i64] {
        let at = position.checked_sub(self.base);
        at.and_then(|at| self.times.get(at as usize..)).unwrap_or(&[])
    }

    /// All times that are kept, with the position of the first.
    pub(crate) fn kept(&self) -> (u32, &[i64]) {
        (self.base, &self.times)
    }

    /// Forgets the times before a position, but for the newest of all, which tells what is newer.
    pub(crate) fn forget_before(&mut self, position: u32) {
        let spare = self.times.len().saturating_sub(1);
        let count = (position.saturating_sub(self.base) as usize).min(spare);
        self.times.drain(..count);
        self.times.shrink_to_fit();
        self.base += count as u32;
    }

    /// Bytes of memory.
    pub(crate) fn memory(&self) -> usize {
        self.times.capacity() * size_of::<i64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_one_position_as_long_as_it_is_kept() {
        let mut column = Column::default();
        let found = [10, 20, 20, 15, 30, 10, 5].map(|t| column.place(t));
        assert_eq!(found, [Some(0), Some(1), Some(1), None, Some(2), Some(0), None]);
        assert_eq!((column.from(1), column.from(3)), (&[20, 30][..], &[][..]));
        column.forget_before(1);
        assert_eq!((column.from(1), column.from(0)), (&[20, 30][..], &[][..]));
        column.forget_before(9);
        assert_eq!(column.kept(), (2, &[30][..]));
        assert_eq!([30, 40].map(|t| column.place(t)), [Some(2), Some(3)]);
    }
}
