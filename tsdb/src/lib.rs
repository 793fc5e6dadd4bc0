//! The embedded time series database.
#![deny(missing_docs)]
