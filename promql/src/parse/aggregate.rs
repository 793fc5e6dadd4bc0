//! Aggregations: `sum by (job) (x)`, `topk(5, x) without (instance)`.

use super::SyntaxError;
use super::expr::Levelled;
use super::grouping::grouping_labels;
use super::token::{Keyword, TokenKind};
use super::tokens::{Complaint, Parsed, Tokens, failure};
use crate::ast::{Aggregate, AggregateOp, Expr};
use crate::span::Span;

/// An aggregation whose arguments are being read.
pub(crate) struct OpenAggregate {
    op: AggregateOp,
    start: usize,
    /// The labels, and whether they are those of `without`.
    pub(crate) grouping: Option<(Vec<String>, bool)>,
    pub(crate) args: Vec<Levelled>,
    /// Who spoke up around the aggregation.
    around: Complaint,
}

impl OpenAggregate {
    /// Reads up to the parenthesis; the next token is the operator. From here on the aggregation complains.
    pub(crate) fn begin(tokens: Tokens<'_>, op: AggregateOp) -> Parsed<'_, Self> {
        let mut open = Self {
            op,
            start: tokens.peek()?.start,
            grouping: None,
            args: Vec::new(),
            around: tokens.complaint(),
        };
        let mut rest = tokens.advance().complaining(Complaint::Aggregation);
        if let Some(without) = modifier(rest.kind()?) {
            let labels;
            (rest, labels) = grouping_labels(rest.advance())?;
            open.grouping = Some((labels, without));
        }
        Ok((rest, open))
    }
}

/// Whether the labels that follow are those of `without`; `None` if none follow.
pub(crate) const fn modifier(kind: TokenKind) -> Option<bool> {
    match kind {
        TokenKind::Keyword(Keyword::By) => Some(false),
        TokenKind::Keyword(Keyword::Without) => Some(true),
        _ => None,
    }
}

/// The aggregation, of which everything has been read.
pub(crate) fn aggregate(tokens: Tokens<'_>, open: OpenAggregate) -> Parsed<'_, Levelled> {
    let op = open.op;
    let span = Span::new(open.start, tokens.last_end());
    let below = open.args.iter().map(|a| a.levels).max().unwrap_or(0);
    let (param, expr) = parts(&tokens, op, span, open.args)?;
    let (grouping, without) = open.grouping.unwrap_or_default();
    let expr = Expr::Aggregate(Box::new(Aggregate {
        op,
        expr,
        param,
        grouping,
        without,
        span,
    }));
    Ok((tokens.complaining(open.around), Levelled::above(expr, below)?))
}

/// Parameter and expression from the arguments.
fn parts(
    tokens: &Tokens<'_>,
    op: AggregateOp,
    span: Span,
    args: Vec<Levelled>,
) -> Result<(Option<Expr>, Expr), nom::Err<SyntaxError>> {
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
