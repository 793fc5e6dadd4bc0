//! Aggregations: columns folded into groups as they come.

use super::evaluator::Evaluator;
use super::steps::Steps;
use super::vector::SharedVector;
use crate::error::QueryError;
use crate::plan::{AggregatePlan, Node};

/// `sum by (job) (x)`
pub(super) fn aggregate<'a>(
    ev: &Evaluator<'a>,
    node: &'a Node,
    plan: &'a AggregatePlan,
    steps: Steps,
) -> Result<SharedVector<'a>, QueryError> {
    let _ = (ev, node, steps, plan);
    Err(QueryError::Execution("aggregations are not built yet".to_owned()))
}
