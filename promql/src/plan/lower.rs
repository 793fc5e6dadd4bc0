//! Syntax tree to plan.

use rustc_hash::FxHashMap;

use super::durations::{milliseconds, names_range, positive_milliseconds};
use super::node::{
    AggregatePlan, BinaryPlan, CallPlan, Node, NodeId, Op, Place, Plan, QueryTimes, SelectorPlan,
    SubqueryPlan, TimeShift,
};
use super::{compare_floats, float_operation};
use crate::ast::{
    Aggregate, AtBound, Binary, Call, DurationExpr, Expr, MatrixSelector, Modifiers, Subquery, ValueType,
    VectorSelector,
};
use crate::error::QueryError;
use crate::span::Span;

/// Functions whose value depends on the evaluation time even if their arguments do not.
///
/// Source: Prometheus `promql.AtModifierUnsafeFunctions`.
const TIME_DEPENDENT: [&str; 11] = [
    "days_in_month",
    "day_of_month",
    "day_of_week",
    "day_of_year",
    "hour",
    "minute",
    "month",
    "year",
    "predict_linear",
    "time",
    "timestamp",
];

/// Plans a checked expression; the second part of the answer is the plan's root.
///
/// # Errors
/// When a duration expression has no usable value.
pub(crate) fn plan(expr: &Expr, times: &QueryTimes) -> Result<(Plan, NodeId), QueryError> {
    let mut lowering = Lowering {
        plan: Plan::default(),
        known: FxHashMap::default(),
        times,
        histogram_stats: false,
    };
    let root = lowering.lower(expr)?;
    lowering.plan.count_uses(root);
    Ok((lowering.plan, root))
}

struct Lowering<'t> {
    plan: Plan,
    known: FxHashMap<String, NodeId>,
    times: &'t QueryTimes,
    /// Whether the selectors below are read for the counts and sums of their histograms only.
    histogram_stats: bool,
}

