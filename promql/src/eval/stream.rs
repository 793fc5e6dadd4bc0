//! Columns in order, computed by several threads where that pays.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use super::column::Column;
use super::context::Context;
use super::scratch::Scratch;
use super::stack::stack_bytes;
use super::vector::{Identity, SharedVector, Vector};
use crate::error::QueryError;

/// Series that a thread computes before it hands them over.
const BLOCK: usize = 32;
/// Below so many points (series x steps) threads cost more than they save.
const PARALLEL_POINTS: usize = 16_384;
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
    let count = vector.series().len();
    let threads = cx.parallelism.min(count / BLOCK);
    if threads > 1
        && steps <= PARALLEL_STEPS
        && !vector.is_computed()
        && count.saturating_mul(steps) >= PARALLEL_POINTS
    {
        return in_parallel(cx, vector, threads, &mut fold);
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
    if vector.is_computed() || unused.is_empty() {
        return Ok(());
    }
    let series = unused
        .iter()
        .filter_map(|index| vector.series().get(*index).cloned())
        .collect();
    let selected = Selected {
        vector,
        series,
        indices: unused,
    };
    for_each_column(cx, &selected, steps, |_, _| Ok(()))
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

type Block = Result<Vec<Column>, QueryError>;

/// Thread `n` of `threads` computes blocks n, n + threads, ...; they are taken in turn, and no thread runs more
/// than two blocks ahead.
fn in_parallel(
    cx: &Context<'_>,
    vector: &dyn Vector,
    threads: usize,
    fold: &mut dyn FnMut(usize, Column) -> Result<(), QueryError>,
) -> Result<(), QueryError> {
    let count = vector.series().len();
    std::thread::scope(|scope| {
        let mut inboxes: Vec<Receiver<Block>> = Vec::with_capacity(threads);
        for thread in 0..threads {
            let (sender, receiver) = sync_channel(1);
            inboxes.push(receiver);
            let work = move || compute_blocks(cx, vector, thread, threads, &sender);
            std::thread::Builder::new()
                .stack_size(stack_bytes(cx.levels))
                .spawn_scoped(scope, work)
                .map_err(|error| QueryError::Execution(format!("no thread for evaluation: {error}")))?;
        }
        for (number, first) in (0..count).step_by(BLOCK).enumerate() {
            let block = inboxes
                .get(number % threads)
                .and_then(|inbox| inbox.recv().ok())
                .unwrap_or_else(|| Err(QueryError::Execution("an evaluation thread has died".to_owned())))?;
            for (offset, column) in block.into_iter().enumerate() {
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
    threads: usize,
    sender: &SyncSender<Block>,
) {
    let count = vector.series().len();
    let mut scratch = Scratch::new(cx);
    for first in (thread * BLOCK..count).step_by(threads * BLOCK) {
        let block = (first..count.min(first + BLOCK))
            .map(|index| {
                scratch.worked(0)?;
                vector.column(index, &mut scratch)
            })
            .collect::<Block>();
        let failed = block.is_err();
        // The receiver is gone when folding has failed: nobody waits for more.
        if sender.send(block).is_err() || failed {
            break;
        }
    }
    cx.absorb(scratch);
}
