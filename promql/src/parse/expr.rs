//! Expressions: operators by precedence, parentheses, calls, aggregations.
//!
//! What has been opened and waits for an expression lies on a stack of its own, not on the thread's: so nesting costs
//! little, and too much of it is an error like any other.

use super::aggregate::{OpenAggregate, aggregate, modifier};
use super::binary::{OpenBinary, binary, modifiers};
use super::call::{OpenCall, call};
use super::grouping::grouping_labels;
use super::literal::{number_literal, string_literal};
use super::postfix::postfix;
use super::selector::vector_selector;
use super::syntax_error::SyntaxError;
use super::token::{Keyword, Token, TokenKind};
use super::tokens::{Complaint, Parsed, Tokens, failure, token, too_deep};
use crate::ast::{BinaryOp, Expr, Paren, Unary};
use crate::limits::DEPTH_MAX;
use crate::span::Span;

/// An expression with the number of its levels.
pub(crate) struct Levelled {
    pub(crate) expr: Expr,
    pub(crate) levels: usize,
    /// Of a chain of operators: the levels of its deepest part. Else as `levels`.
    pub(crate) deepest: usize,
}

impl Levelled {
    /// An expression without others in it.
    pub(crate) const fn leaf(expr: Expr) -> Self {
        Self {
            expr,
            levels: 1,
            deepest: 1,
        }
    }

    /// An expression one level above others that have up to `below` levels.
    pub(crate) fn above(expr: Expr, below: usize) -> Result<Self, nom::Err<SyntaxError>> {
        if below >= DEPTH_MAX {
            return Err(too_deep(expr.span()));
        }
        Ok(Self {
            expr,
            levels: below + 1,
            deepest: below + 1,
        })
    }
}

/// What has been opened and waits for an expression.
enum Open {
    Sign { minus: bool, start: usize },
    Binary(Box<OpenBinary>),
    Paren { start: usize },
    Call(OpenCall),
    Aggregate(Box<OpenAggregate>),
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
    let mut stack = Stack { open: Vec::new() };
    let mut rest = tokens;
    loop {
        let operand;
        (rest, operand) = stack.operand(rest)?;
        // Without an operand something was opened that wants one.
        let Some(mut value) = operand else { continue };
        loop {
            (rest, value) = postfix(rest, value)?;
            let next = rest.peek()?;
            if let TokenKind::Operator(op) = next.kind {
                rest = stack.operator(rest, op, value)?;
                break;
            }
            value = stack.reduce(&rest, value, 0)?;
            match stack.close(rest, value)? {
                (after, Closed::Value(closed)) => (rest, value) = (after, closed),
                (after, Closed::WantsMore) => {
                    rest = after;
                    break;
                }
                (after, Closed::Everything(whole)) => return Ok((after, whole)),
            }
        }
    }
}

/// What is left when something that was open got its expression.
enum Closed {
    /// It is an expression now.
    Value(Levelled),
    /// It wants another one.
    WantsMore,
    /// Nothing was open: this is the whole.
    Everything(Levelled),
}

struct Stack {
    open: Vec<Open>,
}

impl Stack {
    fn push(&mut self, open: Open, at: Token) -> Result<(), nom::Err<SyntaxError>> {
        if self.open.len() >= DEPTH_MAX {
            return Err(too_deep(Span::new(at.start, at.end)));
        }
        self.open.push(open);
        Ok(())
    }

