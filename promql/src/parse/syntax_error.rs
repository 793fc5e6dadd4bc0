//! The first thing that is wrong with a text, before its place is turned into line and column.

use crate::error::ParseError;
use crate::span::Span;

/// What is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SyntaxError {
    pub(crate) span: Span,
    pub(crate) message: String,
    /// Whether the message is shown without a position.
    pub(crate) bare: bool,
}

impl SyntaxError {
    pub(crate) fn new(span: Span, message: impl Into<String>) -> Self {
        Self {
            span,
            message: message.into(),
            bare: false,
        }
    }

    /// The error as users see it.
    pub(crate) fn in_text(self, text: &str) -> ParseError {
        let position = if self.bare {
            String::new()
        } else if text.is_empty() {
            "unknown position".to_owned()
        } else {
            let (line, column) = self.span.line_column(text);
            format!("{line}:{column}")
        };
        ParseError {
            position,
            message: self.message,
            span: self.span,
        }
    }
}
