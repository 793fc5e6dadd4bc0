//! Tests of the database through its public surface.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod basics;
mod blocks;
mod changes;
mod crash;
mod damage;
mod delete;
mod leave;
mod life;
mod merge;
mod model;
mod seal;
mod space;
mod tail;
mod world;
