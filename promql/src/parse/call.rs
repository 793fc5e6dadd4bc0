//! Function calls.

use super::expr::{Levelled, expr};
use super::token::{TokenKind, quoted};
use super::tokens::{Parsed, Tokens, failure, token};
use crate::ast::{Call, Expr};
use crate::functions::signature;
use crate::span::Span;

/// A call; the next token is the function's name, and behind it stands a parenthesis.
pub(crate) fn call(tokens: Tokens<'_>) -> Parsed<'_, Levelled> {
    let name_token = tokens.peek()?;
    let name = tokens.value(name_token);
    let (rest, args) = arguments(tokens.advance())?;
    let name_span = Span::new(name_token.start, name_token.end);
    let Some(signature) = signature(name) else {
        let message = format!("unknown function with name {}", quoted(name));
        return Err(failure(name_span, message));
    };
    if signature.experimental && !rest.features().experimental_functions {
        let message = format!("function {} is not enabled", quoted(name));
        return Err(failure(name_span, message));
    }
    let below = args.iter().map(|a| a.levels).max().unwrap_or(0);
    let expr = Expr::Call(Call {
        function: name.to_owned(),
        args: args.into_iter().map(|a| a.expr).collect(),
        return_type: signature.returns,
        span: Span::new(name_token.start, rest.last_end()),
    });
    Ok((rest, Levelled::above(expr, below)?))
}

/// `(a, b)`; a comma at the end is an error.
pub(crate) fn arguments(tokens: Tokens<'_>) -> Parsed<'_, Vec<Levelled>> {
    let (mut rest, _) = token(TokenKind::LeftParen)(tokens)?;
    let mut args = Vec::new();
    if rest.kind()? == TokenKind::RightParen {
        return Ok((rest.advance(), args));
    }
    loop {
        let (after, arg) = rest.nested(expr)?;
        args.push(arg);
        if after.kind()? != TokenKind::Comma {
            let (rest, _) = token(TokenKind::RightParen)(after)?;
            return Ok((rest, args));
        }
        let comma = after.peek()?;
        rest = after.advance();
        if !rest.kind()?.begins_expression() {
            let span = Span::new(comma.start, comma.end);
            return Err(failure(span, "trailing commas not allowed in function call args"));
        }
    }
}
