//! `and`, `or`, `unless`: which elements are there, not what they are.

use std::sync::Arc;

use narthex_model::Labels;
use rustc_hash::FxHashMap;

use super::column::{Column, ColumnBuilder};
use super::evaluator::Evaluator;
use super::guard::Held;
use super::matching::signature;
use super::names::unique;
use super::scratch::Scratch;
use super::steps::Steps;
use super::stream::for_each_column;
use super::vector::{Identity, Kept, SharedVector, Vector};
use crate::ast::{BinaryOp, VectorMatching};
use crate::error::QueryError;
use crate::functions::Point;
use crate::plan::BinaryPlan;

/// For each signature the steps at which any series has a value.
type Presence = FxHashMap<Labels, Vec<bool>>;

/// `a and b`
pub(super) fn set_operation<'a>(
    ev: &Evaluator<'a>,
    plan: &'a BinaryPlan,
    lhs: SharedVector<'a>,
    rhs: SharedVector<'a>,
    steps: Steps,
) -> Result<SharedVector<'a>, QueryError> {
    let Some(matching) = &plan.matching else {
        return Err(QueryError::Execution("operands without matching".to_owned()));
    };
    match plan.op {
        BinaryOp::Or => or(ev, matching, lhs, rhs, steps),
        op => {
            let signatures = signatures(lhs.series(), matching);
            let wanted = signatures
                .iter()
                .map(|s| (s.clone(), vec![false; steps.count]))
                .collect();
            let (presence, held) = presence(ev, wanted, rhs.as_ref(), matching, steps)?;
            let members = (0..lhs.series().len()).map(|index| Member { second: false, index });
            Ok(Arc::new(Masked {
                series: lhs.series().to_vec(),
                members: members.collect(),
                signatures: signatures.into_iter().map(Some).collect(),
                keep: op == BinaryOp::And,
                presence,
                _held: held,
                second: Arc::clone(&lhs),
                first: lhs,
            }))
        }
    }
}

fn or<'a>(
    ev: &Evaluator<'a>,
    matching: &'a VectorMatching,
    lhs: SharedVector<'a>,
    rhs: SharedVector<'a>,
    steps: Steps,
) -> Result<SharedVector<'a>, QueryError> {
    let right = signatures(rhs.series(), matching);
    let wanted = right
        .iter()
        .map(|s| (s.clone(), vec![false; steps.count]))
        .collect();
    // The left side is read twice: for what it has, and for the result.
    let points = lhs.series().len().saturating_mul(steps.count);
    let lhs: SharedVector<'a> = if lhs.is_computed() || points > 4_000_000 {
        lhs
    } else {
        Kept::shared(ev.cx, lhs)
    };
    let (presence, held) = presence(ev, wanted, lhs.as_ref(), matching, steps)?;
    let mut signatures: Vec<Option<Labels>> = vec![None; lhs.series().len()];
    signatures.extend(right.into_iter().map(Some));
    let side = |second: bool, count: usize| (0..count).map(move |index| Member { second, index });
    let members = side(false, lhs.series().len())
        .chain(side(true, rhs.series().len()))
        .collect();
    let masked: SharedVector<'a> = Arc::new(Masked {
        series: lhs.series().iter().chain(rhs.series()).cloned().collect(),
        members,
        signatures,
        keep: false,
        presence,
        _held: held,
        first: lhs,
        second: rhs,
    });
    Ok(unique(masked))
}

fn signatures(series: &[Identity], matching: &VectorMatching) -> Vec<Labels> {
    series.iter().map(|i| signature(&i.labels, matching)).collect()
}

/// Fills in at which steps each of the wanted signatures is there, and counts them as held.
fn presence<'a>(
    ev: &Evaluator<'a>,
    mut wanted: Presence,
    vector: &dyn Vector,
    matching: &VectorMatching,
    steps: Steps,
) -> Result<(Presence, Held<'a>), QueryError> {
    let labels: usize = wanted.keys().map(|signature| signature.as_key().len()).sum();
    let each = size_of::<(Labels, Vec<bool>)>() + steps.count;
    let held = ev
        .cx
        .guard
        .hold_bytes(labels + wanted.len().saturating_mul(each))?;
    let series = vector.series();
    for_each_column(ev.cx, vector, steps.count, |index, column| {
        let steps = series
            .get(index)
            .and_then(|identity| wanted.get_mut(&signature(&identity.labels, matching)));
        for (step, there) in steps.into_iter().flatten().enumerate() {
            *there |= column.has(step);
        }
        Ok(())
    })?;
    Ok((wanted, held))
}

struct Member {
    second: bool,
    index: usize,
}

/// Series of one or two vectors, some of them only where a signature is there (or is not).
struct Masked<'a> {
    first: SharedVector<'a>,
    second: SharedVector<'a>,
    series: Vec<Identity>,
    members: Vec<Member>,
    /// `None`: the series is kept as it is.
    signatures: Vec<Option<Labels>>,
    keep: bool,
    presence: Presence,
    _held: Held<'a>,
}

impl Vector for Masked<'_> {
    fn series(&self) -> &[Identity] {
        &self.series
    }

    fn column(&self, index: usize, scratch: &mut Scratch<'_>) -> Result<Column, QueryError> {
        let (Some(member), Some(signature)) = (self.members.get(index), self.signatures.get(index)) else {
            return Err(QueryError::Execution("no such series".to_owned()));
        };
        let vector = if member.second { &self.second } else { &self.first };
        let mask = signature.as_ref().and_then(|s| self.presence.get(s));
        let Some(mask) = mask else {
            return vector.column(member.index, scratch);
        };
        let column = vector.column(member.index, scratch)?;
        if mask.iter().all(|there| *there == self.keep) {
            return Ok(column);
        }
        let mut out = ColumnBuilder::new(column.len());
        for (step, there) in mask.iter().enumerate() {
            out.push(if *there == self.keep {
                column.get(step)
            } else {
                Point::None
            });
        }
        Ok(out.finish())
    }
}
