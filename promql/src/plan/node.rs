//! The plan: nodes in one list, children before parents, no two of them equal.

use narthex_model::Matcher;

use crate::ast::{AggregateOp, BinaryOp, ValueType, VectorMatching};
use crate::span::Span;

/// A node's place in [`Plan::nodes`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct NodeId(pub(crate) u32);

/// What is to be evaluated.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) nodes: Vec<Node>,
    /// Whether a duration was computed from the length of the whole query.
    pub(super) names_range: bool,
}

impl Plan {
    /// The node of an id that this plan gave out.
    #[expect(clippy::indexing_slicing, reason = "ids come from pushing to this very list")]
    pub(crate) fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0 as usize]
    }

    /// Counts for each node how many others use it and how often it is written, apart for the query itself and for each
    /// subquery.
    pub(super) fn count_uses(&mut self, root: NodeId) {
        if let Some(node) = self.nodes.get_mut(root.0 as usize) {
            node.uses.push((None, Uses { by: 1, written: 1 }));
        }
        // Operands stand before the nodes that use them: going backwards, a node's own uses are known.
        for index in (0..self.nodes.len()).rev() {
            let Some(node) = self.nodes.get(index) else {
                continue;
            };
            let scopes: Vec<(Scope, u64)> = match node.op {
                Op::Subquery(_) => vec![(Some(NodeId(index as u32)), 1)],
                _ => node
                    .uses
                    .iter()
                    .map(|(scope, uses)| (*scope, uses.written))
                    .collect(),
            };
            for operand in self.evaluated_operands(&node.op) {
                let Some(operand) = self.nodes.get_mut(operand.0 as usize) else {
                    continue;
                };
                for (scope, written) in &scopes {
                    match operand.uses.iter_mut().find(|(known, _)| known == scope) {
                        Some((_, uses)) => {
                            uses.by += 1;
                            uses.written = uses.written.saturating_add(*written);
                        }
                        None => operand.uses.push((
                            *scope,
                            Uses {
                                by: 1,
                                written: *written,
                            },
                        )),
                    }
                }
            }
        }
    }

    /// The operands that are evaluated: not the selectors of which a call takes something else than the values.
    fn evaluated_operands(&self, op: &Op) -> Vec<NodeId> {
        let mut operands = op.operands();
        if let Op::Call(call) = op {
            let kept = match call.function.as_str() {
                "timestamp" | "start_timestamp" => 0,
                "info" => 1,
                _ => return operands,
            };
            let mut index = 0_usize;
            operands.retain(|operand| {
                index += 1;
                index <= kept || !matches!(self.node(*operand).op, Op::Select(_))
            });
        }
        operands
    }
}

/// How a node is used in one scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Uses {
    /// How many nodes use it.
    pub(crate) by: u32,
    /// How often it stands in the text: once for each way to it from the scope's root.
    pub(crate) written: u64,
}

/// The subquery around a node, `None` outside of all.
pub(crate) type Scope = Option<NodeId>;

/// One operation of the plan.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) op: Op,
    pub(crate) value_type: ValueType,
    /// Where it stands in the text: several times if equal subtrees were written.
    pub(crate) places: Vec<Place>,
    /// Whether the value is the same at every step.
    pub(crate) invariant: bool,
    /// How it is used, by the subquery in which it stands.
    uses: Vec<(Scope, Uses)>,
}

impl Node {
    /// A node that no other uses yet.
    pub(super) fn new(op: Op, value_type: ValueType, place: Place, invariant: bool) -> Self {
        Self {
            op,
            value_type,
            places: vec![place],
            invariant,
            uses: Vec::new(),
        }
    }

    /// How a subquery (or the query itself) uses it.
    pub(crate) fn uses(&self, scope: Scope) -> Uses {
        self.uses
            .iter()
            .find(|(s, _)| *s == scope)
            .map_or(Uses { by: 1, written: 1 }, |(_, uses)| *uses)
    }

