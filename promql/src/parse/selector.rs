//! Vector selectors: a name, matchers in braces, or both.

use narthex_model::{METRIC_NAME, MatchOp, Matcher, Pattern};

use super::literal::string_literal;
use super::token::{Token, TokenKind};
use super::tokens::{Complaint, Parsed, Tokens, failure};
use crate::ast::{BinaryOp, VectorSelector};
use crate::span::Span;

/// A selector; the next token is a name or an opening brace.
pub(crate) fn vector_selector(tokens: Tokens<'_>) -> Parsed<'_, VectorSelector> {
    let first = tokens.peek()?;
    let (name, rest) = if first.kind == TokenKind::LeftBrace {
        (String::new(), tokens)
    } else {
        (tokens.value(first).to_owned(), tokens.advance())
    };
    let (rest, mut matchers) = match rest.kind()? {
        TokenKind::LeftBrace => matchers(rest.advance())?,
        _ => (rest, Vec::new()),
    };
    if !name.is_empty() {
        matchers.push(Matcher::equal(METRIC_NAME, name.as_str()));
    }
    let selector = VectorSelector {
        name,
        matchers,
        span: Span::new(first.start, rest.last_end()),
        ..VectorSelector::default()
    };
    Ok((rest, selector))
}

/// The matchers behind an opening brace, and the closing one.
fn matchers(tokens: Tokens<'_>) -> Parsed<'_, Vec<Matcher>> {
    let mut found = Vec::new();
    let mut rest = tokens;
    loop {
        match rest.kind()? {
            TokenKind::RightBrace => return Ok((rest.advance(), found)),
            TokenKind::Identifier | TokenKind::String => {}
            _ => return Err(rest.unexpected(Complaint::Matcher)),
        }
        let (after, matcher) = matcher(rest)?;
        found.push(matcher);
        rest = match after.kind()? {
            TokenKind::Comma => after.advance(),
            TokenKind::RightBrace => after,
            _ => return Err(after.unexpected(Complaint::MatcherEnd)),
        };
    }
}

/// `name="value"`, or a metric's name in quotes.
fn matcher(tokens: Tokens<'_>) -> Parsed<'_, Matcher> {
    let name_token = tokens.peek()?;
    let is_quoted = name_token.kind == TokenKind::String;
    let name = if is_quoted {
        string_literal(&tokens, name_token).value
    } else {
        tokens.value(name_token).to_owned()
    };
    let rest = tokens.advance();
    let op = match rest.kind()? {
        TokenKind::Assign => MatchOp::Equal,
        TokenKind::Operator(BinaryOp::Ne) => MatchOp::NotEqual,
        TokenKind::RegexEqual => MatchOp::Regex,
        TokenKind::RegexNotEqual => MatchOp::NotRegex,
        _ if is_quoted => return Ok((rest, Matcher::equal(METRIC_NAME, name))),
        _ => return Err(rest.unexpected(Complaint::MatcherOperator)),
    };
    let rest = rest.advance();
    let value_token: Token = rest.peek()?;
    if value_token.kind != TokenKind::String {
        return Err(rest.unexpected(Complaint::MatcherString));
    }
    let value = string_literal(&rest, value_token).value;
    let span = Span::new(name_token.start, value_token.end);
    let matcher = Matcher::new(op, name, value).map_err(|error| failure(span, error.to_string()))?;
    let rest = if matcher.pattern().is_some_and(Pattern::needs_engine) {
        rest.count_regex(span)?
    } else {
        rest
    };
    Ok((rest.advance(), matcher))
}
