//! The catalog: which series there are, in files of its own, so that the log may forget them.

mod load;
mod writer;

pub(crate) use load::{Loaded, load};
pub(crate) use writer::Catalog;
