//! What stands behind an operand: ranges, subqueries, `offset`, `@`, `anchored`, `smoothed`.

use nom::Err;

use super::binary::signed_number;
use super::duration::{duration_expr, milliseconds, offset_expr};
use super::expr::Levelled;
use super::syntax_error::SyntaxError;
use super::token::{Bound, Keyword, Token, TokenKind};
use super::tokens::{Complaint, Parsed, Tokens, failure, token};
use crate::ast::{AtBound, DurationExpr, Expr, MatrixSelector, Modifiers, Subquery, VectorSelector};
use crate::span::Span;

/// Reads all modifiers behind `operand`.
pub(crate) fn postfix(tokens: Tokens<'_>, operand: Levelled) -> Parsed<'_, Levelled> {
    let (mut rest, mut operand) = (tokens, operand);
    loop {
        (rest, operand) = match rest.kind()? {
            TokenKind::Keyword(Keyword::Offset) => offset(rest.advance(), operand)?,
            TokenKind::At => at(rest.advance(), operand)?,
            TokenKind::LeftBracket => range(rest, operand)?,
            TokenKind::Keyword(Keyword::Anchored) => (extended(&rest, &mut operand.expr, true)?, operand),
            TokenKind::Keyword(Keyword::Smoothed) => (extended(&rest, &mut operand.expr, false)?, operand),
            _ => return Ok((rest, operand)),
        };
    }
}

/// The part of an expression that modifiers are kept in, and its span.
fn modifiers_of(expr: &mut Expr) -> Option<(&mut Modifiers, &mut Span)> {
    match expr {
        Expr::Vector(e) => Some((&mut e.modifiers, &mut e.span)),
        Expr::Matrix(e) => Some((&mut e.vector.modifiers, &mut e.span)),
        Expr::Subquery(e) => Some((&mut e.modifiers, &mut e.span)),
        _ => None,
    }
}

fn offset(tokens: Tokens<'_>, mut operand: Levelled) -> Parsed<'_, Levelled> {
    let (rest, value) = tokens.within(Complaint::Offset, offset_expr)?;
    let whole = operand.expr.span();
    let Some((modifiers, span)) = modifiers_of(&mut operand.expr) else {
        let message = "offset modifier must be preceded by an instant vector selector or range vector \
                       selector or a subquery";
        return Err(failure(whole, message));
    };
    if modifiers.offset_ms != 0 || modifiers.offset_expr.is_some() {
        return Err(failure(whole, "offset may not be set multiple times"));
    }
    match value {
        DurationExpr::Number(number) => modifiers.offset_ms = milliseconds(number.value),
        expr => modifiers.offset_expr = Some(Box::new(expr)),
    }
    span.end = rest.last_end();
    Ok((rest, operand))
}

/// What `@` names.
enum At {
    Time(f64),
    Bound(AtBound),
}

fn at(tokens: Tokens<'_>, mut operand: Levelled) -> Parsed<'_, Levelled> {
    let (rest, at) = tokens.within(Complaint::At, |tokens| match tokens.kind()? {
        TokenKind::Bound(bound @ (Bound::Start | Bound::End)) => {
            let (rest, _) = token(TokenKind::LeftParen)(tokens.advance())?;
            let (rest, _) = token(TokenKind::RightParen)(rest)?;
            let bound = if bound == Bound::Start {
                AtBound::Start
            } else {
                AtBound::End
            };
            Ok((rest, At::Bound(bound)))
        }
        _ => signed_number(tokens).map(|(rest, seconds)| (rest, At::Time(seconds))),
    })?;
    let whole = operand.expr.span();
    if let At::Time(seconds) = at
        && !(seconds.is_finite() && seconds.abs() < i64::MAX as f64)
    {
        let message = format!("timestamp out of bounds for @ modifier: {}", six_digits(seconds));
        return Err(failure(whole, message));
    }
    let Some((modifiers, span)) = modifiers_of(&mut operand.expr) else {
        let message = "@ modifier must be preceded by an instant vector selector or range vector selector \
                       or a subquery";
        return Err(failure(whole, message));
    };
    if modifiers.timestamp.is_some() || modifiers.at.is_some() {
        return Err(failure(whole, "@ <timestamp> may not be set multiple times"));
    }
    match at {
        At::Time(seconds) => modifiers.timestamp = Some((seconds * 1_000.0).round() as i64),
        At::Bound(bound) => modifiers.at = Some(bound),
    }
    span.end = rest.last_end();
    Ok((rest, operand))
}

/// A float as Go's `%f` writes it.
fn six_digits(value: f64) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned()
    } else {
        format!("{value:.6}")
    }
}

/// `anchored` or `smoothed`, which is the next token.
fn extended<'a>(
    tokens: &Tokens<'a>,
    expr: &mut Expr,
    anchored: bool,
) -> Result<Tokens<'a>, Err<SyntaxError>> {
    let word = if anchored { "anchored" } else { "smoothed" };
    let whole = expr.span();
    if !tokens.features().extended_range_selectors {
        return Err(failure(
            whole,
            format!("{word} modifier is experimental and not enabled"),
        ));
    }
    let vector = match expr {
        Expr::Vector(e) => e,
        Expr::Matrix(e) => &mut e.vector,
        Expr::Subquery(_) => {
            return Err(failure(
                whole,
                format!("{word} modifier is not supported for subqueries"),
            ));
        }
        _ => return Err(failure(whole, format!("{word} modifier not implemented"))),
    };
    if anchored {
        vector.anchored = true;
    } else {
        vector.smoothed = true;
    }
    if vector.anchored && vector.smoothed {
        let message = "anchored and smoothed modifiers cannot be used together";
        return Err(failure(whole, message));
    }
    Ok(tokens.advance())
}

