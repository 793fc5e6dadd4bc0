//! Sets of series ids: how they are kept beside each label pair, and how many are added at once.

mod list;
mod runs;

pub(crate) use list::Postings;
pub(crate) use runs::Runs;
