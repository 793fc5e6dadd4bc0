//! Lists of labels in parentheses: behind `by`, `without`, `on`, `ignoring`, `group_left`, `group_right`.

use narthex_model::labels::quoted;

use super::literal::string_literal;
use super::token::TokenKind;
use super::tokens::{Complaint, Parsed, Tokens, failure};
use crate::span::Span;

/// `(a, b)`; a comma at the end does no harm.
pub(crate) fn grouping_labels(tokens: Tokens<'_>) -> Parsed<'_, Vec<String>> {
    if tokens.kind()? != TokenKind::LeftParen {
        return Err(tokens.unexpected(Complaint::GroupingStart));
    }
    let mut labels = Vec::new();
    let mut rest = tokens.advance();
    loop {
        if rest.kind()? == TokenKind::RightParen {
            return Ok((rest.advance(), labels));
        }
        let (after, label) = grouping_label(rest)?;
        labels.push(label);
        rest = match after.kind()? {
            TokenKind::Comma => after.advance(),
            TokenKind::RightParen => return Ok((after.advance(), labels)),
            _ => return Err(after.unexpected(Complaint::GroupingEnd)),
        };
    }
}

fn grouping_label(tokens: Tokens<'_>) -> Parsed<'_, String> {
    let next = tokens.peek()?;
    let label = match next.kind {
        TokenKind::String => string_literal(&tokens, next).value,
        kind if kind.is_grouping_label() => tokens.value(next).to_owned(),
        _ => return Err(tokens.unexpected(Complaint::GroupingLabel)),
    };
    if label.is_empty() {
        let message = format!("invalid label name for grouping: {}", quoted(&label));
        return Err(failure(Span::new(next.start, next.end), message));
    }
    Ok((tokens.advance(), label))
}
