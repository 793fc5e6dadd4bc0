//! From plan to operators: one call per node and set of steps, equal work once.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::context::Context;
use super::guard::Held;
use super::range_vector::{SharedRange, range_vector};
use super::scratch::Tally;
use super::select::{Yield, instant_selector};
use super::steps::Steps;
use super::vector::{Broadcast, Computed, Identity, Kept, Output, SharedVector};
use super::{aggregate, binary, call, column::Column, negate};
use crate::ast::ValueType;
use crate::error::QueryError;
use crate::plan::{NodeId, Op, Plan, Scope};

/// Most points that a vector with several users may keep; larger ones are computed again for each.
const KEPT_POINTS: usize = 4_000_000;

/// From so many steps on the column that each operator has in work counts as held.
const LONG_COLUMN: usize = 20_000;

/// What is evaluated, at which steps, and how it counts.
pub(super) type Evaluation = (NodeId, Steps, Tally);

/// Builds the operators of one query.
pub(crate) struct Evaluator<'a> {
    pub(crate) cx: &'a Context<'a>,
    pub(crate) plan: &'a Plan,
    shared: RefCell<FxHashMap<Evaluation, Output<'a>>>,
    /// What has come of the beginnings of long chains.
    pub(super) settled: RefCell<FxHashMap<Evaluation, Output<'a>>>,
    /// How often a sample counts for an operator that is written once, where operators are built now.
    outer: Cell<Tally>,
    /// The same for the operator that is being built.
    tally: Cell<Tally>,
    /// Operators whose samples count already.
    counted: RefCell<FxHashSet<Evaluation>>,
    /// The subquery whose operators are built.
    pub(super) scope: Cell<Scope>,
    /// Long columns that operators hold while they work.
    held: RefCell<Vec<Held<'a>>>,
}

impl<'a> Evaluator<'a> {
    pub(crate) fn new(cx: &'a Context<'a>, plan: &'a Plan) -> Self {
        let once = Tally {
            weight: 1,
            own_steps: true,
        };
        Self {
            cx,
            plan,
            shared: RefCell::default(),
            settled: RefCell::default(),
            outer: Cell::new(once),
            tally: Cell::new(once),
            counted: RefCell::default(),
            scope: Cell::new(None),
            held: RefCell::default(),
        }
    }

    /// How the operator that is being built counts what it finds.
    pub(crate) fn tally(&self) -> Tally {
        self.tally.get()
    }

    /// The evaluation of a node as things stand.
    pub(super) fn evaluation(&self, id: NodeId, steps: Steps) -> Evaluation {
        (id, steps, self.outer.get())
    }

    /// Runs `build` with another way of counting.
    fn with_outer<T>(&self, tally: Tally, build: impl FnOnce() -> T) -> T {
        let before = self.outer.replace(tally);
        let built = build();
        self.outer.set(before);
        built
    }

    /// How a node counts that is built now. Prometheus evaluates an expression as often as it is written, and counts
    /// accordingly; here it is mostly evaluated once, and the first time counts for all.
    fn own_tally(&self, id: NodeId, steps: Steps) -> Tally {
        let outer = self.outer.get();
        let first = self.counted.borrow_mut().insert((id, steps, outer));
        let written = self.plan.node(id).uses(self.scope.get()).written;
        Tally {
            weight: if first {
                outer.weight.saturating_mul(written)
            } else {
                0
            },
            ..outer
        }
    }

    /// Runs `build` for what stands in a subquery.
    pub(crate) fn inside<T>(&self, subquery: NodeId, tally: Tally, build: impl FnOnce() -> T) -> T {
        let before = self.scope.replace(Some(subquery));
        let built = self.with_outer(tally, build);
        self.scope.set(before);
        built
    }