/// `[5m]` or `[5m:1m]`; the next token is the bracket.
fn range(tokens: Tokens<'_>, operand: Levelled) -> Parsed<'_, Levelled> {
    let bracket = tokens.peek()?;
    let (rest, length) = tokens
        .advance()
        .within(Complaint::Range, |tokens| duration_expr(tokens, 0))?;
    let end = rest.peek()?;
    positive(&length)?;
    match end.kind {
        TokenKind::RightBracket => matrix(rest.advance(), operand, bracket, length),
        TokenKind::Colon => subquery(rest.advance(), operand, length),
        _ => Err(rest.unexpected(Complaint::RangeEnd)),
    }
}

fn positive(length: &DurationExpr) -> Result<(), Err<SyntaxError>> {
    match length {
        DurationExpr::Number(number) if number.value <= 0.0 => {
            Err(failure(number.span, "duration must be greater than 0"))
        }
        _ => Ok(()),
    }
}

/// A length in milliseconds, or what it is computed from.
fn parts(length: DurationExpr) -> (i64, Option<Box<DurationExpr>>) {
    match length {
        DurationExpr::Number(number) => (milliseconds(number.value), None),
        expr => (0, Some(Box::new(expr))),
    }
}

fn matrix(rest: Tokens<'_>, operand: Levelled, bracket: Token, length: DurationExpr) -> Parsed<'_, Levelled> {
    let here = Span::new(bracket.start, rest.last_end());
    let vector: VectorSelector = match operand.expr {
        Expr::Vector(vector) => vector,
        _ => return Err(failure(here, "ranges only allowed for vector selectors")),
    };
    if vector.modifiers.offset_ms != 0 || vector.modifiers.offset_expr.is_some() {
        return Err(failure(here, "no offset modifiers allowed before range"));
    }
    if vector.modifiers.timestamp.is_some() {
        return Err(failure(here, "no @ modifiers allowed before range"));
    }
    let span = Span::new(vector.span.start, rest.last_end());
    let (range_ms, range_expr) = parts(length);
    let expr = Expr::Matrix(Box::new(MatrixSelector {
        vector,
        range_ms,
        range_expr,
        span,
    }));
    Ok((
        rest,
        Levelled {
            expr,
            levels: operand.levels,
            deepest: operand.levels,
        },
    ))
}

/// A subquery; what comes next is behind the colon.
fn subquery(tokens: Tokens<'_>, operand: Levelled, length: DurationExpr) -> Parsed<'_, Levelled> {
    let (rest, step) = if tokens.kind()? == TokenKind::RightBracket {
        (tokens, None)
    } else {
        let (rest, step) = tokens.within(Complaint::SubqueryStep, |tokens| duration_expr(tokens, 0))?;
        let end = rest.peek()?;
        positive(&step)?;
        if end.kind != TokenKind::RightBracket {
            return Err(rest.unexpected(Complaint::SubqueryEnd));
        }
        (rest, Some(step))
    };
    let rest = rest.advance();
    let (range_ms, range_expr) = parts(length);
    let (step_ms, step_expr) = step.map_or((0, None), parts);
    let levels = operand.levels;
    let expr = Expr::Subquery(Box::new(Subquery {
        span: Span::new(operand.expr.span().start, rest.last_end()),
        expr: operand.expr,
        range_ms,
        range_expr,
        step_ms,
        step_expr,
        modifiers: Modifiers::default(),
    }));
    Ok((rest, Levelled::above(expr, levels)?))
}
