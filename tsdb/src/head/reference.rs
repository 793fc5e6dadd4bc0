//! How callers name a series without its labels.

use std::num::NonZeroU32;

/// A series as a store knows it: small, cheap to keep in a cache, and valid until the store drops the series.
///
/// A stale reference is noticed when it is used: the sample is left out with
/// [`Reason::UnknownSeries`](crate::Reason::UnknownSeries), and the caller resolves the labels again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SeriesRef {
    /// Which opening of a store gave out the id.
    pub(crate) epoch: NonZeroU32,
    /// Number of the series; never given to another series within an epoch.
    pub(crate) id: u32,
}