    /// Where the operation itself stands.
    pub(crate) fn spans(&self) -> Vec<Span> {
        self.places.iter().map(|p| p.own).collect()
    }

    /// Where its operand `index` stands.
    pub(crate) fn operand_spans(&self, index: usize) -> Vec<Span> {
        self.places
            .iter()
            .filter_map(|p| p.operands.get(index).copied())
            .collect()
    }
}

/// Positions of one occurrence of an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) own: Span,
    pub(crate) operands: Vec<Span>,
}

/// What is done.
#[derive(Debug)]
pub(crate) enum Op {
    Number(f64),
    Text(String),
    /// The newest sample at each step.
    Select(SelectorPlan),
    /// All samples of a window at each step.
    Window(SelectorPlan, i64),
    Subquery(SubqueryPlan),
    Negate(NodeId),
    Binary(BinaryPlan),
    Aggregate(AggregatePlan),
    Call(CallPlan),
}

impl Op {
    pub(super) fn operands(&self) -> Vec<NodeId> {
        match self {
            Self::Number(_) | Self::Text(_) | Self::Select(_) | Self::Window(..) => Vec::new(),
            Self::Subquery(s) => vec![s.expr],
            Self::Negate(expr) => vec![*expr],
            Self::Binary(b) => vec![b.lhs, b.rhs],
            Self::Aggregate(a) => [Some(a.expr), a.param].into_iter().flatten().collect(),
            Self::Call(c) => c.args.clone(),
        }
    }
}

/// How far from the evaluation time a selector looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct TimeShift {
    /// `@`: a fixed time.
    pub(crate) at: Option<i64>,
    /// `offset`: positive looks back.
    pub(crate) offset_ms: i64,
}

impl TimeShift {
    /// The time that stands for the evaluation time `time`.
    #[inline]
    pub(crate) const fn apply(&self, time: i64) -> i64 {
        let time = match self.at {
            Some(at) => at,
            None => time,
        };
        time.saturating_sub(self.offset_ms)
    }
}

/// Which series, and when.
#[derive(Debug)]
pub(crate) struct SelectorPlan {
    pub(crate) matchers: Vec<Matcher>,
    pub(crate) shift: TimeShift,
    pub(crate) anchored: bool,
    pub(crate) smoothed: bool,
    /// Only counts and sums of native histograms are wanted (and resets are looked for at once).
    pub(crate) histogram_stats: bool,
}

/// An expression evaluated at steps of its own.
#[derive(Debug)]
pub(crate) struct SubqueryPlan {
    pub(crate) expr: NodeId,
    pub(crate) range_ms: i64,
    pub(crate) step_ms: i64,
    pub(crate) shift: TimeShift,
}

/// A binary operation.
#[derive(Debug)]
pub(crate) struct BinaryPlan {
    pub(crate) op: BinaryOp,
    pub(crate) lhs: NodeId,
    pub(crate) rhs: NodeId,
    pub(crate) matching: Option<VectorMatching>,
    pub(crate) return_bool: bool,
}

/// An aggregation.
#[derive(Debug)]
pub(crate) struct AggregatePlan {
    pub(crate) op: AggregateOp,
    pub(crate) expr: NodeId,
    pub(crate) param: Option<NodeId>,
    /// Sorted.
    pub(crate) grouping: Vec<String>,
    pub(crate) without: bool,
}

/// A function call.
#[derive(Debug)]
pub(crate) struct CallPlan {
    pub(crate) function: String,
    pub(crate) args: Vec<NodeId>,
}

/// The times of the whole query, which `start()`, `end()`, `step()` and `range()` name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct QueryTimes {
    pub(crate) start: i64,
    pub(crate) end: i64,
    /// 0 for a query at one time.
    pub(crate) step: i64,
    /// Step of subqueries that name none.
    pub(crate) default_subquery_step: i64,
}
