//! Slow work on blocks, which nothing quick waits for: cutting and merging.

use std::sync::atomic::Ordering::{AcqRel, Acquire};

use narthex_format::block::BlockMeta;
use parking_lot::MutexGuard;

use super::inner::Inner;
use crate::compact::{Cutter, Merger};
use crate::error::Error;

impl Inner {
    /// Cuts and merges blocks as far as it is due.
    pub(super) fn compact(&self) -> Result<(), Error> {
        let Some(alone) = self.compacting.try_lock() else {
            return Ok(());
        };
        self.check_open()?;
        let swept = self.segments.blocks.sweep();
        let pause = || self.pause();
        let compacted = self
            .cutter(&pause)
            .cut()
            .and_then(|()| self.merger(&pause).merge());
        drop(alone);
        match compacted {
            // It goes on with the next call.
            Err(Error::Interrupted) => swept,
            compacted => compacted.and(swept),
        }
    }

    /// Makes one block of all samples that every reader sees.
    pub(super) fn compact_all(&self) -> Result<(), Error> {
        let _alone = self.interrupt_compacting();
        self.check_open()?;
        {
            let _alone = self.maintaining.lock();
            self.seal_alone()?;
        }
        let pause = || self.check_open();
        self.cutter(&pause).cut_up_to(i64::MAX)?;
        self.merger(&pause).merge_all()?;
        let _alone = self.maintaining.lock();
        self.drop_newest()
    }

    /// Removes the newest segment too if blocks have all of it: they say as well as it does up to where the log has been
    /// sealed, once the log holds nothing before that.
    fn drop_newest(&self) -> Result<(), Error> {
        let list = self.segments.list();
        let blocks = self.segments.blocks.list();
        let Some(newest) = list.last().filter(|_| list.len() == 1) else {
            return Ok(());
        };
        let (commit, pin) = (newest.summary().commit, self.head.commits.visible());
        let known = blocks.iter().any(|b| b.summary().commit >= commit);
        let pause = || Ok(());
        if known && self.cutter(&pause).is_cut(newest) && !self.head.commits.has_reader_up_to(pin) {
            self.wal.forget(commit)?;
            self.segments.remove(newest.number)?;
        }
        Ok(())
    }

    /// What the blocks say about themselves, by their first millisecond.
    pub(super) fn block_metas(&self) -> Vec<BlockMeta> {
        let blocks = self.segments.blocks.list();
        let mut metas: Vec<BlockMeta> = blocks.iter().map(|b| b.meta.clone()).collect();
        metas.sort_by(|a, b| (a.min_time, &a.ulid).cmp(&(b.min_time, &b.ulid)));
        metas
    }

    /// Waits until nobody works on blocks, which does not take long, and keeps others from it.
    pub(super) fn interrupt_compacting(&self) -> MutexGuard<'_, ()> {
        self.waiting.fetch_add(1, AcqRel);
        let alone = self.compacting.lock();
        self.waiting.fetch_sub(1, AcqRel);
        alone
    }

    fn pause(&self) -> Result<(), Error> {
        if self.waiting.load(Acquire) > 0 {
            Err(Error::Interrupted)
        } else {
            self.check_open()
        }
    }

    fn cutter<'a>(&'a self, pause: &'a dyn Fn() -> Result<(), Error>) -> Cutter<'a> {
        Cutter {
            head: &self.head,
            segments: &self.segments,
            options: &self.options,
            pause,
        }
    }

    fn merger<'a>(&'a self, pause: &'a dyn Fn() -> Result<(), Error>) -> Merger<'a> {
        Merger {
            segments: &self.segments,
            options: &self.options,
            pause,
        }
    }
}
