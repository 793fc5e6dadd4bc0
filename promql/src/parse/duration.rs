//! Durations in brackets and behind `offset`: literals, and arithmetic over them.

use nom::Err;

use super::literal::number_literal;
use super::syntax_error::SyntaxError;
use super::token::{Bound, TokenKind};
use super::tokens::{Parsed, Tokens, duration_too_deep, failure, token};
use crate::ast::{AggregateOp, BinaryOp, DurationExpr};
use crate::limits::DURATION_DEPTH_MAX;
use crate::span::Span;

/// Most seconds that Go's `time.Duration` holds.
const SECONDS_MAX: f64 = 9_223_372_036.854_776;

/// A number of seconds as whole milliseconds, by way of whole nanoseconds.
pub(crate) fn milliseconds(seconds: f64) -> i64 {
    (seconds * 1e9).round() as i64 / 1_000_000
}

/// How tightly an operator binds in a duration, and whether it groups from the right.
const fn precedence(op: BinaryOp) -> Option<(u8, bool)> {
    match op {
        BinaryOp::Add | BinaryOp::Sub => Some((1, false)),
        BinaryOp::Mul | BinaryOp::Div | BinaryOp::Mod => Some((UNARY, false)),
        BinaryOp::Pow => Some((3, true)),
        _ => None,
    }
}

/// How tightly signs bind: as multiplication.
const UNARY: u8 = 2;

