//! From matchers and a time range to series and columns, as of one commit.

pub(crate) mod cardinality;
mod few;
mod found;
mod grouping;
pub(crate) mod listing;
pub(crate) mod matching;
mod present;
mod read;
pub(crate) mod snapshot;
mod times;
mod translation;
