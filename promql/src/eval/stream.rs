//! Columns in order, computed by several threads where that pays.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::column::Column;
use super::context::Context;
use super::scratch::Scratch;
use super::stack::stack_bytes;
use super::vector::{Identity, SharedVector, TakeColumn, Vector};
use crate::error::QueryError;

/// Points that a thread computes before it hands them over, and the most series: many, as neighbours lie together on
/// disk and are unpacked together.
const BLOCK_POINTS: usize = 1 << 16;
const BLOCK_SERIES: usize = 256;
/// At least so many blocks there are, if there are the series: threads end together then.
const BLOCKS: usize = 16;
/// What a series costs beside its steps, in points: its samples are found and read.
const SERIES_POINTS: usize = 320;
/// Below so many points threads cost more than they save.
const PARALLEL_POINTS: usize = 1 << 16;
/// Blocks for each thread that may be done and not taken.
const BLOCKS_AHEAD: usize = 2;
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
    let shares = Shares::of(cx, vector, steps, 1);
    if shares.threads > 1 {
        let compute = |series: Range<usize>, scratch: &mut Scratch<'_>| {
            let mut columns = Vec::with_capacity(series.len());
            compute_block(vector, series, scratch, &mut |_, column, _| {
                columns.push(column);
                Ok(())
            })?;
            Ok(columns)
        };
        return for_each_block(cx, shares, compute, |series, columns| {
            series
                .zip(columns)
                .try_for_each(|(index, column)| fold(index, column))
        });
    }
    let mut scratch = Scratch::new(cx);
    let outcome = (0..shares.blocks()).try_for_each(|block| {
        let mut take = |index, column, _: &mut Scratch<'_>| fold(index, column);
        compute_block(vector, shares.series(block), &mut scratch, &mut take)
    });
    cx.absorb(scratch);
    outcome
}

/// Hands over the columns of neighbours.
///
/// # Errors
/// The first error in the order of the series.
pub(crate) fn compute_block(
    vector: &dyn Vector,
    series: Range<usize>,
    scratch: &mut Scratch<'_>,
    take: &mut TakeColumn<'_>,
) -> Result<(), QueryError> {
    let indices: Vec<usize> = series.collect();
    vector.columns(&indices, scratch, take)
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

    fn columns(
        &self,
        indices: &[usize],
        scratch: &mut Scratch<'_>,
        take: &mut TakeColumn<'_>,
    ) -> Result<(), QueryError> {
        let places = indices
            .iter()
            .filter_map(|index| self.indices.get(*index).copied());
        let places: Vec<usize> = places.collect();
        let mut indices = indices.iter();
        self.vector.columns(&places, scratch, &mut |_, column, scratch| {
            let index = indices.next().copied().unwrap_or_default();
            take(index, column, scratch)
        })
    }
}

/// How series are shared out among threads.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shares {
    threads: usize,
    /// Series, and series in a block.
    count: usize,
    block: usize,
}

impl Shares {
    /// Shares in the columns of a vector; a block has `least` series at least. Blocks do not depend on the number of
    /// threads.
    pub(crate) fn of(cx: &Context<'_>, vector: &dyn Vector, steps: usize, least: usize) -> Self {
        let count = vector.len();
        let points = steps.saturating_add(SERIES_POINTS);
        let block = (BLOCK_POINTS / points).min(count.div_ceil(BLOCKS));
        let block = block.clamp(8, BLOCK_SERIES).max(least);
        let worth = steps <= PARALLEL_STEPS
            && !vector.is_computed()
            && count.saturating_mul(points) >= PARALLEL_POINTS;
        Self {
            threads: if worth {
                cx.parallelism.min(count.div_ceil(block)).max(1)
            } else {
                1
            },
            count,
            block,
        }
    }

    const fn blocks(&self) -> usize {
        self.count.div_ceil(self.block)
    }

    fn series(&self, block: usize) -> Range<usize> {
        let first = block * self.block;
        first..self.count.min(first + self.block)
    }
}

/// Computes blocks of series, in several threads where that pays, and takes what comes of them in the order of the
/// series, in this thread.
///
/// # Errors
/// The first error in that order.
pub(crate) fn for_each_block<'c, P: Send>(
    cx: &'c Context<'c>,
    shares: Shares,
    compute: impl Fn(Range<usize>, &mut Scratch<'c>) -> Result<P, QueryError> + Sync,
    mut take: impl FnMut(Range<usize>, P) -> Result<(), QueryError>,
) -> Result<(), QueryError> {
    if shares.threads > 1 {
        return in_parallel(cx, shares, &compute, &mut take);
    }
    let mut scratch = Scratch::new(cx);
    let outcome = (0..shares.blocks()).try_for_each(|block| {
        let done = compute(shares.series(block), &mut scratch)?;
        take(shares.series(block), done)
    });
    cx.absorb(scratch);
    outcome
}

