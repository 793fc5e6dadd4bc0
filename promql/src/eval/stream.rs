//! Columns in order, computed by several threads where that pays.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use super::column::Column;
use super::context::Context;
use super::scratch::Scratch;
use super::stack::stack_bytes;
use super::vector::{Identity, SharedVector, Vector};
use crate::error::QueryError;

/// Points that a thread computes before it hands them over, and the most series: many, as neighbours lie together on
/// disk and are unpacked together.
const BLOCK_POINTS: usize = 1 << 16;
const BLOCK_SERIES: usize = 256;
/// What a series costs beside its steps, in points.
const SERIES_POINTS: usize = 64;
/// Below so many points threads cost more than they save.
const PARALLEL_POINTS: usize = 1 << 16;
/// Columns longer than this are computed one by one: each thread holds several.
const PARALLEL_STEPS: usize = 200_000;

/// Hands each column of `vector` to `fold`, in the order of its series; the answer does not depend on the number
/// of threads, because folding is done by one, in that order.
///
/// # Errors
/// The first error in that order.
pub(crate) fn for_each_column(
    cx: &Context<'_>,
    vector: &dyn Vector,
    steps: usize,
    mut fold: impl FnMut(usize, Column) -> Result<(), QueryError>,
) -> Result<(), QueryError> {
    let count = vector.len();
    let block = (BLOCK_POINTS / steps.max(1)).clamp(8, BLOCK_SERIES);
    let threads = cx.parallelism.min(count.div_ceil(block));
    if threads > 1
        && steps <= PARALLEL_STEPS
        && !vector.is_computed()
        && count.saturating_mul(steps + SERIES_POINTS) >= PARALLEL_POINTS
    {
        return in_parallel(cx, vector, Shares { threads, block }, &mut fold);
    }
    let mut scratch = Scratch::new(cx);
    let mut run = || {
        for index in 0..count {
            scratch.worked(0)?;
            let column = vector.column(index, &mut scratch)?;
            fold(index, column)?;
        }
        Ok(())
    };
    let outcome = run();
    cx.absorb(scratch);
    outcome
}

/// Computes columns that no result needs: Prometheus computes them too, and what is found and counted on the way
/// belongs to the answer.
///
/// # Errors
/// As [`for_each_column`].
pub(crate) fn compute_unused(
    cx: &Context<'_>,
    vector: &SharedVector<'_>,
    unused: Vec<usize>,
    steps: usize,
) -> Result<(), QueryError> {
    if vector.is_computed() {
        return Ok(());
    }
    for_some_columns(cx, vector, unused, steps, |_, _| Ok(()))
}

/// As [`for_each_column`], but for the series at these indices only.
///
/// # Errors
/// As [`for_each_column`].
pub(crate) fn for_some_columns(
    cx: &Context<'_>,
    vector: &SharedVector<'_>,
    indices: Vec<usize>,
    steps: usize,
    mut fold: impl FnMut(&Identity, Column) -> Result<(), QueryError>,
) -> Result<(), QueryError> {
    if indices.is_empty() {
        return Ok(());
    }
    let series: Vec<Identity> = indices
        .iter()
        .filter_map(|index| vector.series().get(*index).cloned())
        .collect();
    let selected = Selected {
        vector,
        series,
        indices,
    };
    for_each_column(cx, &selected, steps, |index, column| {
        match selected.series.get(index) {
            Some(identity) => fold(identity, column),
            None => Ok(()),
        }
    })
}

/// Some series of a vector.
struct Selected<'v, 'a> {
    vector: &'v SharedVector<'a>,
    series: Vec<Identity>,
    indices: Vec<usize>,
}

impl Vector for Selected<'_, '_> {
    fn series(&self) -> &[Identity] {
        &self.series
    }

    fn column(&self, index: usize, scratch: &mut Scratch<'_>) -> Result<Column, QueryError> {
        match self.indices.get(index) {
            Some(index) => self.vector.column(*index, scratch),
            None => Err(QueryError::Execution("no such series".to_owned())),
        }
    }
}

/// How series are shared out among threads.
#[derive(Debug, Clone, Copy)]
struct Shares {
    threads: usize,
    /// Series in a block.
    block: usize,
}

type Block = Result<Vec<Column>, QueryError>;

/// Thread `n` of `threads` computes blocks n, n + threads, ...; they are taken in turn, and no thread runs more
/// than two blocks ahead.
fn in_parallel(
    cx: &Context<'_>,
    vector: &dyn Vector,
    shares: Shares,
    fold: &mut dyn FnMut(usize, Column) -> Result<(), QueryError>,
) -> Result<(), QueryError> {
    let count = vector.len();
    let Shares { threads, block } = shares;
    std::thread::scope(|scope| {
        let mut inboxes: Vec<Receiver<Block>> = Vec::with_capacity(threads);
        for thread in 0..threads {
            let (sender, receiver) = sync_channel(1);
            inboxes.push(receiver);
            let work = move || compute_blocks(cx, vector, thread, shares, &sender);
            std::thread::Builder::new()
                .stack_size(stack_bytes(cx.levels))
                .spawn_scoped(scope, work)
                .map_err(|error| QueryError::Execution(format!("no thread for evaluation: {error}")))?;
        }
        for (number, first) in (0..count).step_by(block).enumerate() {
            let columns = inboxes
                .get(number % threads)
                .and_then(|inbox| inbox.recv().ok())
                .unwrap_or_else(|| Err(QueryError::Execution("an evaluation thread has died".to_owned())))?;
            for (offset, column) in columns.into_iter().enumerate() {
                fold(first + offset, column)?;
            }
        }
        Ok(())
    })
}

fn compute_blocks(
    cx: &Context<'_>,
    vector: &dyn Vector,
    thread: usize,
    Shares { threads, block }: Shares,
    sender: &SyncSender<Block>,
) {
    let count = vector.len();
    let mut scratch = Scratch::new(cx);
    for first in (thread * block..count).step_by(threads * block) {
        let columns = (first..count.min(first + block))
            .map(|index| {
                scratch.worked(0)?;
                vector.column(index, &mut scratch)
            })
            .collect::<Block>();
        let failed = columns.is_err();
        // The receiver is gone when folding has failed: nobody waits for more.
        if sender.send(columns).is_err() || failed {
            break;
        }
    }
    cx.absorb(scratch);
}
