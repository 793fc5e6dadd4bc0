//! Stack for deep expressions: evaluation recurses once per level.

use crate::error::QueryError;

/// Levels that any thread's own stack has room for.
const SHALLOW_LEVELS: usize = 40;
/// Stack of one level, generously (builds without optimisation need most).
const LEVEL_BYTES: usize = 64 << 10;

/// The stack that a thread needs which computes columns of an expression so deep; the same for all that are shallow, so
/// that a thread fits most.
pub(crate) fn stack_bytes(levels: usize) -> usize {
    (2 << 20) + levels.max(SHALLOW_LEVELS) * LEVEL_BYTES
}

/// Runs `work` where there is stack enough for an expression of so many levels.
///
/// # Errors
/// Those of `work`, and when the system refuses another thread.
pub(crate) fn with_stack<T: Send>(
    levels: usize,
    work: impl FnOnce() -> Result<T, QueryError> + Send,
) -> Result<T, QueryError> {
    if levels <= SHALLOW_LEVELS {
        return work();
    }
    std::thread::scope(|scope| {
        std::thread::Builder::new()
            .stack_size(stack_bytes(levels))
            .spawn_scoped(scope, work)
            .map_err(|error| QueryError::Execution(format!("no thread for a deep expression: {error}")))?
            .join()
            .unwrap_or_else(|_| Err(QueryError::Execution("evaluation has failed".to_owned())))
    })
}
