//! The answer: columns turned into what the query's asker sees.

use narthex_model::Labels;
use rustc_hash::{FxHashMap, FxHashSet};

use super::column::{Column, histogram_weight};
use super::context::Context;
use super::evaluator::Evaluator;
use super::names::same_labels;
use super::samples::Samples;
use super::scratch::Scratch;
use super::steps::Steps;
use super::stream::for_each_column;
use super::vector::Output;
use crate::error::QueryError;
use crate::functions::Point;
use crate::plan::NodeId;
use crate::value::{InstantSample, InstantValue, RangeSeries, Value};

/// The answer at one time. The order is that of the expression.
pub(crate) fn instant_value(cx: &Context<'_>, output: Output<'_>, time: i64) -> Result<Value, QueryError> {
    let vector = match output {
        Output::Scalar(values) => {
            return Ok(Value::Scalar {
                time,
                value: values.first().copied().unwrap_or(f64::NAN),
            });
        }
        Output::Text(text) => {
            return Ok(Value::String {
                time,
                text: text.to_string(),
            });
        }
        Output::Vector(vector) => vector,
    };
    let mut samples: Vec<InstantSample> = Vec::new();
    let mut held = Vec::new();
    let mut renamed = false;
    for_each_column(cx, vector.as_ref(), 1, |index, column| {
        let value = match column.get(0) {
            Point::None => return Ok(()),
            Point::Float(value) => InstantValue::Float(value),
            Point::Histogram(h) => InstantValue::Histogram(h),
        };
        held.push(cx.guard.hold(weight(&column))?);
        let identity = vector.identity(index);
        renamed |= identity.drop_name;
        samples.push(InstantSample {
            labels: identity.shown(),
            time,
            value,
        });
        Ok(())
    })?;
    // As long as names stay, no two series have the same labels.
    let mut seen: FxHashSet<&Labels> = FxHashSet::default();
    if renamed && samples.iter().any(|s| !seen.insert(&s.labels)) {
        return Err(same_labels());
    }
    Ok(Value::Vector(samples))
}

/// The answer at all steps, sorted by labels.
pub(crate) fn range_value(cx: &Context<'_>, output: Output<'_>, steps: &Steps) -> Result<Value, QueryError> {
    if steps.count == 0 {
        return Ok(Value::Matrix(Vec::new()));
    }
    let vector = match output {
        Output::Scalar(values) => {
            let _held = cx.guard.hold(values.len())?;
            let floats = steps.times().zip(values.iter().copied()).collect();
            return Ok(Value::Matrix(vec![RangeSeries {
                floats,
                ..RangeSeries::default()
            }]));
        }
        Output::Text(_) => return Err(QueryError::Execution("unexpected string".to_owned())),
        Output::Vector(vector) => vector,
    };
    let mut places: FxHashMap<Labels, usize> = FxHashMap::default();
    let mut matrix: Vec<RangeSeries> = Vec::new();
    let mut held = Vec::new();
    for_each_column(cx, vector.as_ref(), steps.count, |index, column| {
        if column.is_empty() {
            return Ok(());
        }
        held.push(cx.guard.hold(weight(&column))?);
        let labels = vector.identity(index).shown();
        let series = points(&column, labels.clone(), steps);
        match places.get(&labels).and_then(|place| matrix.get_mut(*place)) {
            Some(earlier) => merge(earlier, series),
            None => {
                places.insert(labels, matrix.len());
                matrix.push(series);
                Ok(())
            }
        }
    })?;
    matrix.sort_unstable_by(|a, b| a.labels.cmp(&b.labels));
    Ok(Value::Matrix(matrix))
}

/// The samples of a range vector's window, at one time.
pub(crate) fn matrix_value<'a>(ev: &Evaluator<'a>, root: NodeId, steps: Steps) -> Result<Value, QueryError> {
    let range = ev.top_level_range(root, steps)?;
    let (frame, tally) = (range.frame(), ev.tally());
    let (after, until) = frame.reach(steps.start);
    let mut matrix = Vec::new();
    let mut held = Vec::new();
    let mut scratch = Scratch::new(ev.cx);
    let mut samples = Samples::default();
    for (index, identity) in range.series().iter().enumerate() {
        range.read(index, &mut samples, &mut scratch)?;
        let inside = |time: i64| after < time && time <= until;
        let floats = samples
            .times()
            .iter()
            .copied()
            .zip(samples.values().iter().copied());
        let series = RangeSeries {
            labels: identity.shown(),
            floats: floats.filter(|(time, _)| inside(*time)).collect(),
            histograms: samples
                .histograms
                .iter()
                .filter(|(time, _)| inside(*time))
                .cloned()
                .collect(),
        };
        let weights = series.histograms.iter().map(|(_, h)| histogram_weight(h));
        let weight = series.floats.len() + weights.sum::<usize>();
        if weight > 0 {
            held.push(ev.cx.guard.hold(weight)?);
            if range.is_stored() {
                scratch.tally(tally, 0, weight as u64);
            }
            matrix.push(series);
        }
    }
    ev.cx.absorb(scratch);
    matrix.sort_by(|a: &RangeSeries, b| a.labels.cmp(&b.labels));
    Ok(Value::Matrix(matrix))
}

/// Samples that a column counts as.
pub(crate) fn weight(column: &Column) -> usize {
    if !column.has_histograms() {
        return column.count();
    }
    (0..column.len())
        .filter(|step| column.has(*step))
        .map(|step| column.histogram(step).map_or(1, |h| histogram_weight(h)))
        .sum()
}

fn points(column: &Column, labels: Labels, steps: &Steps) -> RangeSeries {
    let mut series = RangeSeries {
        labels,
        floats: Vec::with_capacity(column.count()),
        histograms: Vec::new(),
    };
    series
        .floats
        .extend(column.floats().map(|(step, value)| (steps.time(step), value)));
    if column.has_histograms() {
        for step in 0..column.len() {
            if let Some(h) = column.histogram(step) {
                series.histograms.push((steps.time(step), h.clone()));
            }
        }
    }
    series
}

/// Two series that got the same labels when names were dropped at the end.
fn merge(a: &mut RangeSeries, b: RangeSeries) -> Result<(), QueryError> {
    a.floats.extend(b.floats);
    a.histograms.extend(b.histograms);
    a.floats.sort_by_key(|(time, _)| *time);
    a.histograms.sort_by_key(|(time, _)| *time);
    let mut times: Vec<i64> = a.floats.iter().map(|(t, _)| *t).collect();
    times.extend(a.histograms.iter().map(|(t, _)| *t));
    times.sort_unstable();
    if times.windows(2).any(|pair| matches!(pair, [a, b] if a == b)) {
        return Err(same_labels());
    }
    Ok(())
}
