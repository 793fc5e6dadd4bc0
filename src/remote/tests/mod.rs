//! Queues as a whole, from a store to a receiver.

mod delivery;
mod receiver;
