//! Slow work on blocks, which nothing quick waits for: cutting and merging.

use std::sync::Arc;
use std::sync::atomic::Ordering::{AcqRel, Acquire};

use narthex_format::block::BlockMeta;
use parking_lot::MutexGuard;

use super::inner::{Inner, Reserved};
use crate::block::Block;
use crate::compact::{Cutter, Merger};
use crate::error::Error;

type Pause<'a> = &'a dyn Fn() -> Result<(), Error>;
type Reserve<'a> = &'a dyn Fn(u64) -> Result<(), Error>;

impl Inner {
    /// Cuts and merges blocks as far as it is due.
    pub(super) fn compact(&self) -> Result<(), Error> {
        let Some(alone) = self.compacting.try_lock() else {
            return Ok(());
        };
        self.check_open()?;
        let swept = self.segments.blocks.sweep();
        let (pause, reserve) = (|| self.pause(), self.reserver());
        let compacted = self.watched(|| {
            let cut = self.cutter(&pause, &reserve).cut();
            cut.and_then(|()| self.merger(&pause, &reserve).merge())
        });
        drop(alone);
        let swept = swept.and(self.segments.blocks.note_damage());
        match compacted {
            // It goes on with the next call.
            Err(Error::Interrupted) => swept,
            compacted => compacted.and(swept),
        }
    }

    /// Writes the blocks with tombstones anew.
    pub(super) fn clean_tombstones(&self) -> Result<(), Error> {
        self.check_open()?;
        let (pause, reserve) = (|| self.pause(), self.reserver());
        let mut results = Vec::new();
        for block in self.segments.blocks.list().iter().filter(|b| b.tombstones() > 0) {
            loop {
                let alone = self.compacting.lock();
                let cleaned = self.watched(|| self.merger(&pause, &reserve).rewrite(block));
                drop(alone);
                match cleaned {
                    // Whoever waited has the lock next.
                    Err(Error::Interrupted) => std::thread::yield_now(),
                    cleaned => break results.push(cleaned),
                }
            }
        }
        results.into_iter().collect()
    }

    /// Makes one block of all samples that every reader sees.
    pub(super) fn compact_all(&self, watch: &dyn Fn(u64, u64)) -> Result<(), Error> {
        let _alone = self.interrupt_compacting();
        self.check_open()?;
        {
            let _alone = self.maintaining.lock();
            self.seal_alone()?;
        }
        let (pause, reserve) = (|| self.check_open(), self.reserver());
        self.watched(|| {
            self.cutter(&pause, &reserve).cut_up_to(i64::MAX)?;
            self.merger(&pause, &reserve).merge_all(watch)?;
            let _alone = self.maintaining.lock();
            self.drop_newest()
        })
    }

    /// Works on blocks. Once some have gone for their age, samples of theirs show from segments that are still there, and
    /// which of these depends on the other blocks: what is found may change then.
    fn watched<T>(&self, work: impl FnOnce() -> T) -> T {
        let files = || (self.segments.list(), self.segments.blocks.list());
        let (segments, blocks) = files();
        let done = work();
        let (segments_now, blocks_now) = files();
        let same = Arc::ptr_eq(&segments, &segments_now) && Arc::ptr_eq(&blocks, &blocks_now);
        if !same && self.segments.blocks.some_are_gone() {
            self.head.commits.changes.begin_life();
        }
        done
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
        let (pause, reserve) = (|| Ok(()), |_| Ok(()));
        if known && self.cutter(&pause, &reserve).is_cut(newest) && !self.head.commits.has_reader_up_to(pin) {
            self.wal.forget(commit)?;
            self.segments.remove(newest.number)?;
        }
        Ok(())
    }

    /// What the blocks say about themselves, by their first millisecond.
    pub(super) fn block_metas(&self) -> Vec<BlockMeta> {
        let blocks = self.segments.blocks.list();
        let meta = |block: &Arc<Block>| {
            let mut meta = block.meta.clone();
            meta.stats.num_tombstones = block.tombstones() as u64;
            meta
        };
        let mut metas: Vec<BlockMeta> = blocks.iter().map(meta).collect();
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

    fn reserver(&self) -> impl Fn(u64) -> Result<(), Error> {
        |bytes| self.reserve(Reserved::Block, bytes)
    }

    fn cutter<'a>(&'a self, pause: Pause<'a>, reserve: Reserve<'a>) -> Cutter<'a> {
        Cutter {
            head: &self.head,
            segments: &self.segments,
            options: &self.options,
            pause,
            reserve,
        }
    }

    fn merger<'a>(&'a self, pause: Pause<'a>, reserve: Reserve<'a>) -> Merger<'a> {
        Merger {
            segments: &self.segments,
            options: &self.options,
            pause,
            reserve,
        }
    }
}
