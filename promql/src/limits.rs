//! What ends a query before it is done.

/// Why a query must stop now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interrupt {
    /// Its deadline passed.
    Timeout,
    /// Its client went away, or the server stops.
    Canceled,
}

/// How many levels an expression may have: deeper ones are refused, so that no stack overflows on them.
pub const DEPTH_MAX: usize = 500;

/// How many matchers of a query may have regular expressions that are more than lists, prefixes and suffixes: each may
/// take megabytes.
pub const REGEXES_MAX: usize = 1_000;

/// How many levels a computed duration may have.
pub const DURATION_DEPTH_MAX: usize = 50;
