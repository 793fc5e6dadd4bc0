//! What can go wrong: with the store, and with one sample.

mod kinds;
mod reason;

pub use kinds::Error;
pub use reason::{Reason, Rejected};
