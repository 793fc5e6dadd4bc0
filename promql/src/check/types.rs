//! Type checking. It walks in Prometheus's order, so that the first error is the same.

use narthex_model::labels::quoted;
use narthex_model::{METRIC_NAME, Matcher};

use crate::ast::{Aggregate, AggregateOp, Binary, Call, Cardinality, Expr, ValueType, VectorSelector};
use crate::functions::{Signature, signature};
use crate::parse::SyntaxError;
use crate::span::Span;

type Checked<T> = Result<T, SyntaxError>;

/// Checks expressions of one text.
pub(crate) struct Checker<'a> {
    text: &'a str,
}

fn wrong<T>(span: Span, message: impl Into<String>) -> Checked<T> {
    Err(SyntaxError::new(span, message))
}

impl<'a> Checker<'a> {
    /// A checker for what was read from `text`.
    pub(crate) const fn new(text: &'a str) -> Self {
        Self { text }
    }

    /// The type of `expr`, in which everything fits. Vector matching is settled on the way: it stays only between
    /// vectors, and set operations are many-to-many.
    pub(crate) fn check(&self, expr: &mut Expr) -> Checked<ValueType> {
        match expr {
            Expr::Aggregate(e) => self.aggregate(e),
            Expr::Binary(e) => self.binary(e),
            Expr::Call(e) => self.call(e),
            Expr::Matrix(e) => {
                selector(&e.vector, false)?;
                Ok(ValueType::Matrix)
            }
            Expr::Vector(e) => {
                selector(e, false)?;
                Ok(ValueType::Vector)
            }
            Expr::Subquery(e) => {
                let found = self.check(&mut e.expr)?;
                if found != ValueType::Vector {
                    let found = found.as_str();
                    return wrong(
                        e.span,
                        format!("subquery is only allowed on instant vector, got {found} instead"),
                    );
                }
                Ok(ValueType::Matrix)
            }
            Expr::Paren(e) => self.check(&mut e.expr),
            Expr::Unary(e) => {
                let found = self.check(&mut e.expr)?;
                if !matches!(found, ValueType::Scalar | ValueType::Vector) {
                    let message = format!(
                        "unary expression only allowed on expressions of type scalar or instant vector, got \"{}\"",
                        found.documented()
                    );
                    return wrong(e.span, message);
                }
                Ok(found)
            }
            Expr::Number(_) => Ok(ValueType::Scalar),
            Expr::String(_) => Ok(ValueType::String),
        }
    }

    fn expect(&self, expr: &mut Expr, wanted: ValueType, context: &str) -> Checked<()> {
        let found = self.check(expr)?;
        if found == wanted {
            return Ok(());
        }
        let (wanted, found) = (wanted.documented(), found.documented());
        wrong(
            expr.span(),
            format!("expected type {wanted} in {context}, got {found}"),
        )
    }

    fn aggregate(&self, e: &mut Aggregate) -> Checked<ValueType> {
        self.expect(&mut e.expr, ValueType::Vector, "aggregation expression")?;
        if let Some(param) = &mut e.param {
            let wanted = if e.op == AggregateOp::CountValues {
                ValueType::String
            } else {
                ValueType::Scalar
            };
            self.expect(param, wanted, "aggregation parameter")?;
        }
        Ok(ValueType::Vector)
    }

    /// Where errors about an operator stand: behind the left side, spaces skipped.
    fn operator_span(&self, e: &Binary) -> Span {
        let from = e.lhs.span().end;
        let rest = self.text.get(from..).unwrap_or("");
        let spaces = rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r']).len();
        Span::new(from + spaces, e.rhs.span().start)
    }

    /// The operations of a chain from its beginning on. A chain in which something is wrong is not put together again.
    fn binary(&self, e: &mut Binary) -> Checked<ValueType> {
        let mut links = Vec::new();
        let mut first = e.take_lhs();
        while let Expr::Binary(mut link) = first {
            first = link.take_lhs();
            links.push(link);
        }
        let mut left = self.check(&mut first)?;
        while let Some(mut link) = links.pop() {
            link.lhs = first;
            left = self.link(&mut link, left)?;
            first = Expr::Binary(link);
        }
        e.lhs = first;
        self.link(e, left)
    }

    /// One operation, whose left side has been checked.
    fn link(&self, e: &mut Binary, left: ValueType) -> Checked<ValueType> {
        let right = self.check(&mut e.rhs)?;
        let both_scalars = left == ValueType::Scalar && right == ValueType::Scalar;
        if e.return_bool && !e.op.is_comparison() {
            return wrong(
                self.operator_span(e),
                "bool modifier can only be used on comparison operators",
            );
        }
        if e.op.is_comparison() && !e.return_bool && both_scalars {
            return wrong(
                self.operator_span(e),
                "comparisons between scalars must use BOOL modifier",
            );
        }
        self.binary_labels(e)?;
        for (side, found) in [(&e.lhs, left), (&e.rhs, right)] {
            if !matches!(found, ValueType::Scalar | ValueType::Vector) {
                let message = "binary expression must contain only scalar and instant vector types";
                return wrong(side.span(), message);
            }
        }
        let span = e.span;
        if left == ValueType::Vector && right == ValueType::Vector {
            if e.op.is_set() {
                set_matching(e, span)?;
            }
        } else {
            no_matching(e, span)?;
        }
        if e.op.is_set() && (left == ValueType::Scalar || right == ValueType::Scalar) {
            let op = e.op.as_str();
            return wrong(
                span,
                format!("set operator \"{op}\" not allowed in binary scalar expression"),
            );
        }
        Ok(if both_scalars {
            ValueType::Scalar
        } else {
            ValueType::Vector
        })
    }

