//! From a batch of samples to a commit: admission, log, apply, publish.

mod admission;
mod apply;
pub(crate) mod batch;
pub(crate) mod commit;
mod committer;
mod placer;
mod recall;

pub(crate) use apply::Replay;
pub(crate) use committer::Appender;
