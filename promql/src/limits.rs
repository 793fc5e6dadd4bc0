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

/// As how many levels a chain of operators counts at most (`a or b or c ...`, however long): after so many operations
/// of a chain, what has come of them is computed before it goes on.
pub const CHAIN_LEVELS: usize = 32;

/// Levels of an operation whose left side is a chain of so many levels and its deepest part, or no chain at all.
pub(crate) fn chain_levels(lhs: usize, lhs_deepest: usize, rhs: usize) -> usize {
    (lhs + 1).min(lhs_deepest + CHAIN_LEVELS).max(rhs + 1)
}

/// How many matchers of a query may have regular expressions that are more than lists, prefixes and suffixes: each may
/// take megabytes.
pub const REGEXES_MAX: usize = 1_000;

/// How many levels a computed duration may have.
pub const DURATION_DEPTH_MAX: usize = 50;
