//! Arithmetic and comparison between two vectors.

use std::cell::OnceCell;
use std::collections::VecDeque;
use std::sync::Arc;

use narthex_model::Labels;
use rustc_hash::FxHashSet;

use super::column::{Column, ColumnBuilder};
use super::element::{Element, element};
use super::evaluator::Evaluator;
use super::irregular::{self, Sides};
use super::matching::{Group, groups, result_labels};
use super::names::unique;
use super::scratch::Scratch;
use super::steps::Steps;
use super::stream::compute_unused;
use super::vector::{Identity, Kept, SharedVector, TakeColumn, Vector};
use crate::ast::{BinaryOp, Cardinality, VectorMatching};
use crate::error::QueryError;
use crate::functions::Point;
use crate::plan::{BinaryPlan, Node, float_operation};
use crate::span::Span;

/// The operation itself, without its operands' series.
pub(super) struct Operation<'a> {
    pub(super) op: BinaryOp,
    pub(super) return_bool: bool,
    pub(super) matching: &'a VectorMatching,
    /// The "many" side stands on the right.
    pub(super) swapped: bool,
    pub(super) delayed: bool,
    pub(super) places: Vec<Span>,
    /// Errors name series in label order instead of the later one first.
    pub(super) sorted_errors: bool,
}

impl Operation<'_> {
    /// Labels of the result of two series.
    pub(super) fn identity(&self, many: &Labels, one: &Labels) -> Identity {
        result_labels(many, one, self.op, self.return_bool, self.matching, self.delayed)
    }

    /// What the operator makes of two elements that are both there.
    pub(super) fn element(&self, many: &Point, one: &Point, scratch: &mut Scratch<'_>) -> Element {
        let (a, b) = if self.swapped { (one, many) } else { (many, one) };
        element(self.op, a, b, scratch, &self.places)
    }

    /// What stays of it.
    pub(super) fn kept(&self, element: Element, many: &Point, one: &Point) -> Point {
        match element {
            Element::Value(point) => point,
            Element::Holds(holds) if self.return_bool => Point::Float(f64::from(u8::from(holds))),
            Element::Holds(true) if self.swapped => one.clone(),
            Element::Holds(true) => many.clone(),
            Element::Holds(false) => Point::None,
        }
    }

    /// The result of two elements that are both there.
    pub(super) fn point(&self, many: &Point, one: &Point, scratch: &mut Scratch<'_>) -> Point {
        let element = self.element(many, one, scratch);
        self.kept(element, many, one)
    }

    fn column(&self, many: &Column, one: &Column, scratch: &mut Scratch<'_>) -> Column {
        if float_operation(self.op, 1.0, 1.0).is_some() {
            let (a, b) = if self.swapped { (one, many) } else { (many, one) };
            let operation = |a, b| float_operation(self.op, a, b).unwrap_or(f64::NAN);
            if let Some(result) = a.zip_floats(b, operation) {
                return result;
            }
        }
        let mut out = ColumnBuilder::new(many.len());
        for step in 0..many.len() {
            out.push(match (many.get(step), one.get(step)) {
                (Point::None, _) | (_, Point::None) => Point::None,
                (m, o) => self.point(&m, &o, scratch),
            });
        }
        out.finish()
    }
}

/// Pairs of series, each computed when it is asked for.
struct Pairs<'a> {
    operation: Arc<Operation<'a>>,
    many: SharedVector<'a>,
    one: SharedVector<'a>,
    series: Vec<Identity>,
    entries: Vec<Entry>,
}

enum Entry {
    /// Positions on the "many" and the "one" side.
    Pair(usize, usize),
    /// Computed already.
    Done(Column),
}

impl Vector for Pairs<'_> {
    fn series(&self) -> &[Identity] {
        &self.series
    }

    fn column(&self, index: usize, scratch: &mut Scratch<'_>) -> Result<Column, QueryError> {
        match self.entries.get(index) {
            Some(Entry::Pair(many, one)) => {
                let many = self.many.column(*many, scratch)?;
                let one = self.one.column(*one, scratch)?;
                Ok(self.operation.column(&many, &one, scratch))
            }
            Some(Entry::Done(column)) => Ok(column.clone()),
            None => Err(QueryError::Execution("no such series".to_owned())),
        }
    }

    /// One side after the other: the store reads neighbours together.
    fn columns(
        &self,
        indices: &[usize],
        scratch: &mut Scratch<'_>,
        take: &mut TakeColumn<'_>,
    ) -> Result<(), QueryError> {
        let pairs = indices.iter().filter_map(|index| match self.entries.get(*index) {
            Some(Entry::Pair(many, one)) => Some((*many, *one)),
            _ => None,
        });
        let (many, one): (Vec<usize>, Vec<usize>) = pairs.unzip();
        let mut sides = [VecDeque::new(), VecDeque::new()];
        for ((vector, indices), side) in [(&self.many, many), (&self.one, one)].into_iter().zip(&mut sides) {
            vector.columns(&indices, scratch, &mut |_, column, _| {
                side.push_back(column);
                Ok(())
            })?;
        }
        let [many, one] = &mut sides;
        for index in indices {
            let column = match self.entries.get(*index) {
                Some(Entry::Pair(..)) => match (many.pop_front(), one.pop_front()) {
                    (Some(many), Some(one)) => self.operation.column(&many, &one, scratch),
                    _ => self.column(*index, scratch)?,
                },
                _ => self.column(*index, scratch)?,
            };
            take(*index, column, scratch)?;
        }
        Ok(())
    }
}

