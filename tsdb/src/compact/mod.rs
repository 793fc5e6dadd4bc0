//! From the head to files, and from old files to nothing.

mod cut;
mod retention;
mod seal;

pub(crate) use cut::Cutter;
pub(crate) use retention::expire;
pub(crate) use seal::{Sealer, seal};
