//! From a batch of samples to a commit: admission, log, apply, publish.

pub(crate) mod batch;
pub(crate) mod commit;
