//! A sample between its page and the batch, whatever the page's format.

use narthex_model::{Labels, SampleValue};
use narthex_tsdb::{Batch, Exemplar, SeriesRef};

use crate::exposition::LabelList;

/// A sample on its way to the store.
pub(super) struct Line<'k> {
    /// Equal bytes are the same series.
    pub(super) key: &'k [u8],
    pub(super) value: SampleValue,
    pub(super) timestamp: Option<i64>,
    pub(super) start_time: Option<i64>,
    pub(super) exemplars: Vec<GivenExemplar>,
}

/// An exemplar as the target gave it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct GivenExemplar {
    labels: Labels,
    value: f64,
    pub(super) time: Option<i64>,
}

impl GivenExemplar {
    /// The exemplar, unless its labels are too long.
    pub(super) fn new(labels: &LabelList<'_>, value: f64, time: Option<i64>) -> Option<Self> {
        let chars: usize = labels
            .iter()
            .map(|(name, value)| name.chars().count() + value.chars().count())
            .sum();
        (chars <= Batch::EXEMPLAR_CHARS_MAX).then(|| Self {
            labels: Labels::from_pairs(labels.iter()),
            value,
            time,
        })
    }
}

/// The series that a sample belongs to.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place<'l> {
    Known(SeriesRef),
    New(&'l Labels),
}

/// Adds a sample and what came with it to the batch.
pub(super) fn push(
    batch: &mut Batch,
    to: Place<'_>,
    time: i64,
    value: SampleValue,
    start_time: Option<i64>,
    exemplars: Vec<GivenExemplar>,
) {
    match (to, value) {
        (Place::Known(series), SampleValue::Float(value)) => batch.push_float(series, time, value),
        (Place::Known(series), SampleValue::Histogram(value)) => batch.push_histogram(series, time, value),
        (Place::New(labels), SampleValue::Float(value)) => batch.push_float_labelled(labels, time, value),
        (Place::New(labels), SampleValue::Histogram(value)) => {
            batch.push_histogram_labelled(labels, time, value);
        }
    }
    if let Some(start_time) = start_time {
        batch.set_start_time(start_time);
    }
    for exemplar in exemplars {
        let exemplar = Exemplar {
            labels: exemplar.labels,
            value: exemplar.value,
            time: exemplar.time.unwrap_or(time),
        };
        match to {
            Place::Known(series) => batch.push_exemplar(series, exemplar),
            Place::New(labels) => batch.push_exemplar_labelled(labels, exemplar),
        }
    }
}
