//! What stands between a binary operator and its right side, and the operation made of it all.

use super::SyntaxError;
use super::expr::Levelled;
use super::grouping::grouping_labels;
use super::literal::number_literal;
use super::token::{Keyword, TokenKind};
use super::tokens::{Parsed, Tokens, failure, token, too_deep};
use crate::ast::{Binary, BinaryOp, Cardinality, Expr, VectorMatching};
use crate::features::Features;
use crate::limits::{DEPTH_MAX, chain_levels};
use crate::span::Span;

/// `bool`, `on`, `ignoring`, `group_left`, `group_right`, `fill` and its kin.
pub(crate) struct BinaryModifiers {
    return_bool: bool,
    matching: VectorMatching,
}

/// Reads modifiers, if there are any.
pub(crate) fn modifiers(tokens: Tokens<'_>) -> Parsed<'_, BinaryModifiers> {
    let mut matching = VectorMatching::default();
    let mut rest = tokens;
    let return_bool = rest.kind()? == TokenKind::Keyword(Keyword::Bool);
    if return_bool {
        rest = rest.advance();
    }
    if let TokenKind::Keyword(word @ (Keyword::On | Keyword::Ignoring)) = rest.kind()? {
        matching.on = word == Keyword::On;
        (rest, matching.labels) = grouping_labels(rest.advance())?;
        if let TokenKind::Keyword(word @ (Keyword::GroupLeft | Keyword::GroupRight)) = rest.kind()? {
            matching.card = if word == Keyword::GroupLeft {
                Cardinality::ManyToOne
            } else {
                Cardinality::OneToMany
            };
            rest = rest.advance();
            if rest.kind()? == TokenKind::LeftParen {
                (rest, matching.include) = grouping_labels(rest)?;
            }
        }
    }
    let (rest, ()) = fill(rest, &mut matching)?;
    Ok((
        rest,
        BinaryModifiers {
            return_bool,
            matching,
        },
    ))
}

/// `fill (v)`, or `fill_left (v)` and `fill_right (v)` in any order, each at most once.
fn fill<'a>(tokens: Tokens<'a>, matching: &mut VectorMatching) -> Parsed<'a, ()> {
    let mut rest = tokens;
    if rest.kind()? == TokenKind::Keyword(Keyword::Fill) {
        let (rest, value) = fill_value(rest.advance())?;
        matching.fill_left = Some(value);
        matching.fill_right = Some(value);
        return Ok((rest, ()));
    }
    loop {
        let side = match rest.kind()? {
            TokenKind::Keyword(Keyword::FillLeft) if matching.fill_left.is_none() => &mut matching.fill_left,
            TokenKind::Keyword(Keyword::FillRight) if matching.fill_right.is_none() => {
                &mut matching.fill_right
            }
            _ => return Ok((rest, ())),
        };
        let (after, value) = fill_value(rest.advance())?;
        *side = Some(value);
        rest = after;
    }
}

/// `(v)`
fn fill_value(tokens: Tokens<'_>) -> Parsed<'_, f64> {
    let (rest, _) = token(TokenKind::LeftParen)(tokens)?;
    let (rest, value) = signed_number(rest)?;
    let (rest, _) = token(TokenKind::RightParen)(rest)?;
    Ok((rest, value))
}

/// A number or duration with or without a sign.
pub(crate) fn signed_number(tokens: Tokens<'_>) -> Parsed<'_, f64> {
    let (rest, minus) = match tokens.kind()? {
        TokenKind::Operator(BinaryOp::Sub) => (tokens.advance(), true),
        TokenKind::Operator(BinaryOp::Add) => (tokens.advance(), false),
        _ => (tokens, false),
    };
    let number = rest.peek()?;
    if !matches!(number.kind, TokenKind::Number | TokenKind::Duration) {
        return Err(rest.unexpected_here());
    }
    let value = number_literal(&rest, number)?.value;
    Ok((rest.advance(), if minus { -value } else { value }))
}

/// An operation whose right side is being read.
pub(crate) struct OpenBinary {
    pub(crate) lhs: Levelled,
    pub(crate) op: BinaryOp,
    pub(crate) op_span: Span,
    pub(crate) modifiers: BinaryModifiers,
}

/// The operation, of which everything has been read.
pub(crate) fn binary(
    features: &Features,
    open: OpenBinary,
    rhs: Levelled,
) -> Result<Levelled, nom::Err<SyntaxError>> {
    let BinaryModifiers {
        return_bool,
        matching,
    } = open.modifiers;
    let fills = matching.fill_left.is_some() || matching.fill_right.is_some();
    if fills && !features.binop_fill_modifiers {
        let span = Span::new(open.lhs.expr.span().start, rhs.expr.span().end);
        return Err(failure(
            span,
            "binop fill modifiers are experimental and not enabled",
        ));
    }
    let (levels, deepest) = (
        chain_levels(open.lhs.levels, open.lhs.deepest, rhs.levels),
        open.lhs.deepest.max(rhs.levels),
    );
    let span = Span::new(open.lhs.expr.span().start, rhs.expr.span().end);
    let expr = Expr::Binary(Box::new(Binary {
        op: open.op,
        lhs: open.lhs.expr,
        rhs: rhs.expr,
        matching: Some(matching),
        return_bool,
        op_span: open.op_span,
        span,
    }));
    if levels > DEPTH_MAX {
        return Err(too_deep(expr.span()));
    }
    Ok(Levelled {
        expr,
        levels,
        deepest,
    })
}
