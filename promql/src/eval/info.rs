//! `info(x, {…})`: labels of the target's info series, added to each series.

use std::sync::Arc;

use narthex_model::{Labels, METRIC_NAME, MatchOp, Matcher};

use super::call::argument;
use super::column::{Column, ColumnBuilder};
use super::evaluator::Evaluator;
use super::info_labels::{Gain, InfoSeries, identifying_values};
use super::names::unique;
use super::scratch::Scratch;
use super::select::{Yield, instant_selector};
use super::steps::Steps;
use super::stream::for_some_columns;
use super::vector::{Identity, SharedVector, Vector};
use crate::error::QueryError;
use crate::functions::Point;
use crate::plan::{CallPlan, NodeId, Op, SelectorPlan, TimeShift};

/// The info metric where none is named.
const TARGET_INFO: &str = "target_info";
/// What an info metric's name looks like where only other names are excluded.
const INFO_NAMES: &str = ".+_info";

/// `info(x)`
pub(super) fn info<'a>(
    ev: &Evaluator<'a>,
    plan: &'a CallPlan,
    steps: Steps,
) -> Result<SharedVector<'a>, QueryError> {
    let base_id = argument(plan, 0)?;
    let base = ev.vector(base_id, steps)?;
    let written: &[Matcher] = match plan.args.get(1).map(|id| &ev.plan.node(*id).op) {
        Some(Op::Select(selector)) => &selector.matchers,
        _ => &[],
    };
    let (names, data): (Vec<Matcher>, Vec<Matcher>) =
        written.iter().cloned().partition(|m| m.name == METRIC_NAME);
    let names = info_names(names)?;
    let is_info: Vec<bool> = base
        .series()
        .iter()
        .map(|i| names.iter().all(|m| m.matches(i.labels.metric_name())))
        .collect();
    let others = base.series().iter().zip(&is_info).filter(|(_, info)| !**info);
    let values = identifying_values(others.map(|(i, _)| &i.labels));
    let mut matchers = names;
    matchers.extend(data.iter().cloned());
    let shift = first_shift(ev, base_id).unwrap_or_default();
    let infos = if values.is_empty() {
        InfoSeries::new(Vec::new())
    } else {
        info_series(ev, matchers, shift, &values, steps)?
    };
    let mut enriched = Enriched {
        base: Arc::clone(&base),
        series: Vec::new(),
        entries: Vec::new(),
    };
    for (index, (identity, info)) in base.series().iter().zip(is_info).enumerate() {
        if info {
            enriched.push(identity.clone(), index, None, None);
            continue;
        }
        for (gain, mask) in infos.gains(&identity.labels, &data, steps.count) {
            let (labels, failure) = match gain {
                Gain::Nothing => continue,
                Gain::Labels(labels) => (labels, None),
                Gain::Failure(text) => (identity.labels.clone(), Some(text)),
            };
            let drop_name = identity.drop_name;
            enriched.push(Identity { labels, drop_name }, index, Some(mask), failure);
        }
    }
    Ok(unique(Arc::new(enriched)))
}

/// The conditions on the info metric's name; at least one of them says what it is.
fn info_names(mut names: Vec<Matcher>) -> Result<Vec<Matcher>, QueryError> {
    if names.is_empty() {
        names.push(Matcher::equal(METRIC_NAME, TARGET_INFO));
    } else if names
        .iter()
        .all(|m| matches!(m.op, MatchOp::NotEqual | MatchOp::NotRegex))
    {
        let any = Matcher::new(MatchOp::Regex, METRIC_NAME, INFO_NAMES);
        names.push(any.map_err(|error| QueryError::Execution(error.to_string()))?);
    }
    Ok(names)
}

