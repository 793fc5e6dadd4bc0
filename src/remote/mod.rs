//! Remote write out: what is stored is sent on to other servers, from the log, so that neither a restart nor an outage
//! costs anything that the log still has.
//!
//! The log is the queue. A reader follows it, gives each series its external labels, relabels it, and hands its samples
//! to one of several shards, always the same one; a shard sends batches and tries again until they are taken or refused
//! for good. The ledger knows up to where everything read has been dealt with; that is what the store remembers. What is
//! remembered late is sent again after a crash, and the part of it that the receiver refuses is cut out.
mod batch;
mod ledger;
mod manager;
mod metadata;
mod metrics;
mod queue;
mod reader;
mod send;
mod series;
mod shard;
mod shards;
#[cfg(test)]
mod tests;

pub use manager::{DeclaredFamily, RemoteManager, RemoteOptions};
