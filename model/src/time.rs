//! Times are Unix milliseconds in an `i64`; ranges name both ends.

/// An inclusive range of times, in Unix milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TimeRange {
    /// First time inside the range.
    pub min: i64,
    /// Last time inside the range.
    pub max: i64,
}

impl TimeRange {
    /// Every time there is.
    pub const ALL: Self = Self {
        min: i64::MIN,
        max: i64::MAX,
    };

    /// Whether `time` lies in the range.
    #[must_use]
    pub const fn contains(&self, time: i64) -> bool {
        self.min <= time && time <= self.max
    }

    /// Whether the two ranges share a time.
    #[must_use]
    pub const fn overlaps(&self, other: &Self) -> bool {
        self.min <= other.max && other.min <= self.max
    }
}
