//! Binary operators: which kind of operands meet.

use std::sync::Arc;

use super::column::{Column, ColumnBuilder};
use super::element::{Element, element, is_comparison, keeps_name};
use super::evaluator::Evaluator;
use super::mapped::{mapped, mapped_without_name};
use super::scratch::Scratch;
use super::steps::Steps;
use super::vector::{Output, SharedVector};
use super::{set_ops, vector_binary};
use crate::ast::BinaryOp;
use crate::error::QueryError;
use crate::functions::Point;
use crate::plan::{BinaryPlan, Node, compare_floats, float_operation};
use crate::span::Span;

/// `a + b`
pub(super) fn binary<'a>(
    ev: &Evaluator<'a>,
    node: &'a Node,
    plan: &'a BinaryPlan,
    steps: Steps,
) -> Result<Output<'a>, QueryError> {
    let lhs = ev.eval(plan.lhs, steps)?;
    let rhs = ev.eval(plan.rhs, steps)?;
    Ok(match (lhs, rhs) {
        (Output::Scalar(a), Output::Scalar(b)) => Output::Scalar(Arc::new(scalars(plan.op, &a, &b))),
        (Output::Vector(vector), Output::Scalar(scalar)) => {
            Output::Vector(with_scalar(ev, node, plan, vector, scalar, false))
        }
        (Output::Scalar(scalar), Output::Vector(vector)) => {
            Output::Vector(with_scalar(ev, node, plan, vector, scalar, true))
        }
        (Output::Vector(lhs), Output::Vector(rhs)) => Output::Vector(match plan.op {
            BinaryOp::And | BinaryOp::Or | BinaryOp::Unless => {
                set_ops::set_operation(ev, plan, lhs, rhs, steps)?
            }
            _ => vector_binary::vector_binary(ev, node, plan, lhs, rhs, steps)?,
        }),
        _ => {
            return Err(QueryError::Execution(
                "binary expression must contain only scalar and instant vector types".to_owned(),
            ));
        }
    })
}

fn scalars(op: BinaryOp, a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter()
        .zip(b)
        .map(|(a, b)| {
            float_operation(op, *a, *b)
                .or_else(|| compare_floats(op, *a, *b).map(|is| f64::from(u8::from(is))))
                .unwrap_or(f64::NAN)
        })
        .collect()
}

/// A vector and a scalar; `swapped` when the scalar stands on the left.
fn with_scalar<'a>(
    ev: &Evaluator<'a>,
    node: &'a Node,
    plan: &'a BinaryPlan,
    vector: SharedVector<'a>,
    scalar: Arc<Vec<f64>>,
    swapped: bool,
) -> SharedVector<'a> {
    let places = node.spans();
    let operation = WithScalar {
        op: plan.op,
        return_bool: plan.return_bool,
        scalar,
        swapped,
        places,
    };
    let delayed = ev.cx.features.delayed_name_removal;
    let map = move |_: usize, column: Column, scratch: &mut Scratch<'_>| Ok(operation.apply(column, scratch));
    if keeps_name(plan.op, plan.return_bool) {
        mapped(vector, map)
    } else {
        mapped_without_name(vector, delayed, map)
    }
}

struct WithScalar {
    op: BinaryOp,
    return_bool: bool,
    scalar: Arc<Vec<f64>>,
    swapped: bool,
    places: Vec<Span>,
}

impl WithScalar {
    fn apply(&self, column: Column, scratch: &mut Scratch<'_>) -> Column {
        if !column.has_histograms()
            && !is_comparison(self.op)
            && let Some(values) = column.all_floats()
        {
            let pairs = values.iter().zip(self.scalar.iter());
            let result = if self.swapped {
                pairs
                    .map(|(v, s)| float_operation(self.op, *s, *v))
                    .collect::<Option<Vec<_>>>()
            } else {
                pairs
                    .map(|(v, s)| float_operation(self.op, *v, *s))
                    .collect::<Option<Vec<_>>>()
            };
            if let Some(result) = result {
                return Column::full(result);
            }
        }
        self.apply_by_step(&column, scratch)
    }

    fn apply_by_step(&self, column: &Column, scratch: &mut Scratch<'_>) -> Column {
        let mut out = ColumnBuilder::new(column.len());
        for step in 0..column.len() {
            let value = column.get(step);
            if value == Point::None {
                out.push_none();
                continue;
            }
            let scalar = Point::Float(self.scalar.get(step).copied().unwrap_or(f64::NAN));
            let (a, b) = if self.swapped {
                (&scalar, &value)
            } else {
                (&value, &scalar)
            };
            out.push(match element(self.op, a, b, scratch, &self.places) {
                Element::Value(point) => point,
                Element::Holds(holds) if self.return_bool => Point::Float(f64::from(u8::from(holds))),
                // The vector's element is kept, on whichever side it stands.
                Element::Holds(true) => value,
                Element::Holds(false) => Point::None,
            });
        }
        out.finish()
    }
}
