//! The threads that tasks run on.
//!
//! Scraping has some of its own, half as many as there are cores. A scrape goes through several tasks, and each step would
//! wake a thread that has nothing to do. What one scrape waits for, the log above all, the others would wait for too.

use tokio::runtime::{Builder, Runtime};

/// Stack of each thread. Queries are evaluated recursively, with up to 500 levels; only touched pages are taken.
const THREAD_STACK_BYTES: usize = 16 << 20;

/// A runtime of so many threads of this name.
pub(super) fn threads(name: &str, count: usize) -> std::io::Result<Runtime> {
    Builder::new_multi_thread()
        .worker_threads(count)
        .thread_name(name)
        .thread_stack_size(THREAD_STACK_BYTES)
        .enable_all()
        .build()
}
