//! Queries pinned to a time with `@` must answer the same at any time.

use narthex_promql::Features;

/// The query with every selector pinned to `at`, and other times at which it must answer what it answers at `at`.
#[must_use]
pub fn variants(query: &str, at: i64, features: Features) -> Vec<(String, i64)> {
    let _ = (query, at, features);
    Vec::new()
}
