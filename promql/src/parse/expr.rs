//! Expressions: unary and binary operators by precedence, parentheses, literals.

use super::aggregate::aggregate;
use super::binary::{binary, modifiers};
use super::call::call;
use super::literal::{number_literal, string_literal};
use super::postfix::postfix;
use super::selector::vector_selector;
use super::token::{Bound, Keyword, TokenKind};
use super::tokens::{Parsed, Tokens, token, too_deep};
use crate::ast::{BinaryOp, Expr, Paren, Unary};
use crate::limits::DEPTH_MAX;
use crate::span::Span;

/// An expression with the number of its levels.
pub(crate) struct Levelled {
    pub(crate) expr: Expr,
    pub(crate) levels: usize,
}

impl Levelled {
    /// An expression one level above others that have up to `below` levels.
    pub(crate) fn above(
        expr: Expr,
        below: usize,
    ) -> Result<Self, nom::Err<super::syntax_error::SyntaxError>> {
        if below >= DEPTH_MAX {
            return Err(too_deep(expr.span()));
        }
        Ok(Self {
            expr,
            levels: below + 1,
        })
    }
}

/// How tightly unary signs bind: as multiplication.
const UNARY: u8 = 5;

/// How tightly an operator binds, and whether it groups from the right.
const fn precedence(op: BinaryOp) -> (u8, bool) {
    match op {
        BinaryOp::Or => (1, false),
        BinaryOp::And | BinaryOp::Unless => (2, false),
        BinaryOp::Eq
        | BinaryOp::Ne
        | BinaryOp::Lt
        | BinaryOp::Le
        | BinaryOp::Gt
        | BinaryOp::Ge
        | BinaryOp::TrimUpper
        | BinaryOp::TrimLower => (3, false),
        BinaryOp::Add | BinaryOp::Sub => (4, false),
        BinaryOp::Mul | BinaryOp::Div | BinaryOp::Mod | BinaryOp::Atan2 => (UNARY, false),
        BinaryOp::Pow => (6, true),
    }
}

/// Any expression.
pub(crate) fn expr(tokens: Tokens<'_>) -> Parsed<'_, Levelled> {
    operators(tokens, 0)
}

/// An expression whose operators all bind at least as tightly as `least`.
fn operators(tokens: Tokens<'_>, least: u8) -> Parsed<'_, Levelled> {
    let (mut rest, mut lhs) = unary(tokens)?;
    loop {
        let TokenKind::Operator(op) = rest.kind()? else {
            return Ok((rest, lhs));
        };
        let (binds, from_right) = precedence(op);
        if binds < least {
            return Ok((rest, lhs));
        }
        let op_token = rest.peek()?;
        let (after, modifiers) = modifiers(rest.advance())?;
        let next_least = if from_right { binds } else { binds + 1 };
        let (after, rhs) = after.nested(|tokens| operators(tokens, next_least))?;
        let below = lhs.levels.max(rhs.levels);
        let op_span = Span::new(op_token.start, op_token.end);
        let joined = binary(after.features(), op, op_span, modifiers, lhs.expr, rhs.expr)?;
        lhs = Levelled::above(joined, below)?;
        rest = after;
    }
}

/// An operand, with signs before it.
fn unary(tokens: Tokens<'_>) -> Parsed<'_, Levelled> {
    let sign = tokens.peek()?;
    let minus = match sign.kind {
        TokenKind::Operator(BinaryOp::Sub) => true,
        TokenKind::Operator(BinaryOp::Add) => false,
        _ => return operand(tokens),
    };
    let (rest, inner) = tokens.advance().nested(|tokens| operators(tokens, UNARY + 1))?;
    let span = Span::new(sign.start, inner.expr.span().end);
    if let Expr::Number(mut number) = inner.expr {
        if minus {
            number.value = -number.value;
        }
        number.span = span;
        return Ok((
            rest,
            Levelled {
                expr: Expr::Number(number),
                levels: inner.levels,
            },
        ));
    }
    let levels = inner.levels;
    let expr = Expr::Unary(Box::new(Unary {
        minus,
        expr: inner.expr,
        span,
    }));
    Ok((rest, Levelled::above(expr, levels)?))
}

/// A primary expression with the modifiers behind it.
fn operand(tokens: Tokens<'_>) -> Parsed<'_, Levelled> {
    let (rest, primary) = primary(tokens)?;
    postfix(rest, primary)
}

fn primary(tokens: Tokens<'_>) -> Parsed<'_, Levelled> {
    let first = tokens.peek()?;
    let leaf = |expr| Levelled { expr, levels: 1 };
    match first.kind {
        TokenKind::Number | TokenKind::Duration => {
            let number = number_literal(&tokens, first)?;
            Ok((tokens.advance(), leaf(Expr::Number(number))))
        }
        TokenKind::String => {
            let string = string_literal(&tokens, first);
            Ok((tokens.advance(), leaf(Expr::String(string))))
        }
        TokenKind::LeftParen => paren(tokens),
        TokenKind::Identifier | TokenKind::Bound(Bound::Start | Bound::End | Bound::Step | Bound::Range) => {
            if tokens.advance().kind()? == TokenKind::LeftParen {
                call(tokens)
            } else {
                selector(tokens)
            }
        }
        TokenKind::Aggregator(op) => match tokens.advance().kind()? {
            TokenKind::LeftParen | TokenKind::Keyword(Keyword::By | Keyword::Without) => {
                aggregate(tokens, op)
            }
            _ => selector(tokens),
        },
        TokenKind::LeftBrace => selector(tokens),
        kind if kind.is_metric_name() => selector(tokens),
        _ => Err(tokens.unexpected_here()),
    }
}

fn selector(tokens: Tokens<'_>) -> Parsed<'_, Levelled> {
    let (rest, selector) = vector_selector(tokens)?;
    Ok((
        rest,
        Levelled {
            expr: Expr::Vector(selector),
            levels: 1,
        },
    ))
}

fn paren(tokens: Tokens<'_>) -> Parsed<'_, Levelled> {
    let start = tokens.peek()?.start;
    let (rest, inner) = tokens.advance().nested(expr)?;
    let (rest, _) = token(TokenKind::RightParen)(rest)?;
    let levels = inner.levels;
    let expr = Expr::Paren(Box::new(Paren {
        expr: inner.expr,
        span: Span::new(start, rest.last_end()),
    }));
    Ok((rest, Levelled::above(expr, levels)?))
}
