//! Long chains of operators: computed piece by piece, so that neither building nor reading a chain goes deep.

use super::column::Column;
use super::evaluator::Evaluator;
use super::output::weight;
use super::steps::Steps;
use super::stream::for_each_column;
use super::vector::{Computed, Output, SharedVector};
use crate::error::QueryError;
use crate::limits::CHAIN_LEVELS;
use crate::plan::{NodeId, Op};

impl<'a> Evaluator<'a> {
    /// Computes the chain of operators under `id` up to less than [`CHAIN_LEVELS`] operations from its end.
    pub(super) fn settle_chain(&self, id: NodeId, steps: Steps) -> Result<(), QueryError> {
        if self.chain(id, steps).nth(CHAIN_LEVELS).is_none() {
            return Ok(());
        }
        let links: Vec<NodeId> = self.chain(id, steps).collect();
        // From the beginning of the chain, which is the end of the list.
        let pieces = links.rchunks(CHAIN_LEVELS).filter_map(|piece| piece.first());
        let mut before = None;
        for link in pieces.filter(|link| **link != id) {
            let output = match self.eval(*link, steps)? {
                Output::Vector(vector) => Output::Vector(self.computed(vector, steps)?),
                other => other,
            };
            let key = self.evaluation(*link, steps);
            let mut settled = self.settled.borrow_mut();
            settled.insert(key, output);
            // Only this piece has needed the one before it.
            if let Some(before) = before.replace(key) {
                settled.remove(&before);
            }
        }
        Ok(())
    }

    /// The operations from `id` down to one that is settled or no operation.
    fn chain(&self, id: NodeId, steps: Steps) -> impl Iterator<Item = NodeId> {
        let mut next = Some(id);
        std::iter::from_fn(move || {
            let id = next?;
            let node = self.plan.node(id);
            let Op::Binary(plan) = &node.op else {
                return None;
            };
            // What is the same at every step is evaluated at one of them: that is another chain.
            let elsewhere = node.invariant && steps.count > 1;
            if elsewhere || self.settled.borrow().contains_key(&self.evaluation(id, steps)) {
                return None;
            }
            next = Some(plan.lhs);
            Some(id)
        })
    }

    fn computed(&self, vector: SharedVector<'a>, steps: Steps) -> Result<SharedVector<'a>, QueryError> {
        if vector.is_computed() {
            return Ok(vector);
        }
        let mut columns: Vec<Column> = Vec::with_capacity(vector.series().len());
        let mut held = Vec::new();
        for_each_column(self.cx, vector.as_ref(), steps.count, |_, column| {
            held.push(self.cx.guard.hold(weight(&column))?);
            columns.push(column);
            Ok(())
        })?;
        Ok(Computed::shared(
            vector.series().to_vec(),
            columns,
            steps.count,
            held,
        ))
    }
}
