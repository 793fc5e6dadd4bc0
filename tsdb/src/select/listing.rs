//! Lists of names, values or series that may have been cut at a limit.

/// A sorted list without repetitions, perhaps cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing<T> {
    /// What was found, ascending.
    pub items: Vec<T>,
    /// Whether there was more than the limit allowed.
    pub truncated: bool,
}

impl<T> Default for Listing<T> {
    fn default() -> Self {
        Self {
            items: Vec::new(),
            truncated: false,
        }
    }
}

impl<T> Listing<T> {
    /// The first `limit` (0: all) of a sorted list.
    pub(crate) fn from_sorted(items: impl ExactSizeIterator<Item = T>, limit: usize) -> Self {
        let truncated = limit > 0 && items.len() > limit;
        let limit = if limit == 0 { usize::MAX } else { limit };
        Self {
            items: items.take(limit).collect(),
            truncated,
        }
    }
}
