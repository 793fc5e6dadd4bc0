//! Threads that help with one evaluation after another.
//!
//! A thread that has helped keeps what it has unpacked and allocated, and waking it costs less than starting one.

use std::sync::{Arc, Mutex, PoisonError};

use rayon_core::{ThreadPool, ThreadPoolBuilder};

use crate::error::QueryError;

/// The crew that was used last, if nobody uses it: it is likely to fit the next evaluation. More at once have crews of
/// their own and let them go.
#[derive(Clone, Default)]
pub(crate) struct Crews {
    idle: Arc<Mutex<Option<Crew>>>,
}

/// Threads and their stack.
struct Crew {
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
        let fits =
            |crew: &Crew| crew.stack_bytes >= stack_bytes && crew.threads.current_num_threads() >= count;
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = idle().take_if(|crew| fits(crew));
        let crew = match kept {
            Some(crew) => crew,
            None => Crew {
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
        let former = idle().replace(crew);
        // Not while others wait for the lock.
        drop(former);
        Ok(led)
    }
}