    /// Reads an operand, or opens what stands before it.
    fn operand<'a>(&mut self, tokens: Tokens<'a>) -> Parsed<'a, Option<Levelled>> {
        let first = tokens.peek()?;
        let start = first.start;
        match first.kind {
            TokenKind::Number | TokenKind::Duration => {
                let number = number_literal(&tokens, first)?;
                Ok((tokens.advance(), Some(Levelled::leaf(Expr::Number(number)))))
            }
            TokenKind::String => {
                let string = string_literal(&tokens, first);
                Ok((tokens.advance(), Some(Levelled::leaf(Expr::String(string)))))
            }
            TokenKind::Operator(op @ (BinaryOp::Add | BinaryOp::Sub)) => {
                let minus = op == BinaryOp::Sub;
                self.push(Open::Sign { minus, start }, first)?;
                Ok((tokens.advance(), None))
            }
            TokenKind::LeftParen => {
                self.push(Open::Paren { start }, first)?;
                Ok((tokens.advance(), None))
            }
            TokenKind::Identifier | TokenKind::Bound(_)
                if tokens.advance().kind()? == TokenKind::LeftParen =>
            {
                let open = OpenCall {
                    name: first,
                    args: Vec::new(),
                };
                self.arguments(tokens.advance(), Open::Call(open))
            }
            TokenKind::Aggregator(op) => match tokens.advance().kind()? {
                TokenKind::LeftParen | TokenKind::Keyword(Keyword::By | Keyword::Without) => {
                    let (rest, open) = OpenAggregate::begin(tokens, op)?;
                    self.arguments(rest, Open::Aggregate(Box::new(open)))
                }
                _ => selector(tokens),
            },
            kind if kind.is_metric_name() || kind == TokenKind::LeftBrace => selector(tokens),
            _ => Err(tokens.unexpected_here()),
        }
    }

    /// Opens the arguments of a call or aggregation; there may be none.
    fn arguments<'a>(&mut self, tokens: Tokens<'a>, open: Open) -> Parsed<'a, Option<Levelled>> {
        let (rest, paren) = token(TokenKind::LeftParen)(tokens)?;
        if rest.kind()? != TokenKind::RightParen {
            self.push(open, paren)?;
            return Ok((rest, None));
        }
        let (rest, value) = match open {
            Open::Call(open) => call(rest.advance(), open)?,
            Open::Aggregate(open) => end_aggregate(rest.advance(), *open)?,
            Open::Sign { .. } | Open::Binary(_) | Open::Paren { .. } => return Err(rest.unexpected_here()),
        };
        Ok((rest, Some(value)))
    }

    /// Opens a binary operation, after all that binds tighter on its left.
    fn operator<'a>(
        &mut self,
        tokens: Tokens<'a>,
        op: BinaryOp,
        value: Levelled,
    ) -> Result<Tokens<'a>, nom::Err<SyntaxError>> {
        let at = tokens.peek()?;
        let (binds, from_right) = precedence(op);
        let lhs = self.reduce(&tokens, value, if from_right { binds + 1 } else { binds })?;
        let (rest, modifiers) = modifiers(tokens.advance())?;
        let open = OpenBinary {
            lhs,
            op,
            op_span: Span::new(at.start, at.end),
            modifiers,
        };
        self.push(Open::Binary(Box::new(open)), at)?;
        Ok(rest)
    }

    /// Gives `value` to the operators on top of the stack that bind at least as tightly as `least`.
    fn reduce(
        &mut self,
        tokens: &Tokens<'_>,
        mut value: Levelled,
        least: u8,
    ) -> Result<Levelled, nom::Err<SyntaxError>> {
        loop {
            let binds = match self.open.last() {
                Some(Open::Sign { .. }) => UNARY,
                Some(Open::Binary(open)) => precedence(open.op).0,
                _ => return Ok(value),
            };
            if binds < least {
                return Ok(value);
            }
            value = match self.open.pop() {
                Some(Open::Sign { minus, start }) => signed(minus, start, value)?,
                Some(Open::Binary(open)) => binary(tokens.features(), *open, value)?,
                _ => return Ok(value),
            };
        }
    }

    /// Gives `value`, behind which no operator stands, to what is open.
    fn close<'a>(&mut self, tokens: Tokens<'a>, value: Levelled) -> Parsed<'a, Closed> {
        let next = tokens.peek()?;
        let Some(open) = self.open.last_mut() else {
            return Ok((tokens, Closed::Everything(value)));
        };
        let args = match open {
            Open::Call(open) => Some(&mut open.args),
            Open::Aggregate(open) => Some(&mut open.args),
            Open::Sign { .. } | Open::Binary(_) | Open::Paren { .. } => None,
        };
        if next.kind == TokenKind::Comma
            && let Some(args) = args
        {
            args.push(value);
            let rest = tokens.advance();
            if !rest.kind()?.begins_expression() {
                let message = "trailing commas not allowed in function call args";
                return Err(failure(Span::new(next.start, next.end), message));
            }
            return Ok((rest, Closed::WantsMore));
        }
        let (rest, _) = token(TokenKind::RightParen)(tokens)?;
        let (rest, value) = match self.open.pop() {
            Some(Open::Call(mut open)) => {
                open.args.push(value);
                call(rest, open)?
            }
            Some(Open::Aggregate(mut open)) => {
                open.args.push(value);
                end_aggregate(rest, *open)?
            }
            Some(Open::Paren { start }) => {
                let levels = value.levels;
                let expr = Expr::Paren(Box::new(Paren {
                    expr: value.expr,
                    span: Span::new(start, rest.last_end()),
                }));
                (rest, Levelled::above(expr, levels)?)
            }
            _ => (rest, value),
        };
        Ok((rest, Closed::Value(value)))
    }
}

/// An operand with its sign: a number swallows it.
fn signed(minus: bool, start: usize, value: Levelled) -> Result<Levelled, nom::Err<SyntaxError>> {
    let span = Span::new(start, value.expr.span().end);
    let levels = value.levels;
    match value.expr {
        Expr::Number(mut number) => {
            if minus {
                number.value = -number.value;
            }
            number.span = span;
            Ok(Levelled {
                expr: Expr::Number(number),
                levels,
                deepest: levels,
            })
        }
        expr => {
            let expr = Expr::Unary(Box::new(Unary { minus, expr, span }));
            Levelled::above(expr, levels)
        }
    }
}

fn selector(tokens: Tokens<'_>) -> Parsed<'_, Option<Levelled>> {
    let (rest, selector) = vector_selector(tokens)?;
    Ok((rest, Some(Levelled::leaf(Expr::Vector(selector)))))
}

/// An aggregation behind its closing parenthesis, where its labels may stand.
fn end_aggregate(tokens: Tokens<'_>, mut open: OpenAggregate) -> Parsed<'_, Levelled> {
    let mut rest = tokens;
    if open.grouping.is_none()
        && let Some(without) = modifier(rest.kind()?)
    {
        let labels;
        (rest, labels) = rest.advance().within(Complaint::Aggregation, grouping_labels)?;
        open.grouping = Some((labels, without));
    }
    aggregate(rest, open)
}