/// Info series of the targets that `values` name, with the times of their samples.
fn info_series(
    ev: &Evaluator<'_>,
    matchers: Vec<Matcher>,
    shift: TimeShift,
    values: &[(&'static str, Vec<String>)],
    steps: Steps,
) -> Result<InfoSeries, QueryError> {
    let selector = SelectorPlan {
        matchers,
        shift,
        anchored: false,
        smoothed: false,
        histogram_stats: false,
    };
    let vector = instant_selector(ev, &selector, Vec::new(), steps, Yield::FloatTime)?;
    let fits = |labels: &Labels| {
        values.iter().all(|(name, known)| {
            labels
                .get(name)
                .is_some_and(|v| known.binary_search_by(|k| k.as_str().cmp(v)).is_ok())
        })
    };
    let of_targets = vector.series().iter().enumerate();
    let of_targets = of_targets
        .filter(|(_, i)| fits(&i.labels))
        .map(|(index, _)| index);
    let mut found = Vec::new();
    let mut held = Vec::new();
    for_some_columns(
        ev.cx,
        &vector,
        of_targets.collect(),
        steps.count,
        |identity, column| {
            if !column.is_empty() {
                held.push(ev.cx.guard.hold(column.count())?);
                found.push((identity.clone(), column));
            }
            Ok(())
        },
    )?;
    Ok(InfoSeries::new(found))
}

/// Offset and `@` of the first selector of an expression, those of subqueries around it included.
fn first_shift(ev: &Evaluator<'_>, id: NodeId) -> Option<TimeShift> {
    match &ev.plan.node(id).op {
        Op::Number(_) | Op::Text(_) => None,
        Op::Select(selector) | Op::Window(selector, _) => Some(selector.shift),
        Op::Subquery(subquery) => {
            let (outer, inner) = (subquery.shift, first_shift(ev, subquery.expr)?);
            Some(match inner.at {
                Some(_) => inner,
                None => TimeShift {
                    at: outer.at,
                    offset_ms: outer.offset_ms.saturating_add(inner.offset_ms),
                },
            })
        }
        Op::Negate(operand) => first_shift(ev, *operand),
        Op::Binary(binary) => {
            let (mut links, mut first) = (vec![binary.rhs], binary.lhs);
            while let Op::Binary(link) = &ev.plan.node(first).op {
                links.push(link.rhs);
                first = link.lhs;
            }
            let parts = std::iter::once(first).chain(links.into_iter().rev());
            parts.into_iter().find_map(|part| first_shift(ev, part))
        }
        Op::Aggregate(aggregate) => first_shift(ev, aggregate.expr),
        Op::Call(call) => call.args.iter().find_map(|arg| first_shift(ev, *arg)),
    }
}

/// Series of the base, each as often as its labels differ over the steps.
struct Enriched<'a> {
    base: SharedVector<'a>,
    series: Vec<Identity>,
    entries: Vec<Part>,
}

struct Part {
    base: usize,
    /// The steps at which the labels are these; `None`: all.
    mask: Option<Vec<bool>>,
    failure: Option<String>,
}

impl Enriched<'_> {
    fn push(&mut self, identity: Identity, base: usize, mask: Option<Vec<bool>>, failure: Option<String>) {
        self.series.push(identity);
        self.entries.push(Part { base, mask, failure });
    }
}

impl Vector for Enriched<'_> {
    fn series(&self) -> &[Identity] {
        &self.series
    }

    fn column(&self, index: usize, scratch: &mut Scratch<'_>) -> Result<Column, QueryError> {
        let Some(part) = self.entries.get(index) else {
            return Err(QueryError::Execution("no such series".to_owned()));
        };
        let column = self.base.column(part.base, scratch)?;
        let Some(mask) = &part.mask else {
            return Ok(column);
        };
        let mut out = ColumnBuilder::new(column.len());
        for (step, here) in mask.iter().enumerate() {
            let point = if *here { column.get(step) } else { Point::None };
            if let (Some(text), false) = (&part.failure, point == Point::None) {
                return Err(QueryError::Execution(text.clone()));
            }
            out.push(point);
        }
        Ok(out.finish())
    }
}
