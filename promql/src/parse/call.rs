//! Function calls.

use narthex_model::labels::quoted;

use super::expr::Levelled;
use super::token::Token;
use super::tokens::{Parsed, Tokens, failure};
use crate::ast::{Call, Expr};
use crate::functions::signature;
use crate::span::Span;

/// A call whose arguments are being read.
pub(crate) struct OpenCall {
    pub(crate) name: Token,
    pub(crate) args: Vec<Levelled>,
}

/// The call, of which everything has been read.
pub(crate) fn call(tokens: Tokens<'_>, open: OpenCall) -> Parsed<'_, Levelled> {
    let name = tokens.value(open.name);
    let name_span = Span::new(open.name.start, open.name.end);
    let Some(signature) = signature(name) else {
        let message = format!("unknown function with name {}", quoted(name));
        return Err(failure(name_span, message));
    };
    if signature.experimental && !tokens.features().experimental_functions {
        let message = format!("function {} is not enabled", quoted(name));
        return Err(failure(name_span, message));
    }
    let below = open.args.iter().map(|a| a.levels).max().unwrap_or(0);
    let expr = Expr::Call(Call {
        function: name.to_owned(),
        args: open.args.into_iter().map(|a| a.expr).collect(),
        return_type: signature.returns,
        span: Span::new(open.name.start, tokens.last_end()),
    });
    Ok((tokens, Levelled::above(expr, below)?))
}
