//! The two things that a text can be: an expression, or a selector alone.

use narthex_model::Matcher;

use super::expr::expr;
use super::selector::vector_selector;
use super::syntax_error::SyntaxError;
use super::token::TokenKind;
use super::tokens::{Tokens, failure};
use crate::ast::Expr;
use crate::features::Features;
use crate::span::Span;

/// Reads a whole text as an expression, without looking at types.
pub(crate) fn expression(text: &str, features: &Features) -> Result<Expr, SyntaxError> {
    whole(text, features, |tokens| {
        if tokens.kind()? == TokenKind::End {
            return Err(failure(Span::default(), "no expression found in input"));
        }
        expr(tokens).map(|(rest, parsed)| (rest, parsed.expr))
    })
}

/// Reads a whole text as a selector.
pub(crate) fn selector(text: &str) -> Result<Vec<Matcher>, SyntaxError> {
    let features = Features::default();
    whole(text, &features, |tokens| {
        let kind = tokens.kind()?;
        if !kind.is_metric_name() && kind != TokenKind::LeftBrace {
            return Err(tokens.unexpected_here());
        }
        vector_selector(tokens).map(|(rest, selector)| (rest, selector.matchers))
    })
}

fn whole<'a, T>(
    text: &'a str,
    features: &'a Features,
    rule: impl FnOnce(Tokens<'a>) -> super::tokens::Parsed<'a, T>,
) -> Result<T, SyntaxError> {
    let parsed = rule(Tokens::new(text, features)).and_then(|(rest, value)| match rest.kind()? {
        TokenKind::End => Ok(value),
        _ => Err(rest.unexpected_here()),
    });
    parsed.map_err(|error| match error {
        nom::Err::Error(error) | nom::Err::Failure(error) => error,
        nom::Err::Incomplete(_) => SyntaxError::new(Span::default(), "unexpected end of input"),
    })
}
