//! The limit on open files: raised as far as this process may, since each target and client takes one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the soft limit to the hard one, as Go's runtime does for Prometheus, and says what holds now.
pub(super) fn raise() {
    let before = getrlimit(Resource::Nofile);
    let wanted = Rlimit {
        current: before.maximum,
        ..before
    };
    let raised = before.current != before.maximum && setrlimit(Resource::Nofile, wanted).is_ok();
    let now = if raised { wanted } else { before };
    let shown = |limit: Option<u64>| limit.map_or_else(|| "unlimited".to_owned(), |limit| limit.to_string());
    tracing::info!(
        soft = shown(now.current),
        hard = shown(now.maximum),
        "Limit on open files"
    );
}
