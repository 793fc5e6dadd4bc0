//! From the head to files, and from old files to nothing.

mod cut;
mod leave;
mod merge;
mod plan;
mod retention;
mod seal;

pub(crate) use cut::Cutter;
pub(crate) use leave::{Leaver, Leaving};
pub(crate) use merge::Merger;
pub(crate) use retention::{Expired, expire, spare};
pub(crate) use seal::{Sealer, seal};
