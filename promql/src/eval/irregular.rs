//! Groups of a vector match that need a look at every step: several series on the "one" side, results with equal
//! labels, or values to fill in.

use std::cell::OnceCell;
use std::collections::hash_map::Entry;

use narthex_model::Labels;
use rustc_hash::{FxHashMap, FxHashSet};

use super::column::{Column, ColumnBuilder};
use super::context::Context;
use super::element::Element;
use super::guard::Held;
use super::matching::{Group, matched_labels};
use super::scratch::Scratch;
use super::steps::Steps;
use super::vector::{Identity, SharedVector};
use super::vector_binary::Operation;
use crate::ast::Cardinality;
use crate::error::QueryError;
use crate::functions::Point;

/// What meets.
pub(super) struct Sides<'s, 'a> {
    pub(super) operation: &'s Operation<'a>,
    pub(super) many: &'s SharedVector<'a>,
    pub(super) one: &'s SharedVector<'a>,
    pub(super) steps: Steps,
    /// At which steps the "many" side has any element; found out when it matters.
    pub(super) many_present: OnceCell<Vec<bool>>,
}

impl Sides<'_, '_> {
    /// Whether the "many" side is empty at this step: then nothing is looked at, duplicates included.
    ///
    /// Source: Prometheus `VectorBinop`, which returns early where a side is empty and nothing is filled in.
    fn nothing_to_match(&self, cx: &Context<'_>, step: usize) -> Result<bool, QueryError> {
        let matching = self.operation.matching;
        if matching.fill_left.is_some() || matching.fill_right.is_some() {
            return Ok(false);
        }
        if self.many_present.get().is_none() {
            let mut present = vec![false; self.steps.count];
            // These columns are computed elsewhere too: what is found and counted here is dropped.
            let mut scratch = Scratch::new(cx);
            for index in 0..self.many.series().len() {
                scratch.worked(0)?;
                let column = self.many.column(index, &mut scratch)?;
                for (step, present) in present.iter_mut().enumerate() {
                    *present |= column.has(step);
                }
            }
            let _ = self.many_present.set(present);
        }
        let present = self.many_present.get().and_then(|present| present.get(step));
        Ok(!present.is_some_and(|present| *present))
    }
}

/// One series of the result.
pub(super) struct Outcome {
    /// Position on the "many" side that decides the order.
    pub(super) order: usize,
    pub(super) identity: Identity,
    pub(super) column: Column,
}

/// Computes these groups.
///
/// # Errors
/// When at any step several series match where one must.
pub(super) fn compute(
    cx: &Context<'_>,
    sides: &Sides<'_, '_>,
    groups: &[&Group],
) -> Result<Vec<Outcome>, QueryError> {
    let mut scratch = Scratch::new(cx);
    let mut run = || {
        let mut outcomes = Vec::new();
        for group in groups {
            compute_group(cx, sides, group, &mut scratch, &mut outcomes)?;
        }
        Ok(outcomes)
    };
    let outcome = run();
    cx.absorb(scratch);
    outcome
}

fn columns<'c>(
    vector: &SharedVector<'_>,
    members: &[usize],
    scratch: &mut Scratch<'c>,
    held: &mut Vec<Held<'c>>,
) -> Result<Vec<(usize, Column)>, QueryError> {
    let mut columns = Vec::with_capacity(members.len());
    for index in members {
        let column = vector.column(*index, scratch)?;
        held.push(scratch.hold(column.count())?);
        columns.push((*index, column));
    }
    Ok(columns)
}

fn compute_group(
    cx: &Context<'_>,
    sides: &Sides<'_, '_>,
    group: &Group,
    scratch: &mut Scratch<'_>,
    outcomes: &mut Vec<Outcome>,
) -> Result<(), QueryError> {
    let mut held = Vec::new();
    let one = columns(sides.one, &group.one, scratch, &mut held)?;
    let many = columns(sides.many, &group.many, scratch, &mut held)?;
    let mut results: FxHashMap<Labels, usize> = FxHashMap::default();
    let mut builders: Vec<(usize, Identity, ColumnBuilder)> = Vec::new();
    for step in 0..sides.steps.count {
        scratch.worked(many.len() + one.len())?;
        for (order, identity, point) in at_step(cx, sides, &many, &one, step, scratch)? {
            let at = match results.entry(identity.labels.clone()) {
                Entry::Occupied(known) => *known.get(),
                Entry::Vacant(new) => {
                    builders.push((order, identity, ColumnBuilder::new(sides.steps.count)));
                    *new.insert(builders.len() - 1)
                }
            };
            if let Some((.., builder)) = builders.get_mut(at) {
                while builder.pushed() < step {
                    builder.push_none();
                }
                builder.push(point);
            }
        }
    }
    outcomes.extend(builders.into_iter().map(|(order, identity, builder)| Outcome {
        order,
        identity,
        column: builder.finish(),
    }));
    Ok(())
}

