//! Runs the cases of this crate, and foreign scripts where they are at hand.
