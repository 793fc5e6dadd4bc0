//! Blocks from elsewhere: series with all their samples, written into a block without going through the head.

use narthex_format::block::BlockMeta;
use narthex_model::{Labels, SampleBuffer};

use super::inner::Inner;
use crate::block::{BlockWriter, Origin};
use crate::error::Error;

/// A block being written, series by series in label order. It is in the store once it is finished; one that is dropped
/// leaves nothing.
pub struct BlockImport<'d> {
    inner: &'d Inner,
    writer: Option<BlockWriter<'d>>,
}

impl std::fmt::Debug for BlockImport<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BlockImport").finish_non_exhaustive()
    }
}

impl<'d> BlockImport<'d> {
    pub(super) fn new(inner: &'d Inner, start_ms: i64, end_ms: i64) -> Result<Self, Error> {
        inner.check_open()?;
        let origin = Origin {
            start: start_ms,
            end: end_ms.max(start_ms.saturating_add(1)),
            ..Origin::default()
        };
        let segments = &inner.segments;
        let writer = BlockWriter::new(segments.disk(), &segments.blocks.folder, origin)?;
        Ok(Self {
            inner,
            writer: Some(writer),
        })
    }

    /// Adds the next series; one without samples is left out.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub fn series(&mut self, labels: &Labels, samples: &SampleBuffer) -> Result<(), Error> {
        match &mut self.writer {
            Some(writer) => writer.series(labels, samples, &[], &[]),
            None => Ok(()),
        }
    }

    /// Puts the block into the store. When this returns it would survive a power loss; `None` if it had no samples.
    ///
    /// # Errors
    /// When series did not come in label order, or the operating system refuses.
    pub fn finish(mut self) -> Result<Option<BlockMeta>, Error> {
        let path = self.writer.take().map(BlockWriter::finish).transpose()?.flatten();
        let Some(path) = path else { return Ok(None) };
        let block = self.inner.segments.blocks.add(path)?;
        self.inner.head.note_newest(block.summary().time_max);
        self.inner.head.commits.changes.begin_life();
        Ok(Some(block.meta.clone()))
    }
}

impl Drop for BlockImport<'_> {
    fn drop(&mut self) {
        self.writer.take().into_iter().for_each(BlockWriter::abandon);
    }
}
