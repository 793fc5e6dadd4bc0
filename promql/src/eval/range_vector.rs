//! Range vectors: selectors with a window, and subqueries.

use std::sync::Arc;

use narthex_model::{FloatHistogram, Grouping, HistogramValue, Projection, ResetHint, TimeRange};

use super::column::Column;
use super::context::Context;
use super::evaluator::Evaluator;
use super::samples::Samples;
use super::scratch::{Scratch, Tally};
use super::steps::Steps;
use super::stored_series::StoredSeries;
use super::vector::{Identity, SharedVector};
use super::window::Frame;
use crate::error::QueryError;
use crate::functions::{Extension, Point};
use crate::plan::{NodeId, Op, SelectorPlan, SubqueryPlan};

/// Series with all their samples, and the window that a step sees of them.
pub(crate) trait RangeVector: Send + Sync {
    /// The series, in label order.
    fn series(&self) -> &[Identity];

    /// How many series there are.
    fn len(&self) -> usize;

    /// One of the series.
    fn identity(&self, index: usize) -> Identity;

    /// Whether the name of a series has to go at the query's end.
    fn drops_name(&self, index: usize) -> bool;

    /// The series grouped by some of their labels.
    fn group(&self, projection: &Projection<'_>) -> Grouping;

    /// The window.
    fn frame(&self) -> Frame;

    /// Whether the samples come from the source as they are.
    fn is_stored(&self) -> bool;

    /// Fills in the samples that any step can see, and prepares them.
    fn read(&self, index: usize, samples: &mut Samples, scratch: &mut Scratch<'_>) -> Result<(), QueryError>;
}

/// A range vector that several operators can hold.
pub(crate) type SharedRange<'a> = Arc<dyn RangeVector + 'a>;

/// The range vector of a node that the checker knows to be one. What selectors find inside of a subquery counts
/// only where no function takes the subquery's own samples.
pub(super) fn range_vector<'a>(
    ev: &Evaluator<'a>,
    id: NodeId,
    steps: Steps,
    for_function: bool,
) -> Result<SharedRange<'a>, QueryError> {
    match &ev.plan.node(id).op {
        Op::Window(selector, range_ms) => stored(ev.cx, selector, *range_ms, steps),
        Op::Subquery(subquery) => {
            let tally = Tally {
                weight: if for_function { 0 } else { ev.tally().weight },
                own_steps: false,
            };
            ev.inside(id, tally, || evaluated(ev, subquery, steps))
        }
        _ => Err(QueryError::Execution("expected a range vector".to_owned())),
    }
}

struct Stored<'a> {
    series: StoredSeries<'a>,
    frame: Frame,
    stats_only: bool,
}

/// The samples of stored series in a window before each step.
pub(super) fn stored<'a>(
    cx: &'a Context<'a>,
    selector: &SelectorPlan,
    range_ms: i64,
    steps: Steps,
) -> Result<SharedRange<'a>, QueryError> {
    let extension = if selector.smoothed {
        Extension::Smoothed
    } else if selector.anchored {
        Extension::Anchored
    } else {
        Extension::None
    };
    let frame = Frame {
        shift: selector.shift,
        range_ms,
        extension,
        lookback_ms: cx.lookback_ms,
    };
    let (min, max) = frame.needed(&steps);
    Ok(Arc::new(Stored {
        series: StoredSeries::select(cx, &selector.matchers, TimeRange { min, max }, false)?,
        frame,
        stats_only: selector.histogram_stats,
    }))
}