/// A duration whose operators all bind at least as tightly as `least`.
pub(crate) fn duration_expr(tokens: Tokens<'_>, least: u8) -> Parsed<'_, DurationExpr> {
    let (mut rest, mut lhs) = signed(tokens)?;
    let mut joined = 0_usize;
    loop {
        let TokenKind::Operator(op) = rest.kind()? else {
            return Ok((rest, lhs));
        };
        let Some((binds, from_right)) = precedence(op).filter(|(binds, _)| *binds >= least) else {
            return Ok((rest, lhs));
        };
        let op_token = rest.peek()?;
        let op_span = Span::new(op_token.start, op_token.end);
        let next_least = if from_right { binds } else { binds + 1 };
        let (after, rhs) = rest
            .advance()
            .nested(|tokens| duration_expr(tokens, next_least))?;
        enabled(&after, lhs.span())?;
        let zero = matches!(&rhs, DurationExpr::Number(n) if n.value == 0.0);
        match op {
            BinaryOp::Div if zero => return Err(failure(op_span, "division by zero")),
            BinaryOp::Mod if zero => return Err(failure(op_span, "modulo by zero")),
            _ => {}
        }
        joined += 1;
        if joined > DURATION_DEPTH_MAX {
            return Err(duration_too_deep(lhs.span()));
        }
        let span = Span::new(lhs.span().start, rhs.span().end);
        lhs = DurationExpr::Binary {
            op,
            lhs: Box::new(lhs),
            rhs: Box::new(rhs),
            wrapped: false,
            span,
        };
        rest = after;
    }
}

/// Refuses arithmetic unless it is enabled.
fn enabled(tokens: &Tokens<'_>, span: Span) -> Result<(), Err<SyntaxError>> {
    if tokens.features().duration_expressions {
        Ok(())
    } else {
        Err(failure(span, "experimental duration expression is not enabled"))
    }
}

fn in_range(number: f64, span: Span) -> Result<(), Err<SyntaxError>> {
    if number.abs() > SECONDS_MAX {
        Err(failure(span, "duration out of range"))
    } else {
        Ok(())
    }
}

/// A duration with signs before it.
fn signed(tokens: Tokens<'_>) -> Parsed<'_, DurationExpr> {
    let sign = tokens.peek()?;
    let minus = match sign.kind {
        TokenKind::Operator(BinaryOp::Sub) => true,
        TokenKind::Operator(BinaryOp::Add) => false,
        _ => return plain(tokens),
    };
    let (rest, inner) = tokens
        .advance()
        .nested(|tokens| duration_expr(tokens, UNARY + 1))?;
    Ok((rest, apply_sign(minus, sign.start, inner)))
}

/// The operand of a sign with the sign: a literal swallows it.
fn apply_sign(minus: bool, start: usize, inner: DurationExpr) -> DurationExpr {
    match inner {
        DurationExpr::Number(mut number) => {
            if minus {
                number.value = -number.value;
            }
            number.span.start = start;
            DurationExpr::Number(number)
        }
        expr if minus => DurationExpr::Unary {
            minus,
            span: Span::new(start, expr.span().end),
            expr: Box::new(expr),
            wrapped: false,
        },
        expr => expr,
    }
}

/// A literal, `step()` and its kin, or a duration in parentheses.
fn plain(tokens: Tokens<'_>) -> Parsed<'_, DurationExpr> {
    let first = tokens.peek()?;
    match first.kind {
        TokenKind::Number | TokenKind::Duration => {
            let number = number_literal(&tokens, first)?;
            in_range(number.value, number.span)?;
            Ok((tokens.advance(), DurationExpr::Number(number)))
        }
        TokenKind::LeftParen => parens(tokens),
        _ => call(tokens, None),
    }
}

/// `(5m)`
fn parens(tokens: Tokens<'_>) -> Parsed<'_, DurationExpr> {
    let (rest, inner) = tokens.advance().nested(|tokens| duration_expr(tokens, 0))?;
    let (rest, _) = token(TokenKind::RightParen)(rest)?;
    enabled(&rest, inner.span())?;
    Ok((rest, inner.wrapped()))
}

/// `step()`, `range()`, `min_of(a, b)` or `max_of(a, b)`. With a sign before it that begins at `sign`, this is where
/// the error stands if arithmetic is not enabled.
fn call(tokens: Tokens<'_>, sign: Option<usize>) -> Parsed<'_, DurationExpr> {
    let first = tokens.peek()?;
    let (rest, expr) = match (first.kind, min_max(&tokens)?) {
        (TokenKind::Bound(bound @ (Bound::Step | Bound::Range)), _) => {
            let (rest, _) = token(TokenKind::LeftParen)(tokens.advance())?;
            let (rest, _) = token(TokenKind::RightParen)(rest)?;
            let span = Span::new(first.start, rest.last_end());
            let wrapped = false;
            let expr = match bound {
                Bound::Step => DurationExpr::Step { wrapped, span },
                _ => DurationExpr::Range { wrapped, span },
            };
            (rest, expr)
        }
        (_, Some(max)) => {
            let (rest, _) = token(TokenKind::LeftParen)(tokens.advance())?;
            let (rest, lhs) = rest.nested(|tokens| duration_expr(tokens, 0))?;
            let (rest, _) = token(TokenKind::Comma)(rest)?;
            let (rest, rhs) = rest.nested(|tokens| duration_expr(tokens, 0))?;
            let (rest, _) = token(TokenKind::RightParen)(rest)?;
            let expr = DurationExpr::MinMax {
                max,
                lhs: Box::new(lhs),
                rhs: Box::new(rhs),
                wrapped: false,
                span: Span::new(first.start, rest.last_end()),
            };
            (rest, expr)
        }
        _ => return Err(tokens.unexpected_here()),
    };
    enabled(&rest, Span::new(sign.unwrap_or(first.start), rest.last_end()))?;
    Ok((rest, expr))
}

/// Whether `max_of` (true) or `min_of` (false) stands here. They were called `max` and `min` while arithmetic was off.
fn min_max(tokens: &Tokens<'_>) -> Result<Option<bool>, Err<SyntaxError>> {
    let next = tokens.peek()?;
    let enabled = tokens.features().duration_expressions;
    Ok(match next.kind {
        TokenKind::Aggregator(AggregateOp::Max) if !enabled => Some(true),
        TokenKind::Aggregator(AggregateOp::Min) if !enabled => Some(false),
        TokenKind::Identifier if enabled => match tokens.value(next).to_ascii_lowercase().as_str() {
            "max_of" => Some(true),
            "min_of" => Some(false),
            _ => None,
        },
        _ => None,
    })
}

/// What stands behind `offset`. A literal or call ends there, with or without a sign: operators behind it belong to
/// the expression around. Parentheses without a sign, and a second sign, open a whole duration expression.
pub(crate) fn offset_expr(tokens: Tokens<'_>) -> Parsed<'_, DurationExpr> {
    let first = tokens.peek()?;
    let minus = match first.kind {
        TokenKind::LeftParen => return duration_expr(tokens, 0),
        TokenKind::Operator(BinaryOp::Sub) => true,
        TokenKind::Operator(BinaryOp::Add) => false,
        _ => return plain(tokens),
    };
    let after_sign = tokens.advance();
    match after_sign.kind()? {
        TokenKind::Operator(BinaryOp::Sub | BinaryOp::Add) => duration_expr(tokens, 0),
        TokenKind::LeftParen => signed_parens(after_sign, minus, first.start),
        TokenKind::Number | TokenKind::Duration => {
            let (rest, number) = plain(after_sign)?;
            Ok((rest, apply_sign(minus, first.start, number)))
        }
        _ => {
            let (rest, inner) = call(after_sign, Some(first.start))?;
            let expr = DurationExpr::Unary {
                minus,
                span: Span::new(first.start, rest.last_end()),
                expr: Box::new(inner),
                wrapped: false,
            };
            Ok((rest, expr))
        }
    }
}

/// `-(5m)` behind `offset`.
fn signed_parens(tokens: Tokens<'_>, minus: bool, start: usize) -> Parsed<'_, DurationExpr> {
    let (rest, inner) = tokens.advance().nested(|tokens| duration_expr(tokens, 0))?;
    let (rest, _) = token(TokenKind::RightParen)(rest)?;
    if !rest.features().duration_expressions
        && let DurationExpr::Number(number) = &inner
    {
        // While arithmetic is off, Prometheus 3.12 has no better words for a literal here.
        return Err(Err::Failure(SyntaxError {
            bare: true,
            ..SyntaxError::new(number.span, "unexpected error")
        }));
    }
    Ok((rest, apply_sign(minus, start, inner.wrapped())))
}
