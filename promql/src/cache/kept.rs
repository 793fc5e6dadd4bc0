//! One answer that is kept.

use narthex_model::{Annotations, Moment, Severity};

use crate::engine::{Evaluated, QueryOutput, QueryStats};
use crate::eval::{Mended, Steps, histogram_bytes};
use crate::value::{RangeSeries, Value};

/// An answer, and when it was right.
#[derive(Debug)]
pub(super) struct Kept {
    /// The source that it was found in.
    pub(super) moment: Moment,
    /// Later samples than so long after a step do not change its values.
    pub(super) ahead_ms: i64,
    pub(super) steps: Steps,
    /// Most steps that have been asked for; so many are kept.
    pub(super) longest: usize,
    /// In label order.
    pub(super) series: Vec<RangeSeries>,
    /// What was found at these steps, but for what was mended there.
    pub(super) annotations: Annotations,
    pub(super) mended: Vec<Mended>,
}

impl Kept {
    /// Those of the steps that are asked for whose values are kept, where all samples before `unchanged_before` are what
    /// they were; none unless these are the first of them.
    pub(super) fn holding(&self, unchanged_before: i64, asked: Steps) -> Option<Steps> {
        if unchanged_before == i64::MIN {
            return None;
        }
        let newest = unchanged_before.saturating_sub(1).saturating_sub(self.ahead_ms);
        let end = self.steps.last().min(newest).min(asked.last());
        if self.steps.start > asked.start || end < asked.start {
            return None;
        }
        Some(asked.up_to(end))
    }

    /// What is found at all steps, if `found` is at those behind the ones that hold; `None` if that cannot be told.
    pub(super) fn found_with(&self, holding: Steps, found: &Annotations) -> Option<Annotations> {
        if self.annotations.is_within(found) {
            return Some(found.clone());
        }
        // Which steps a finding is from is not known.
        (holding == self.steps).then(|| {
            let mut all = self.annotations.clone();
            all.merge(found.clone());
            all
        })
    }

    /// The series at some of the steps.
    pub(super) fn at(&self, steps: Steps) -> Vec<RangeSeries> {
        let series = self.series.iter().map(|series| part(series, steps));
        series.filter(|series| !is_empty(series)).collect()
    }

    /// The answer at some of the steps, where so much was found beside what was mended.
    pub(super) fn answer(
        &self,
        steps: Steps,
        query: &str,
        found: Annotations,
        stats: QueryStats,
    ) -> QueryOutput {
        Evaluated {
            value: Value::Matrix(self.at(steps)),
            stats,
            annotations: found,
            mended: self.mended_at(steps),
            locality: None,
        }
        .output(query)
    }

    /// What was mended at some of the steps.
    pub(super) fn mended_at(&self, steps: Steps) -> Vec<Mended> {
        self.mended
            .iter()
            .filter_map(|mended| mended.within(steps))
            .collect()
    }

    /// Memory that it takes, in bytes, about.
    pub(super) fn bytes(&self) -> usize {
        let texts = [Severity::Warning, Severity::Info].map(|severity| {
            let texts = self.annotations.texts(severity);
            texts.map(str::len).sum::<usize>()
        });
        let mended: usize = self.mended.iter().map(Mended::bytes).sum();
        size_of::<Self>() + bytes_of(&self.series) + texts.iter().sum::<usize>() + mended
    }
}

/// Series of steps and of those behind them, both in label order.
pub(super) fn joined(first: Vec<RangeSeries>, behind: Vec<RangeSeries>) -> Vec<RangeSeries> {
    let mut all = Vec::with_capacity(first.len().max(behind.len()));
    let mut first = first.into_iter().peekable();
    for mut more in behind {
        while let Some(earlier) = first.next_if(|series| series.labels < more.labels) {
            all.push(earlier);
        }
        if let Some(mut earlier) = first.next_if(|series| series.labels == more.labels) {
            // What is kept has no room to spare.
            earlier.floats.reserve_exact(more.floats.len());
            earlier.floats.append(&mut more.floats);
            earlier.histograms.reserve_exact(more.histograms.len());
            earlier.histograms.append(&mut more.histograms);
            more = earlier;
        }
        all.push(more);
    }
    all.extend(first);
    all
}

/// What was mended at steps and at those behind them.
pub(super) fn mended_together(mut first: Vec<Mended>, behind: Vec<Mended>) -> Vec<Mended> {
    for more in behind {
        match first.iter_mut().find(|mended| mended.is_same_call(&more)) {
            Some(earlier) => earlier.extend(more),
            None => first.push(more),
        }
    }
    first
}

fn part(series: &RangeSeries, steps: Steps) -> RangeSeries {
    RangeSeries {
        labels: series.labels.clone(),
        floats: between(&series.floats, steps).to_vec(),
        histograms: between(&series.histograms, steps).to_vec(),
    }
}

fn between<T>(points: &[(i64, T)], steps: Steps) -> &[(i64, T)] {
    let from = points.partition_point(|(time, _)| *time < steps.start);
    let to = points.partition_point(|(time, _)| *time <= steps.last());
    points.get(from..to).unwrap_or(&[])
}

const fn is_empty(series: &RangeSeries) -> bool {
    series.floats.is_empty() && series.histograms.is_empty()
}

/// Memory of series, in bytes, about.
pub(super) fn bytes_of(series: &[RangeSeries]) -> usize {
    let histograms = series.iter().flat_map(|series| &series.histograms);
    let histograms: usize = histograms.map(|(_, h)| histogram_bytes(h)).sum();
    let points = series.iter().map(|series| {
        series.labels.as_key().len()
            + size_of_val(series.floats.as_slice())
            + size_of_val(series.histograms.as_slice())
    });
    size_of_val(series) + points.sum::<usize>() + histograms
}