impl RangeVector for Stored<'_> {
    fn is_stored(&self) -> bool {
        true
    }

    fn series(&self) -> &[Identity] {
        self.series.all()
    }

    fn len(&self) -> usize {
        self.series.len()
    }

    fn identity(&self, index: usize) -> Identity {
        self.series.identity(index)
    }

    fn drops_name(&self, _: usize) -> bool {
        false
    }

    fn group(&self, projection: &Projection<'_>) -> Grouping {
        self.series.group(projection)
    }

    fn frame(&self) -> Frame {
        self.frame
    }

    fn read(&self, index: usize, samples: &mut Samples, scratch: &mut Scratch<'_>) -> Result<(), QueryError> {
        self.series.read(index, &mut samples.raw)?;
        let count = samples.raw.times().len();
        scratch.buffered(&samples.raw)?;
        scratch.samples_read += count as u64;
        scratch.worked(count)?;
        samples.prepare(self.stats_only);
        Ok(())
    }
}

struct Evaluated<'a> {
    inner: SharedVector<'a>,
    steps: Steps,
    frame: Frame,
}

fn evaluated<'a>(
    ev: &Evaluator<'a>,
    subquery: &SubqueryPlan,
    steps: Steps,
) -> Result<SharedRange<'a>, QueryError> {
    let frame = Frame {
        shift: subquery.shift,
        range_ms: subquery.range_ms,
        extension: Extension::None,
        lookback_ms: 0,
    };
    let inner_steps = subquery_steps(&frame, subquery.step_ms, &steps, ev.cx.max_samples)?;
    // Times and values of one series stand beside its column.
    ev.hold_long(inner_steps.count.saturating_mul(2))?;
    let inner = ev.vector_or_scalar(subquery.expr, inner_steps)?;
    Ok(Arc::new(Evaluated {
        inner,
        steps: inner_steps,
        frame,
    }))
}

/// Multiples of the step, above the first window's start, up to the last window's end.
fn subquery_steps(frame: &Frame, interval: i64, outer: &Steps, max: usize) -> Result<Steps, QueryError> {
    let (open, _) = frame.bounds(outer.start);
    let (_, end) = frame.bounds(outer.last());
    // Division truncates toward zero, as Prometheus's does.
    let mut start = interval.saturating_mul(open / interval);
    if start <= open {
        start = start.saturating_add(interval);
    }
    Steps::range(start, end, interval, max)
}

impl RangeVector for Evaluated<'_> {
    fn is_stored(&self) -> bool {
        false
    }

    fn series(&self) -> &[Identity] {
        self.inner.series()
    }

    fn len(&self) -> usize {
        self.inner.len()
    }

    fn identity(&self, index: usize) -> Identity {
        self.inner.identity(index)
    }

    fn drops_name(&self, index: usize) -> bool {
        self.inner.drops_name(index)
    }

    fn group(&self, projection: &Projection<'_>) -> Grouping {
        self.inner.group(projection)
    }

    fn frame(&self) -> Frame {
        self.frame
    }

    fn read(&self, index: usize, samples: &mut Samples, scratch: &mut Scratch<'_>) -> Result<(), QueryError> {
        let column = self.inner.column(index, scratch)?;
        scratch.worked(column.len())?;
        fill(samples, &column, &self.steps);
        Ok(())
    }
}

/// What a sample says of a reset before it holds between stored samples. A subquery leaves samples out and repeats
/// others, so nothing is known here.
fn forgetting_resets(mut h: Arc<FloatHistogram>) -> Arc<FloatHistogram> {
    if matches!(h.hint, ResetHint::Reset | ResetHint::NotReset) {
        Arc::make_mut(&mut h).hint = ResetHint::Unknown;
    }
    h
}

fn fill(samples: &mut Samples, column: &Column, steps: &Steps) {
    let times: Vec<i64> = (0..column.len())
        .filter(|step| column.has(*step))
        .map(|step| steps.time(step))
        .collect();
    samples.raw.set_times(&times);
    for step in (0..column.len()).filter(|step| column.has(*step)) {
        let position = samples.raw.values_mut().len();
        match column.get(step) {
            Point::Histogram(h) => {
                let h = forgetting_resets(h);
                samples.raw.push_histogram(position, HistogramValue::Float(h));
                samples.raw.values_mut().push(0.0);
            }
            Point::Float(value) => samples.raw.values_mut().push(value),
            Point::None => {}
        }
    }
    samples.prepare(false);
}
