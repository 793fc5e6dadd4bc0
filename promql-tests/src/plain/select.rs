//! Which samples a selector sees at a time: lookback, stale markers, `offset`, `@`, subqueries.

use narthex_model::is_stale;
use narthex_promql::ast::{AtBound, Expr, Modifiers, Subquery, VectorSelector};

use super::evaluate::{Element, Failure, Plain, Series};
use super::extended::on_the_line;
use narthex_model::Labels;

/// What a range vector is at one time.
#[derive(Debug, Clone, PartialEq)]
pub struct Window {
    /// The samples of each series that has any.
    pub series: Vec<Series>,
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

    /// The newest sample of each series, with its time.
    pub(super) fn newest(&self, selector: &VectorSelector, time: i64) -> Vec<(Labels, i64, f64)> {
        let to = self.moved(&selector.modifiers, time);
        self.matching(selector)
            .filter_map(|(labels, samples)| {
                let (at, value) = *samples.iter().rfind(|(at, _)| *at <= to)?;
                (at > to - self.lookback_ms && !is_stale(value)).then(|| (labels.clone(), at, value))
            })
            .collect()
    }

    /// The value at the time on the line between the samples around it, or the newest one.
    fn between(&self, selector: &VectorSelector, time: i64) -> Vec<Element> {
        let to = self.moved(&selector.modifiers, time);
        let reach = (to - self.lookback_ms, to + self.lookback_ms);
        self.matching(selector)
            .filter_map(|(labels, samples)| {
                let seen = samples.iter().copied();
                let seen = seen.filter(|(at, value)| reach.0 < *at && *at <= reach.1 && !is_stale(*value));
                let seen: Vec<(i64, f64)> = seen.collect();
                let before = seen.iter().rposition(|(at, _)| *at <= to)?;
                Some(Element {
                    labels: labels.clone(),
                    value: on_the_line(&seen, before, to, false),
                })
            })
            .collect()
    }

    pub(super) fn instant(&self, selector: &VectorSelector, time: i64) -> Vec<Element> {
        if selector.smoothed {
            return self.between(selector, time);
        }
        let newest = self.newest(selector, time).into_iter();
        newest
            .map(|(labels, _, value)| Element { labels, value })
            .collect()
    }

    /// The window of a range selector or a subquery.
    ///
    /// # Errors
    /// As [`evaluate`](Self::evaluate).
    pub fn window(&self, expr: &Expr, time: i64) -> Result<Window, Failure> {
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
                let inside = |at: i64, value: f64| reach.0 < at && at <= reach.1 && !is_stale(value);
                let series = self
                    .matching(&matrix.vector)
                    .map(|(labels, samples)| {
                        let seen = samples.iter().copied().filter(|(at, value)| inside(*at, *value));
                        (labels.clone(), seen.collect::<Vec<_>>())
                    })
                    .filter(|(_, samples)| !samples.is_empty())
                    .collect();
                Ok(Window { series, ends })
            }
            Expr::Subquery(subquery) => self.subquery(subquery, time),
            _ => Err(Failure::Unknown(format!("{expr} is no range vector"))),
        }
    }

    /// The inner expression at each multiple of the step inside the window.
    fn subquery(&self, subquery: &Subquery, time: i64) -> Result<Window, Failure> {
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
        let mut series: Vec<Series> = Vec::new();
        let mut at = first_in(ends);
        while at <= ends.1 {
            for element in inner.vector(&subquery.expr, at)? {
                match series.iter_mut().find(|(labels, _)| *labels == element.labels) {
                    Some((_, samples)) => samples.push((at, element.value)),
                    None => series.push((element.labels, vec![(at, element.value)])),
                }
            }
            at += step;
        }
        Ok(Window { series, ends })
    }
}
