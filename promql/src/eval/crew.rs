//! Threads that help with one evaluation after another.
//!
//! A thread that has helped keeps what it has unpacked and allocated, and waking it costs less than starting one.

use std::sync::{Arc, Mutex, PoisonError};

use rayon_core::{ThreadPool, ThreadPoolBuilder};

use super::stack::stack_bytes;
use crate::error::QueryError;

/// Crews that are kept for the next evaluation. More at once have their threads for themselves and let them go.
const KEPT: usize = 1;

/// The smallest stack: that of an expression of 40 levels.
const STACK_BYTES: usize = stack_bytes(40);

/// Crews that wait for work.
#[derive(Clone, Default)]
pub(crate) struct Crews {
    idle: Arc<Mutex<Vec<Idle>>>,
}

/// Threads and their stack.
struct Idle {
    stack_bytes: usize,
    threads: ThreadPool,
}

impl std::fmt::Debug for Crews {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Crews").finish_non_exhaustive()
    }
}

impl Crews {
    /// Runs `work` on so many other threads, which have stacks of at least so many bytes, beside `lead` on this one;
    /// returns when all are done. Not to be called by a thread of a crew: it could be given work of others while it waits.
    ///
    /// # Errors
    /// When the system refuses threads.
    pub(crate) fn run<T>(
        &self,
        (count, stack_bytes): (usize, usize),
        work: impl Fn() + Sync,
        lead: impl FnOnce() -> T,
    ) -> Result<T, QueryError> {
        // Most expressions are shallow: their crews fit each other.
        let stack_bytes = stack_bytes.max(STACK_BYTES);
        let crew = match self.take(count, stack_bytes) {
            Some(crew) => crew,
            None => Idle {
                stack_bytes,
                threads: ThreadPoolBuilder::new()
                    .num_threads(count)
                    .stack_size(stack_bytes)
                    .thread_name(|_| "promql".to_owned())
                    .build()
                    .map_err(|error| QueryError::Execution(format!("no thread for evaluation: {error}")))?,
            },
        };
        let work = &work;
        let led = crew.threads.in_place_scope(|scope| {
            for _ in 0..count {
                scope.spawn(move |_| work());
            }
            lead()
        });
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        // What was used last is what is likely to fit next.
        idle.push(crew);
        let former = (idle.len() > KEPT).then(|| idle.remove(0));
        drop(idle);
        drop(former);
        Ok(led)
    }

    fn take(&self, count: usize, stack_bytes: usize) -> Option<Idle> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let fits =
            |idle: &Idle| idle.stack_bytes >= stack_bytes && idle.threads.current_num_threads() >= count;
        let at = idle.iter().position(fits)?;
        Some(idle.swap_remove(at))
    }
}