/// All results of a group at one step.
fn at_step(
    cx: &Context<'_>,
    sides: &Sides<'_, '_>,
    many: &[(usize, Column)],
    one: &[(usize, Column)],
    step: usize,
    scratch: &mut Scratch<'_>,
) -> Result<Vec<(usize, Identity, Point)>, QueryError> {
    let matching = sides.operation.matching;
    let single = the_one(cx, sides, one, step)?;
    let labels = |vector: &SharedVector<'_>, index: usize| {
        vector
            .series()
            .get(index)
            .map_or_else(Labels::empty, |i| i.labels.clone())
    };
    let mut results: Vec<(usize, Identity, Point)> = Vec::new();
    let mut seen: FxHashSet<Labels> = FxHashSet::default();
    let mut matched = false;
    let here = many.iter().filter(|(_, column)| column.has(step));
    for (index, column) in here {
        let own = labels(sides.many, *index);
        let (other, value) = match (single, matching.fill_right) {
            (Some((other, column)), _) => (labels(sides.one, other), column.get(step)),
            (None, Some(value)) => (matched_labels(&own, matching), Point::Float(value)),
            (None, None) => continue,
        };
        let element = sides.operation.element(&column.get(step), &value, scratch);
        // Where the operator does not know the two together they have not met.
        if matches!(element, Element::Value(Point::None)) {
            continue;
        }
        let identity = sides.operation.identity(&own, &other);
        // A second match is an error even where a comparison has filtered the first one away.
        if matching.card == Cardinality::OneToOne && matched {
            return Err(QueryError::Execution(
                "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)"
                    .to_owned(),
            ));
        }
        if !seen.insert(identity.labels.clone()) {
            return Err(QueryError::Execution(
                "multiple matches for labels: grouping labels must ensure unique matches".to_owned(),
            ));
        }
        matched = true;
        let point = sides.operation.kept(element, &column.get(step), &value);
        if point != Point::None {
            results.push((*index, identity, point));
        }
    }
    if let (false, Some((other, column)), Some(value)) = (matched, single, matching.fill_left) {
        let other = labels(sides.one, other);
        let own = matched_labels(&other, matching);
        let point = sides
            .operation
            .point(&Point::Float(value), &column.get(step), scratch);
        if point != Point::None {
            results.push((usize::MAX, sides.operation.identity(&own, &other), point));
        }
    }
    Ok(results)
}

/// The only series of the "one" side that has a value at this step.
fn the_one<'c>(
    cx: &Context<'_>,
    sides: &Sides<'_, '_>,
    one: &'c [(usize, Column)],
    step: usize,
) -> Result<Option<(usize, &'c Column)>, QueryError> {
    let mut here = one.iter().filter(|(_, column)| column.has(step));
    let first = here.next();
    let (Some((first, _)), Some((second, _))) = (first, here.next()) else {
        return Ok(first.map(|(index, column)| (*index, column)));
    };
    if sides.nothing_to_match(cx, step)? {
        return Ok(None);
    }
    let labels = |index: usize| {
        sides
            .one
            .series()
            .get(index)
            .map_or_else(Labels::empty, |i| i.labels.clone())
    };
    let (first, second) = (labels(*first), labels(*second));
    let (shown, then) = if sides.operation.sorted_errors && first < second {
        (&first, &second)
    } else {
        (&second, &first)
    };
    let side = if sides.operation.swapped { "left" } else { "right" };
    Err(QueryError::Execution(format!(
        "found duplicate series for the match group {} on the {side} hand-side of the operation: [{}, {}];many-to-many \
         matching not allowed: matching labels must be unique on one side",
        matched_labels(&first, sides.operation.matching),
        shown,
        then,
    )))
}
