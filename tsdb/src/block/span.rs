//! Which samples of which sealed segments a block has: what is not to be cut again.

use narthex_format::block::BlockSpan;

/// Samples of neighbouring segments between two times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    /// The oldest and the newest segment.
    pub(crate) segments: (u64, u64),
    /// The first millisecond, and the first after them.
    pub(crate) times: (i64, i64),
}

impl Span {
    /// Whether the samples of a segment between two times, the second excluded, are among them.
    pub(crate) const fn has(&self, segment: u64, start: i64, end: i64) -> bool {
        self.segments.0 <= segment
            && segment <= self.segments.1
            && self.times.0 <= start
            && end <= self.times.1
    }
}

impl From<BlockSpan> for Span {
    fn from(span: BlockSpan) -> Self {
        Self {
            segments: (span.first, span.last),
            times: (span.min_time, span.max_time),
        }
    }
}

impl From<Span> for BlockSpan {
    fn from(span: Span) -> Self {
        Self {
            first: span.segments.0,
            last: span.segments.1,
            min_time: span.times.0,
            max_time: span.times.1,
        }
    }
}
