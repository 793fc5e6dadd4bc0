//! `limitk` and `limit_ratio`: some series of each group, without regard to their values.

use narthex_model::{Labels, Severity};

use super::group::groups;
use super::xxhash::xxhash64;
use super::{Aggregation, extremes};
use crate::error::QueryError;
use crate::eval::annotate::annotate_whole;
use crate::eval::column::{Column, ColumnBuilder};
use crate::eval::evaluator::Evaluator;
use crate::eval::stream::for_each_column;
use crate::eval::vector::{Computed, SharedVector};
use crate::functions::{Point, general};

/// Checks the parameter of `topk`, `bottomk` and `limitk`; false if it asks for nothing at any step.
pub(super) fn check_count(params: &[f64]) -> Result<bool, QueryError> {
    // The bounds of Go's int64 as floats.
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if params.iter().any(|k| k.is_nan()) {
        return Err(QueryError::Execution("Parameter value is NaN".to_owned()));
    }
    let (max, min) = extremes(params);
    if min <= -LIMIT && !params.is_empty() {
        return Err(QueryError::Execution(format!(
            "Scalar value {} underflows int64",
            general(min)
        )));
    }
    if max >= LIMIT {
        return Err(QueryError::Execution(format!(
            "Scalar value {} overflows int64",
            general(max)
        )));
    }
    Ok(max >= 1.0)
}

/// The answer where no series is asked for. What is aggregated is computed all the same: its errors and findings
/// belong to the answer.
pub(super) fn nothing<'a>(
    ev: &Evaluator<'a>,
    inner: &SharedVector<'a>,
    steps: usize,
) -> Result<SharedVector<'a>, QueryError> {
    for_each_column(ev.cx, inner.as_ref(), steps, |_, _| Ok(()))?;
    Ok(Computed::nothing(steps))
}

/// How many series are asked for at a step.
pub(super) fn count_at(params: &[f64], step: usize) -> usize {
    params
        .get(step)
        .map_or(0, |k| if *k >= 1.0 { *k as usize } else { 0 })
}

/// `limitk(3, x)`: the first series of each group.
pub(super) fn limitk<'a>(
    ev: &Evaluator<'a>,
    aggregation: &Aggregation<'_>,
    params: &[f64],
    inner: &SharedVector<'a>,
) -> Result<SharedVector<'a>, QueryError> {
    let steps = aggregation.steps.count;
    if !check_count(params)? {
        return nothing(ev, inner, steps);
    }
    let groups = groups(inner.as_ref(), aggregation.grouping, aggregation.without);
    let mut taken: Vec<Vec<usize>> = vec![vec![0; steps]; groups.series.len()];
    filtered(ev, aggregation, inner, |index, step| {
        let taken = groups
            .of
            .get(index)
            .and_then(|group| taken.get_mut(*group as usize))
            .and_then(|steps| steps.get_mut(step));
        taken.is_some_and(|taken| {
            let room = *taken < count_at(params, step);
            *taken += usize::from(room);
            room
        })
    })
}

/// `limit_ratio(0.1, x)`: series whose labels hash below the ratio; a negative ratio takes the others.
pub(super) fn limit_ratio<'a>(
    ev: &Evaluator<'a>,
    aggregation: &Aggregation<'_>,
    params: &[f64],
    inner: &SharedVector<'a>,
) -> Result<SharedVector<'a>, QueryError> {
    if params.iter().any(|r| r.is_nan()) {
        return Err(QueryError::Execution("Ratio value is NaN".to_owned()));
    }
    let (max, min) = extremes(params);
    for (outside, ratio, bound) in [(max > 1.0, max, 1.0), (min < -1.0, min, -1.0)] {
        if outside {
            let text = format!(
                "ratio value should be between -1 and 1, got {}, capping to {}",
                general(ratio),
                general(bound)
            );
            annotate_whole(ev.cx, Severity::Warning, &text, &aggregation.param_places);
        }
    }
    let places: Vec<f64> = inner.series().iter().map(|i| hash_place(&i.labels)).collect();
    filtered(ev, aggregation, inner, |index, step| {
        let ratio = params.get(step).copied().unwrap_or(0.0).clamp(-1.0, 1.0);
        let place = places.get(index).copied().unwrap_or(1.0);
        if ratio >= 0.0 {
            place < ratio
        } else {
            place >= 1.0 + ratio
        }
    })
}

fn filtered<'a>(
    ev: &Evaluator<'a>,
    aggregation: &Aggregation<'_>,
    inner: &SharedVector<'a>,
    mut keep: impl FnMut(usize, usize) -> bool,
) -> Result<SharedVector<'a>, QueryError> {
    let steps = aggregation.steps.count;
    let (mut series, mut columns, mut held) = (Vec::new(), Vec::<Column>::new(), Vec::new());
    for_each_column(ev.cx, inner.as_ref(), steps, |index, column| {
        let mut out = ColumnBuilder::new(steps);
        for step in 0..steps {
            let kept = column.has(step) && keep(index, step);
            out.push(if kept { column.get(step) } else { Point::None });
        }
        let column = out.finish();
        if !column.is_empty() {
            held.push(ev.cx.guard.hold(column.count())?);
            series.push(inner.identity(index));
            columns.push(column);
        }
        Ok(())
    })?;
    Ok(Computed::shared(series, columns, steps, held))
}

/// Where in 0..1 the labels' hash lies. Prometheus hashes the bytes in which it keeps labels: each text behind its
/// length, one byte, or 255 and three.
fn hash_place(labels: &Labels) -> f64 {
    let mut bytes = Vec::new();
    for text in labels.iter().flat_map(|(name, value)| [name, value]) {
        let length = text.len();
        if length < 255 {
            bytes.push(length as u8);
        } else {
            bytes.extend([255, length as u8, (length >> 8) as u8, (length >> 16) as u8]);
        }
        bytes.extend_from_slice(text.as_bytes());
    }
    xxhash64(&bytes) as f64 / u64::MAX as f64
}