impl Lowering<'_> {
    fn lower(&mut self, expr: &Expr) -> Result<NodeId, QueryError> {
        let span = expr.span();
        match expr {
            Expr::Paren(paren) => self.lower(&paren.expr),
            Expr::Number(number) => Ok(self.leaf(Op::Number(number.value), ValueType::Scalar, span, true)),
            Expr::String(text) => Ok(self.leaf(Op::Text(text.value.clone()), ValueType::String, span, true)),
            Expr::Vector(selector) => {
                let plan = self.selector(selector)?;
                let fixed = plan.shift.at.is_some();
                Ok(self.leaf(Op::Select(plan), ValueType::Vector, span, fixed))
            }
            Expr::Matrix(matrix) => self.matrix(matrix),
            Expr::Subquery(subquery) => self.subquery(subquery),
            Expr::Unary(unary) => {
                let operand = self.lower(&unary.expr)?;
                if !unary.minus {
                    return Ok(operand);
                }
                if let Op::Number(value) = self.plan.node(operand).op {
                    return Ok(self.leaf(Op::Number(-value), ValueType::Scalar, span, true));
                }
                let invariant = self.plan.node(operand).invariant;
                let place = Place {
                    own: span,
                    operands: vec![unary.expr.span()],
                };
                let value_type = expr.value_type();
                Ok(self.add(Op::Negate(operand), value_type, place, invariant))
            }
            Expr::Binary(binary) => self.chain(binary),
            Expr::Aggregate(aggregate) => self.aggregate(aggregate),
            Expr::Call(call) => self.call(call),
        }
    }

    /// The operations of a chain from its beginning on.
    fn chain(&mut self, binary: &Binary) -> Result<NodeId, QueryError> {
        // An operator compares and combines whole histograms.
        let outer = std::mem::replace(&mut self.histogram_stats, false);
        let (links, first) = binary.chain();
        let lowered = links
            .iter()
            .rev()
            .try_fold(self.lower(first)?, |lhs, link| self.binary(link, lhs));
        self.histogram_stats = outer;
        lowered
    }

    /// One operation, whose left side has been planned.
    fn binary(&mut self, binary: &Binary, lhs: NodeId) -> Result<NodeId, QueryError> {
        let span = binary.span;
        let rhs = self.lower(&binary.rhs)?;
        if let (Op::Number(a), Op::Number(b)) = (&self.plan.node(lhs).op, &self.plan.node(rhs).op) {
            let folded = float_operation(binary.op, *a, *b)
                .or_else(|| compare_floats(binary.op, *a, *b).map(|is| f64::from(u8::from(is))));
            if let Some(value) = folded {
                return Ok(self.leaf(Op::Number(value), ValueType::Scalar, span, true));
            }
        }
        let invariant = self.plan.node(lhs).invariant && self.plan.node(rhs).invariant;
        let scalars = [lhs, rhs].map(|id| self.plan.node(id).value_type) == [ValueType::Scalar; 2];
        let value_type = if scalars {
            ValueType::Scalar
        } else {
            ValueType::Vector
        };
        let op = Op::Binary(BinaryPlan {
            op: binary.op,
            lhs,
            rhs,
            matching: binary.matching.clone(),
            return_bool: binary.return_bool,
        });
        let place = Place {
            own: span,
            operands: vec![binary.lhs.span(), binary.rhs.span()],
        };
        Ok(self.add(op, value_type, place, invariant))
    }

    fn aggregate(&mut self, aggregate: &Aggregate) -> Result<NodeId, QueryError> {
        let expr = self.lower(&aggregate.expr)?;
        let param = aggregate.param.as_ref().map(|p| self.lower(p)).transpose()?;
        let mut grouping = aggregate.grouping.clone();
        grouping.sort_unstable();
        grouping.dedup();
        let mut invariant = self.plan.node(expr).invariant;
        let mut place = Place {
            own: aggregate.span,
            operands: vec![aggregate.expr.span()],
        };
        if let (Some(id), Some(written)) = (param, &aggregate.param) {
            invariant &= self.plan.node(id).invariant;
            place.operands.push(written.span());
        }
        let op = Op::Aggregate(AggregatePlan {
            op: aggregate.op,
            expr,
            param,
            grouping,
            without: aggregate.without,
        });
        Ok(self.add(op, ValueType::Vector, place, invariant))
    }

    fn call(&mut self, call: &Call) -> Result<NodeId, QueryError> {
        let outer = self.histogram_stats;
        match call.function.as_str() {
            "histogram_count" | "histogram_sum" | "histogram_avg" => self.histogram_stats = true,
            "histogram_quantile" | "histogram_quantiles" | "histogram_fraction" => {
                self.histogram_stats = false
            }
            _ => {}
        }
        let args = call
            .args
            .iter()
            .map(|arg| self.lower(arg))
            .collect::<Result<Vec<_>, _>>();
        self.histogram_stats = outer;
        let args = args?;
        let invariant = !TIME_DEPENDENT.contains(&call.function.as_str())
            && args.iter().all(|id| self.plan.node(*id).invariant);
        let place = Place {
            own: call.span,
            operands: call.args.iter().map(Expr::span).collect(),
        };
        let op = Op::Call(CallPlan {
            function: call.function.clone(),
            args,
        });
        Ok(self.add(op, call.return_type, place, invariant))
    }

    fn matrix(&mut self, matrix: &MatrixSelector) -> Result<NodeId, QueryError> {
        let plan = self.selector(&matrix.vector)?;
        let range = match &matrix.range_expr {
            Some(expr) => self.duration(expr, positive_milliseconds)?,
            None => matrix.range_ms,
        };
        let fixed = plan.shift.at.is_some();
        Ok(self.leaf(Op::Window(plan, range), ValueType::Matrix, matrix.span, fixed))
    }

    fn subquery(&mut self, subquery: &Subquery) -> Result<NodeId, QueryError> {
        // Resets between the samples of a subquery show in buckets only.
        let outer = std::mem::replace(&mut self.histogram_stats, false);
        let expr = self.lower(&subquery.expr);
        self.histogram_stats = outer;
        let expr = expr?;
        let range_ms = match &subquery.range_expr {
            Some(expr) => self.duration(expr, positive_milliseconds)?,
            None => subquery.range_ms,
        };
        let step_ms = match &subquery.step_expr {
            Some(expr) => self.duration(expr, positive_milliseconds)?,
            None if subquery.step_ms > 0 => subquery.step_ms,
            None => self.times.default_subquery_step.max(1),
        };
        let shift = self.shift(&subquery.modifiers)?;
        let op = Op::Subquery(SubqueryPlan {
            expr,
            range_ms,
            step_ms,
            shift,
        });
        let place = Place {
            own: subquery.span,
            operands: vec![subquery.expr.span()],
        };
        Ok(self.add(op, ValueType::Matrix, place, shift.at.is_some()))
    }

    fn selector(&mut self, selector: &VectorSelector) -> Result<SelectorPlan, QueryError> {
        Ok(SelectorPlan {
            matchers: selector.matchers.clone(),
            shift: self.shift(&selector.modifiers)?,
            anchored: selector.anchored,
            smoothed: selector.smoothed,
            histogram_stats: self.histogram_stats && !selector.smoothed,
        })
    }

    fn shift(&mut self, modifiers: &Modifiers) -> Result<TimeShift, QueryError> {
        let offset_ms = match &modifiers.offset_expr {
            Some(expr) => self.duration(expr, milliseconds)?,
            None => modifiers.offset_ms,
        };
        let at = match modifiers.at {
            Some(AtBound::Start) => Some(self.times.start),
            Some(AtBound::End) => Some(self.times.end),
            None => modifiers.timestamp,
        };
        Ok(TimeShift { at, offset_ms })
    }

    fn duration(
        &mut self,
        expr: &DurationExpr,
        value: fn(&DurationExpr, &QueryTimes) -> Result<i64, QueryError>,
    ) -> Result<i64, QueryError> {
        self.plan.names_range |= names_range(expr);
        value(expr, self.times)
    }

    fn leaf(&mut self, op: Op, value_type: ValueType, span: Span, invariant: bool) -> NodeId {
        let place = Place {
            own: span,
            operands: Vec::new(),
        };
        self.add(op, value_type, place, invariant)
    }

    /// Adds a node, or finds the one that does the same and notes that it stands here too.
    fn add(&mut self, op: Op, value_type: ValueType, place: Place, invariant: bool) -> NodeId {
        let key = format!("{op:?}");
        if let Some(id) = self.known.get(&key).copied() {
            if let Some(node) = self.plan.nodes.get_mut(id.0 as usize) {
                // Places come in the order of the text: only one that goes back may stand there already.
                let further = node
                    .places
                    .last()
                    .is_some_and(|last| last.own.start < place.own.start);
                if further || !node.places.contains(&place) {
                    node.places.push(place);
                }
            }
            return id;
        }
        let id = NodeId(self.plan.nodes.len() as u32);
        self.plan.nodes.push(Node::new(op, value_type, place, invariant));
        self.known.insert(key, id);
        id
    }
}