    /// What a node yields at these steps.
    pub(crate) fn eval(&self, id: NodeId, steps: Steps) -> Result<Output<'a>, QueryError> {
        self.cx.guard.check()?;
        self.settle_chain(id, steps)?;
        let key = self.evaluation(id, steps);
        if let Some(settled) = self.settled.borrow().get(&key) {
            return Ok(settled.clone());
        }
        let node = self.plan.node(id);
        if node.uses(self.scope.get()).by < 2 || matches!(node.op, Op::Number(_) | Op::Text(_)) {
            return self.eval_once(id, steps);
        }
        if let Some(known) = self.shared.borrow().get(&key) {
            return Ok(known.clone());
        }
        let output = match self.eval_once(id, steps)? {
            Output::Vector(vector) if vector.is_computed() => Output::Vector(vector),
            Output::Vector(vector) if vector.len().saturating_mul(steps.count) <= KEPT_POINTS => {
                Output::Vector(Kept::shared(self.cx, vector))
            }
            large @ Output::Vector(_) => return Ok(large),
            other => other,
        };
        self.shared.borrow_mut().insert(key, output.clone());
        Ok(output)
    }

    fn eval_once(&self, id: NodeId, steps: Steps) -> Result<Output<'a>, QueryError> {
        let node = self.plan.node(id);
        let constant = matches!(node.op, Op::Number(_) | Op::Text(_));
        if !node.invariant || constant || steps.count <= 1 {
            return self.build(id, steps);
        }
        let once = Tally {
            weight: self.outer.get().weight.saturating_mul(steps.count as u64),
            own_steps: false,
        };
        Ok(
            match self.with_outer(once, || self.build(id, steps.first_only()))? {
                Output::Scalar(values) => {
                    let value = values.first().copied().unwrap_or(f64::NAN);
                    Output::Scalar(Arc::new(vec![value; steps.count]))
                }
                Output::Vector(inner) => Output::Vector(Arc::new(Broadcast {
                    inner,
                    len: steps.count,
                })),
                text @ Output::Text(_) => text,
            },
        )
    }

    /// Counts a column in work as held until the query ends, if it is a long one.
    pub(crate) fn hold_long(&self, points: usize) -> Result<(), QueryError> {
        if points >= LONG_COLUMN {
            self.held.borrow_mut().push(self.cx.guard.hold(points)?);
        }
        Ok(())
    }

    fn build(&self, id: NodeId, steps: Steps) -> Result<Output<'a>, QueryError> {
        self.hold_long(steps.count)?;
        let before = self.tally.replace(self.own_tally(id, steps));
        let built = self.operator(id, steps);
        self.tally.set(before);
        built
    }

    fn operator(&self, id: NodeId, steps: Steps) -> Result<Output<'a>, QueryError> {
        let node = self.plan.node(id);
        Ok(match &node.op {
            Op::Number(value) => Output::Scalar(Arc::new(vec![*value; steps.count])),
            Op::Text(text) => Output::Text(Arc::from(text.as_str())),
            Op::Select(selector) => Output::Vector(instant_selector(
                self,
                selector,
                node.spans(),
                steps,
                Yield::Value,
            )?),
            Op::Negate(operand) => negate::negate(self, *operand, steps)?,
            Op::Binary(plan) => binary::binary(self, node, plan, steps)?,
            Op::Aggregate(plan) => Output::Vector(aggregate::aggregate(self, node, plan, steps)?),
            Op::Call(plan) => call::call(self, node, plan, steps)?,
            Op::Window(..) | Op::Subquery(_) => {
                return Err(QueryError::Execution(
                    "a range vector cannot stand here".to_owned(),
                ));
            }
        })
    }

    /// A scalar's value per step.
    pub(crate) fn scalar(&self, id: NodeId, steps: Steps) -> Result<Arc<Vec<f64>>, QueryError> {
        match self.eval(id, steps)? {
            Output::Scalar(values) => Ok(values),
            _ => Err(QueryError::Execution("expected a scalar".to_owned())),
        }
    }

    /// An instant vector.
    pub(crate) fn vector(&self, id: NodeId, steps: Steps) -> Result<SharedVector<'a>, QueryError> {
        match self.eval(id, steps)? {
            Output::Vector(vector) => Ok(vector),
            _ => Err(QueryError::Execution("expected an instant vector".to_owned())),
        }
    }

    /// An instant vector, or a scalar as a vector of one series without labels.
    pub(crate) fn vector_or_scalar(&self, id: NodeId, steps: Steps) -> Result<SharedVector<'a>, QueryError> {
        match self.eval(id, steps)? {
            Output::Vector(vector) => Ok(vector),
            Output::Scalar(values) => Ok(Computed::one(Identity::default(), Column::full(values.to_vec()))),
            Output::Text(_) => Err(QueryError::Execution("expected an instant vector".to_owned())),
        }
    }

    /// A text.
    pub(crate) fn text(&self, id: NodeId) -> Result<&'a str, QueryError> {
        match &self.plan.node(id).op {
            Op::Text(text) => Ok(text),
            _ => Err(QueryError::Execution("expected a string".to_owned())),
        }
    }

    /// A range vector as a function's argument.
    pub(crate) fn range(&self, id: NodeId, steps: Steps) -> Result<SharedRange<'a>, QueryError> {
        range_vector(self, id, steps, true)
    }

    /// A range vector that is the query's answer.
    pub(crate) fn top_level_range(&self, id: NodeId, steps: Steps) -> Result<SharedRange<'a>, QueryError> {
        range_vector(self, id, steps, false)
    }

    /// Whether a node yields a scalar.
    pub(crate) fn is_scalar(&self, id: NodeId) -> bool {
        self.plan.node(id).value_type == ValueType::Scalar
    }
}
