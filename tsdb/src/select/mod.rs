//! From matchers and a time range to series and columns, as of one commit.

pub(crate) mod listing;
pub(crate) mod snapshot;
