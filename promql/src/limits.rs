//! What ends a query before it is done.

/// Why a query must stop now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interrupt {
    /// Its deadline passed.
    Timeout,
    /// Its client went away, or the server stops.
    Canceled,
}
