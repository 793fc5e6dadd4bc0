//! Which samples a selector sees at a time: lookback, stale markers, `offset`, `@`, subqueries.

use narthex_model::Labels;
use narthex_promql::ast::{AtBound, Expr, Modifiers, Subquery, VectorSelector};

use super::evaluate::{Element, Failure, Plain, Point, Sample, Series, shown};
use super::extended::on_the_line;

/// The samples of one series that a range vector sees.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// The series.
    pub labels: Labels,
    /// Whether its name goes at the query's end.
    pub drop_name: bool,
    /// Its samples, ascending in time.
    pub samples: Vec<(i64, Point)>,
}

impl Run {
    /// The labels as the answer shows them.
    #[must_use]
    pub fn shown(&self) -> Labels {
        shown(&self.labels, self.drop_name)
    }
}

/// What a range vector is at one time.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// Each series that has any sample.
    pub runs: Vec<Run>,
    /// The window's left end, itself outside, and its right end, in Unix milliseconds.
    pub ends: (i64, i64),
}

impl Plain<'_> {
    /// The time that a selector or subquery looks from.
    pub(super) fn moved(&self, modifiers: &Modifiers, time: i64) -> i64 {
        let pinned = match (modifiers.timestamp, modifiers.at) {
            (Some(timestamp), _) => timestamp,
            (None, Some(AtBound::Start)) => self.bounds.0,
            (None, Some(AtBound::End)) => self.bounds.1,
            (None, None) => time,
        };
        pinned - modifiers.offset_ms
    }

    fn matching<'a>(&'a self, selector: &'a VectorSelector) -> impl Iterator<Item = &'a Series> {
        self.data
            .iter()
            .filter(|(labels, _)| selector.matchers.iter().all(|m| m.matches_labels(labels)))
    }

    /// The newest sample of a series at a time.
    pub(super) fn newest_of<'s>(&self, samples: &'s [Sample], to: i64) -> Option<(&'s Sample, &'s Point)> {
        let sample = samples.iter().rfind(|sample| sample.time <= to)?;
        let point = sample.point.as_ref()?;
        (sample.time > to - self.lookback_ms).then_some((sample, point))
    }

    /// The newest sample of each series, its value taken from the whole of it.
    pub(super) fn newest(
        &self,
        selector: &VectorSelector,
        time: i64,
        value: impl Fn(&Sample, &Point) -> Point,
    ) -> Vec<Element> {
        let to = self.moved(&selector.modifiers, time);
        self.matching(selector)
            .filter_map(|(labels, samples)| {
                let (sample, point) = self.newest_of(samples, to)?;
                Some(Element {
                    labels: labels.clone(),
                    drop_name: false,
                    point: value(sample, point),
                })
            })
            .collect()
    }

    /// The value at the time on the line between the samples around it, or the newest one.
    fn between(&self, selector: &VectorSelector, time: i64) -> Result<Vec<Element>, Failure> {
        let to = self.moved(&selector.modifiers, time);
        let reach = (to - self.lookback_ms, to + self.lookback_ms);
        let mut found = Vec::new();
        for (labels, samples) in self.matching(selector) {
            let seen = numbers(&inside(samples, reach))?;
            if let Some(before) = seen.iter().rposition(|(at, _)| *at <= to) {
                let value = on_the_line(&seen, before, to, false);
                found.push(Element::number(labels.clone(), value));
            }
        }
        Ok(found)
    }

    pub(super) fn instant(&self, selector: &VectorSelector, time: i64) -> Result<Vec<Element>, Failure> {
        if selector.smoothed {
            return self.between(selector, time);
        }
        Ok(self.newest(selector, time, |_, point| point.clone()))
    }

    /// The window of a range selector or a subquery.
    ///
    /// # Errors
    /// As [`evaluate`](Self::evaluate).
    pub fn window(&self, expr: &Expr, time: i64) -> Result<Seen, Failure> {
        match expr {
            Expr::Paren(paren) => self.window(&paren.expr, time),
            Expr::Matrix(matrix) => {
                let to = self.moved(&matrix.vector.modifiers, time);
                let ends = (to - matrix.range_ms, to);
                // A window that is extended sees what lies around it.
                let reach = (
                    if matrix.vector.anchored || matrix.vector.smoothed {
                        ends.0 - self.lookback_ms
                    } else {
                        ends.0
                    },
                    if matrix.vector.smoothed {
                        ends.1 + self.lookback_ms
                    } else {
                        ends.1
                    },
                );
                let runs = self.matching(&matrix.vector).map(|(labels, samples)| Run {
                    labels: labels.clone(),
                    drop_name: false,
                    samples: inside(samples, reach),
                });
                let runs = runs.filter(|run| !run.samples.is_empty()).collect();
                Ok(Seen { runs, ends })
            }
            Expr::Subquery(subquery) => self.subquery(subquery, time),
            _ => Err(Failure::Unknown(format!("{expr} is no range vector"))),
        }
    }

    /// The inner expression at each multiple of the step inside the window.
    fn subquery(&self, subquery: &Subquery, time: i64) -> Result<Seen, Failure> {
        let step = if subquery.step_ms == 0 {
            self.default_step_ms
        } else {
            subquery.step_ms
        };
        let window_of = |time: i64| {
            let to = self.moved(&subquery.modifiers, time);
            (to - subquery.range_ms, to)
        };
        let first_in = |ends: (i64, i64)| (ends.0.div_euclid(step) + 1) * step;
        let all = (window_of(self.steps.0).0, window_of(self.steps.1).1);
        let inner = Self {
            steps: (first_in(all), all.1.div_euclid(step) * step),
            ..*self
        };
        if time == self.steps.0 {
            // An error between two windows is one too: the windows of all steps are evaluated as one.
            let mut at = inner.steps.0;
            while at <= inner.steps.1 {
                inner.evaluate(&subquery.expr, at)?;
                at += step;
            }
        }
        let ends = window_of(time);
        let mut runs: Vec<Run> = Vec::new();
        let mut at = first_in(ends);
        while at <= ends.1 {
            for element in inner.vector(&subquery.expr, at)? {
                let same =
                    |run: &&mut Run| (&run.labels, run.drop_name) == (&element.labels, element.drop_name);
                match runs.iter_mut().find(same) {
                    Some(run) => run.samples.push((at, element.point)),
                    None => runs.push(Run {
                        labels: element.labels,
                        drop_name: element.drop_name,
                        samples: vec![(at, element.point)],
                    }),
                }
            }
            at += step;
        }
        Ok(Seen { runs, ends })
    }
}

/// The samples behind the first time up to the second one, stale markers left out.
fn inside(samples: &[Sample], reach: (i64, i64)) -> Vec<(i64, Point)> {
    samples
        .iter()
        .filter(|sample| reach.0 < sample.time && sample.time <= reach.1)
        .filter_map(|sample| Some((sample.time, sample.point.clone()?)))
        .collect()
}

/// The samples as numbers, for what is drawn between samples.
pub(super) fn numbers(samples: &[(i64, Point)]) -> Result<Vec<(i64, f64)>, Failure> {
    let number = |(at, point): &(i64, Point)| Some((*at, point.float()?));
    let numbers: Option<Vec<_>> = samples.iter().map(number).collect();
    numbers.ok_or(Failure::Query(
        "smoothed and anchored modifiers do not work with native histograms",
    ))
}