    /// A label cannot both match and be copied.
    fn binary_labels(&self, e: &Binary) -> Checked<()> {
        let Some(matching) = e.matching.as_ref().filter(|m| m.on) else {
            return Ok(());
        };
        match matching.labels.iter().find(|l| matching.include.contains(l)) {
            Some(label) => wrong(
                self.operator_span(e),
                format!("label \"{label}\" must not occur in ON and GROUP clause at once"),
            ),
            None => Ok(()),
        }
    }

    fn call(&self, e: &mut Call) -> Checked<ValueType> {
        let Some(signature) = signature(&e.function) else {
            return wrong(e.span, format!("unknown function with name \"{}\"", e.function));
        };
        argument_count(e, signature)?;
        let is_info = signature.name == "info";
        if is_info && let Some(second) = e.args.get(1) {
            info_selector(second, e.span)?;
        }
        for (at, arg) in e.args.iter_mut().enumerate() {
            let Some(wanted) = signature.args.get(at).or(signature.args.last()) else {
                break;
            };
            // The selector of info() may match everything.
            let found = if is_info
                && at == 1
                && let Expr::Vector(vector) = &*arg
            {
                selector(vector, true)?;
                ValueType::Vector
            } else {
                self.check(arg)?
            };
            if found != *wanted {
                let message = format!(
                    "expected type {} in call to function \"{}\", got {}",
                    wanted.documented(),
                    signature.name,
                    found.documented()
                );
                return wrong(arg.span(), message);
            }
        }
        Ok(signature.returns)
    }
}

/// Between vectors: set operations do not group.
fn set_matching(e: &mut Binary, span: Span) -> Checked<()> {
    let op = e.op.as_str();
    let Some(matching) = &mut e.matching else {
        return Ok(());
    };
    if matching.card != Cardinality::OneToOne {
        return wrong(span, format!("no grouping allowed for \"{op}\" operation"));
    }
    matching.card = Cardinality::ManyToMany;
    if matching.fill_left.is_some() || matching.fill_right.is_some() {
        return wrong(span, "filling in missing series not allowed for set operators");
    }
    Ok(())
}

/// With a scalar on one side there is nothing to match.
fn no_matching(e: &mut Binary, span: Span) -> Checked<()> {
    let Some(matching) = e.matching.take() else {
        return Ok(());
    };
    if !matching.labels.is_empty() {
        return wrong(span, "vector matching only allowed between instant vectors");
    }
    if matching.fill_left.is_some() || matching.fill_right.is_some() {
        return wrong(
            span,
            "filling in missing series only allowed between instant vectors",
        );
    }
    Ok(())
}

fn argument_count(e: &Call, signature: &Signature) -> Checked<()> {
    let (given, full) = (e.args.len(), signature.args.len());
    let name = signature.name;
    if signature.variadic == 0 {
        if given != full {
            let message = format!("expected {full} argument(s) in call to \"{name}\", got {given}");
            return wrong(e.span, message);
        }
        return Ok(());
    }
    let least = full.saturating_sub(1);
    if given < least {
        let message = format!("expected at least {least} argument(s) in call to \"{name}\", got {given}");
        return wrong(e.span, message);
    }
    match usize::try_from(signature.variadic) {
        Ok(more) if given > least + more => {
            let most = least + more;
            let message = format!("expected at most {most} argument(s) in call to \"{name}\", got {given}");
            wrong(e.span, message)
        }
        _ => Ok(()),
    }
}

/// The second argument of info() says which labels to add: a selector without a name.
fn info_selector(second: &Expr, call: Span) -> Checked<()> {
    let found = second.value_type();
    if found != ValueType::Vector {
        let message = format!(
            "expected type instant vector in call to function \"info\", got {}",
            found.documented()
        );
        return wrong(call, message);
    }
    match second {
        Expr::Vector(vector) if vector.name.is_empty() => Ok(()),
        Expr::Vector(_) => wrong(
            second.span(),
            "expected label selectors only, got vector selector instead",
        ),
        _ => wrong(second.span(), "expected label selectors only"),
    }
}

/// One name, and not everything that there is.
fn selector(e: &VectorSelector, may_match_all: bool) -> Checked<()> {
    if let Some((_, others)) = e.matchers.split_last()
        && !e.name.is_empty()
    {
        return match others.iter().find(|m| m.name == METRIC_NAME) {
            Some(other) => {
                let message = format!(
                    "metric name must not be set twice: {} or {}",
                    quoted(&e.name),
                    quoted(&other.value)
                );
                wrong(e.span, message)
            }
            None => Ok(()),
        };
    }
    if may_match_all || !e.matchers.iter().all(Matcher::matches_empty) {
        return Ok(());
    }
    wrong(
        e.span,
        "vector selector must contain at least one non-empty matcher",
    )
}
