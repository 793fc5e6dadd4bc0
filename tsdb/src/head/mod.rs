//! The mutable part of the store: series with their newest samples.

pub(crate) mod reference;
pub(crate) mod simple;
