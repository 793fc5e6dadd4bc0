//! From a batch of samples to a commit: admission, log, apply, publish.

mod admission;
mod apply;
pub(crate) mod batch;
pub(crate) mod commit;
mod committer;
mod placer;
mod recall;
mod replay;

pub(crate) use committer::Appender;
pub(crate) use replay::Replay;