/// What the threads of one evaluation know of each other.
struct Queue<P> {
    shares: Shares,
    next: AtomicUsize,
    state: Mutex<State<P>>,
    changed: Condvar,
}

struct State<P> {
    /// Blocks that are done and have not been taken.
    done: BTreeMap<usize, Result<P, QueryError>>,
    /// How many have been taken.
    taken: usize,
    /// Nobody takes more.
    stopped: bool,
}

/// A block that somebody computes. It is done in any case, so that nobody waits for ever.
struct Claim<'q, P> {
    queue: &'q Queue<P>,
    block: usize,
    outcome: Option<Result<P, QueryError>>,
}

impl<P> Drop for Claim<'_, P> {
    fn drop(&mut self) {
        let outcome = self
            .outcome
            .take()
            .unwrap_or_else(|| Err(QueryError::Execution("an evaluation thread has died".to_owned())));
        self.queue.lock().done.insert(self.block, outcome);
        self.queue.changed.notify_all();
    }
}

impl<P> Queue<P> {
    fn lock(&self) -> MutexGuard<'_, State<P>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'s>(&self, state: MutexGuard<'s, State<P>>) -> MutexGuard<'s, State<P>> {
        self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
    }

    /// Computes the next block that nobody computes; whether there was one, and its number.
    fn compute_next(&self, compute: impl FnOnce(Range<usize>) -> Result<P, QueryError>) -> Option<usize> {
        let block = self.next.fetch_add(1, Ordering::Relaxed);
        if block >= self.shares.blocks() {
            return None;
        }
        let mut claim = Claim {
            queue: self,
            block,
            outcome: None,
        };
        claim.outcome = Some(compute(self.shares.series(block)));
        Some(block)
    }

    /// Waits until `block` is not too far ahead of what has been taken; whether to go on.
    fn may_go_on(&self, block: usize) -> bool {
        let mut state = self.lock();
        while !state.stopped && block >= state.taken + BLOCKS_AHEAD * self.shares.threads {
            state = self.wait(state);
        }
        !state.stopped
    }
}

/// Lets the other threads go.
struct Stop<'q, P>(&'q Queue<P>);

impl<P> Drop for Stop<'_, P> {
    fn drop(&mut self) {
        self.0.lock().stopped = true;
        self.0.changed.notify_all();
    }
}

/// Whoever is free computes the next block; this thread takes what is done between its own blocks.
fn in_parallel<'c, P: Send>(
    cx: &'c Context<'c>,
    shares: Shares,
    compute: &(impl Fn(Range<usize>, &mut Scratch<'c>) -> Result<P, QueryError> + Sync),
    take: &mut impl FnMut(Range<usize>, P) -> Result<(), QueryError>,
) -> Result<(), QueryError> {
    let queue = Queue {
        shares,
        next: AtomicUsize::new(0),
        state: Mutex::new(State {
            done: BTreeMap::new(),
            taken: 0,
            stopped: false,
        }),
        changed: Condvar::new(),
    };
    let work = || {
        let mut scratch = Scratch::new(cx);
        while let Some(block) = queue.compute_next(|series| compute(series, &mut scratch)) {
            if !queue.may_go_on(block) {
                break;
            }
        }
        cx.absorb(scratch);
    };
    let mut scratch = Scratch::new(cx);
    let helpers = (shares.threads - 1, stack_bytes(cx.levels));
    let led = cx.crews.run(helpers, work, || {
        let _stop = Stop(&queue);
        let mut left = true;
        for block in 0..shares.blocks() {
            let done = loop {
                let mut state = queue.lock();
                if let Some(done) = state.done.remove(&block) {
                    break done;
                }
                if left {
                    drop(state);
                    left = queue
                        .compute_next(|series| compute(series, &mut scratch))
                        .is_some();
                } else {
                    drop(queue.wait(state));
                }
            };
            take(shares.series(block), done?)?;
            queue.lock().taken = block + 1;
            queue.changed.notify_all();
        }
        Ok(())
    });
    cx.absorb(scratch);
    led.and_then(|outcome| outcome)
}