/// `a + on(x) b`
pub(super) fn vector_binary<'a>(
    ev: &Evaluator<'a>,
    node: &'a Node,
    plan: &'a BinaryPlan,
    lhs: SharedVector<'a>,
    rhs: SharedVector<'a>,
    steps: Steps,
) -> Result<SharedVector<'a>, QueryError> {
    let Some(matching) = &plan.matching else {
        return Err(QueryError::Execution("operands without matching".to_owned()));
    };
    let swapped = matching.card == Cardinality::OneToMany;
    let operation = Arc::new(Operation {
        op: plan.op,
        return_bool: plan.return_bool,
        matching,
        swapped,
        delayed: ev.cx.features.delayed_name_removal,
        places: node.spans(),
        sorted_errors: ev.cx.features.sorted_error_series,
    });
    let (many, one) = if swapped { (rhs, lhs) } else { (lhs, rhs) };
    let groups = groups(many.series(), one.series(), matching);
    // One series of the "one" side meets many: compute it once.
    let reused = groups.iter().any(|g| g.many.len() > 1 && !g.one.is_empty());
    let one: SharedVector<'a> = if reused && !one.is_computed() {
        Kept::shared(ev.cx, one)
    } else {
        one
    };
    if matching.fill_left.is_none() && matching.fill_right.is_none() {
        let (many_alone, one_alone) = unmatched(&groups);
        compute_unused(ev.cx, &many, many_alone, steps.count)?;
        compute_unused(ev.cx, &one, one_alone, steps.count)?;
    }
    let mut found: Vec<(usize, Identity, Entry)> = Vec::new();
    let mut irregular: Vec<&Group> = Vec::new();
    for group in &groups {
        match regular(group, &operation, many.series(), one.series()) {
            Some(pairs) => found.extend(pairs),
            None => irregular.push(group),
        }
    }
    if !irregular.is_empty() {
        let sides = Sides {
            operation: &operation,
            many: &many,
            one: &one,
            steps,
            many_present: OnceCell::new(),
        };
        for result in irregular::compute(ev.cx, &sides, &irregular)? {
            found.push((result.order, result.identity, Entry::Done(result.column)));
        }
    }
    // The order is that of the "many" side.
    found.sort_by_key(|(order, ..)| *order);
    let mut pairs = Pairs {
        operation,
        many,
        one,
        series: Vec::with_capacity(found.len()),
        entries: Vec::with_capacity(found.len()),
    };
    for (_, identity, entry) in found {
        pairs.series.push(identity);
        pairs.entries.push(entry);
    }
    Ok(unique(Arc::new(pairs)))
}

/// Series of the "many" and of the "one" side that match nothing.
fn unmatched(groups: &[Group]) -> (Vec<usize>, Vec<usize>) {
    let (mut many, mut one) = (Vec::new(), Vec::new());
    for group in groups {
        if group.one.is_empty() {
            many.extend_from_slice(&group.many);
        } else if group.many.is_empty() {
            one.extend_from_slice(&group.one);
        }
    }
    (many, one)
}

/// The pairs of a group in which nothing can go wrong at any step; `None` if it has to be looked at step by step.
fn regular(
    group: &Group,
    operation: &Operation<'_>,
    many: &[Identity],
    one: &[Identity],
) -> Option<Vec<(usize, Identity, Entry)>> {
    let matching = operation.matching;
    if matching.fill_left.is_some() || matching.fill_right.is_some() || group.one.len() > 1 {
        return None;
    }
    let Some(single) = group.one.first() else {
        return Some(Vec::new());
    };
    if matching.card == Cardinality::OneToOne && group.many.len() > 1 {
        return None;
    }
    let other = &one.get(*single)?.labels;
    let mut seen: FxHashSet<Labels> = FxHashSet::default();
    let mut pairs = Vec::with_capacity(group.many.len());
    for index in &group.many {
        let identity = operation.identity(&many.get(*index)?.labels, other);
        if group.many.len() > 1 && !seen.insert(identity.labels.clone()) {
            return None;
        }
        pairs.push((*index, identity, Entry::Pair(*index, *single)));
    }
    Some(pairs)
}
