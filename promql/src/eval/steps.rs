//! The times at which something is evaluated.

use crate::error::QueryError;

/// Evenly spaced times in Unix milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Steps {
    /// First time.
    pub(crate) start: i64,
    /// Distance, at least 1.
    pub(crate) interval: i64,
    /// How many times there are.
    pub(crate) count: usize,
}

impl Steps {
    /// One time.
    pub(crate) const fn instant(time: i64) -> Self {
        Self {
            start: time,
            interval: 1,
            count: 1,
        }
    }

    /// `start`, `start + interval`, ... up to `end`; none when the end is before the start.
    ///
    /// # Errors
    /// When there are more than `max`: a column of so many steps is more than a query may hold.
    pub(crate) fn range(start: i64, end: i64, interval: i64, max: usize) -> Result<Self, QueryError> {
        let steps = Self {
            start,
            interval: interval.max(1),
            count: 0,
        };
        let steps = steps.up_to(end);
        if steps.count > max {
            return Err(QueryError::TooManySamples("query execution"));
        }
        Ok(steps)
    }

    /// The time of a step.
    #[inline]
    pub(crate) const fn time(&self, step: usize) -> i64 {
        self.start
            .saturating_add((step as i64).saturating_mul(self.interval))
    }

    /// The time of the last step (of the first one if there is none).
    pub(crate) const fn last(&self) -> i64 {
        self.time(self.count.saturating_sub(1))
    }

    /// All times.
    pub(crate) fn times(&self) -> impl Iterator<Item = i64> + '_ {
        (0..self.count).map(|step| self.time(step))
    }

    /// Those up to a time, which may lie behind the last one.
    pub(crate) fn up_to(&self, end: i64) -> Self {
        let count = if end < self.start {
            0
        } else {
            (i128::from(end) - i128::from(self.start)) / i128::from(self.interval) + 1
        };
        Self {
            count: usize::try_from(count).unwrap_or(usize::MAX),
            ..*self
        }
    }

    /// Those behind the last of some that these begin with.
    pub(crate) const fn behind(&self, first: Self) -> Self {
        Self {
            start: self.time(first.count),
            count: self.count.saturating_sub(first.count),
            ..*self
        }
    }

    /// The last `count` of them, or all.
    pub(crate) const fn last_ones(&self, count: usize) -> Self {
        let left_out = self.count.saturating_sub(count);
        Self {
            start: self.time(left_out),
            count: self.count - left_out,
            ..*self
        }
    }

    /// Only the first step.
    pub(crate) const fn first_only(&self) -> Self {
        Self {
            count: if self.count == 0 { 0 } else { 1 },
            ..*self
        }
    }
}
