//! Times that all series of a scrape group share: kept once, named by their position.

/// Ascending times of one scrape group. Positions count from the group's first scrape and never change.
#[derive(Debug, Default)]
pub(crate) struct Column {
    times: Vec<i64>,
}

impl Column {
    /// The position of `time`, which is added if it is the newest; `None` if it is older than the newest or the
    /// column is full.
    pub(crate) fn place(&mut self, time: i64) -> Option<u32> {
        let end = u32::try_from(self.times.len()).ok()?;
        match self.times.last() {
            Some(last) if *last == time => Some(end - 1),
            Some(last) if *last > time => None,
            _ => {
                self.times.push(time);
                Some(end)
            }
        }
    }

    /// The times from a position on.
    pub(crate) fn from(&self, position: u32) -> &[i64] {
        self.times.get(position as usize..).unwrap_or(&[])
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
    fn a_time_has_one_position() {
        let mut column = Column::default();
        let found = [10, 20, 20, 15, 30].map(|t| column.place(t));
        assert_eq!(found, [Some(0), Some(1), Some(1), None, Some(2)]);
        assert_eq!((column.from(1), column.from(3)), (&[20, 30][..], &[][..]));
    }
}
