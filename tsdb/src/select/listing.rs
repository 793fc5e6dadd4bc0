//! Lists of names, values or series that may have been cut at a limit.

/// A sorted list without repetitions, perhaps cut.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Listing<T> {
    /// What was found, ascending.
    pub items: Vec<T>,
    /// Whether there was more than the limit allowed.
    pub truncated: bool,
}

impl<T: Ord> Listing<T> {
    /// Sorts, removes repetitions, and cuts at `limit` (0: no limit).
    pub(crate) fn from_unsorted(mut items: Vec<T>, limit: usize) -> Self {
        items.sort_unstable();
        items.dedup();
        let truncated = limit > 0 && items.len() > limit;
        if truncated {
            items.truncate(limit);
        }
        Self { items, truncated }
    }
}
