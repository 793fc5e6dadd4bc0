//! Tests of the database through its public surface.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod basics;
mod blocks;
mod crash;
mod leave;
mod merge;
mod model;
mod seal;
mod tail;
mod world;
