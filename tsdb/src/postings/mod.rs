//! Sets of series ids: how they are kept beside each label pair.

mod list;

pub(crate) use list::{Postings, add};
