//! Aggregations: `sum by (job) (x)`, `topk(5, x) without (instance)`.

use super::call::arguments;
use super::expr::Levelled;
use super::grouping::grouping_labels;
use super::token::{Keyword, TokenKind};
use super::tokens::{Complaint, Parsed, Tokens, failure};
use crate::ast::{Aggregate, AggregateOp, Expr};
use crate::span::Span;

/// An aggregation; the next token is its operator, and behind it stands a parenthesis, `by` or `without`.
pub(crate) fn aggregate(tokens: Tokens<'_>, op: AggregateOp) -> Parsed<'_, Levelled> {
    let start = tokens.peek()?.start;
    let (rest, (grouping, args)) = tokens.advance().within(Complaint::Aggregation, |tokens| {
        if let Some(without) = modifier(tokens.kind()?) {
            let (rest, labels) = grouping_labels(tokens.advance())?;
            let (rest, args) = arguments(rest)?;
            return Ok((rest, ((labels, without), args)));
        }
        let (rest, args) = arguments(tokens)?;
        match modifier(rest.kind()?) {
            Some(without) => {
                let (rest, labels) = grouping_labels(rest.advance())?;
                Ok((rest, ((labels, without), args)))
            }
            None => Ok((rest, ((Vec::new(), false), args))),
        }
    })?;
    let span = Span::new(start, rest.last_end());
    let below = args.iter().map(|a| a.levels).max().unwrap_or(0);
    let (param, expr) = parts(&rest, op, span, args)?;
    let (grouping, without) = grouping;
    let expr = Expr::Aggregate(Box::new(Aggregate {
        op,
        expr,
        param,
        grouping,
        without,
        span,
    }));
    Ok((rest, Levelled::above(expr, below)?))
}

/// Whether the labels that follow are those of `without`; `None` if none follow.
const fn modifier(kind: TokenKind) -> Option<bool> {
    match kind {
        TokenKind::Keyword(Keyword::By) => Some(false),
        TokenKind::Keyword(Keyword::Without) => Some(true),
        _ => None,
    }
}

/// Parameter and expression from the arguments.
fn parts(
    tokens: &Tokens<'_>,
    op: AggregateOp,
    span: Span,
    args: Vec<Levelled>,
) -> Result<(Option<Expr>, Expr), nom::Err<super::SyntaxError>> {
    if args.is_empty() {
        return Err(failure(span, "no arguments for aggregate expression provided"));
    }
    if op.is_experimental() && !tokens.features().experimental_functions {
        let message = format!(
            "{}() is experimental and must be enabled with --enable-feature=promql-experimental-functions",
            op.as_str()
        );
        return Err(failure(span, message));
    }
    let expected = if op.has_parameter() { 2 } else { 1 };
    let given = args.len();
    let mut args = args.into_iter().map(|a| a.expr);
    let parts = match (expected == given, args.next(), args.next()) {
        (true, Some(expr), None) => Some((None, expr)),
        (true, Some(param), Some(expr)) => Some((Some(param), expr)),
        _ => None,
    };
    parts.ok_or_else(|| {
        let message = format!(
            "wrong number of arguments for aggregate expression provided, expected {expected}, got {given}"
        );
        failure(span, message)
    })
}
