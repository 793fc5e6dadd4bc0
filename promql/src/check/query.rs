//! Text -> checked expression, text -> checked selector.

use narthex_model::Matcher;

use super::types::Checker;
use crate::ast::Expr;
use crate::error::ParseError;
use crate::features::Features;
use crate::parse::{expression, selector};

/// Reads `text` as a query and checks its types.
///
/// # Errors
/// The first thing that is wrong, in Prometheus's words and with its position.
pub fn parse(text: &str, features: &Features) -> Result<Expr, ParseError> {
    expression(text, features)
        .and_then(|mut expr| {
            Checker::new(text).check(&mut expr)?;
            Ok(expr)
        })
        .map_err(|error| error.in_text(text))
}

/// Reads `text` as a selector without range and modifiers, as in `match[]`. Whether one matcher at least does not match
/// the empty text is for the caller to say.
///
/// # Errors
/// The first thing that is wrong, in Prometheus's words and with its position.
pub fn parse_selector(text: &str) -> Result<Vec<Matcher>, ParseError> {
    selector(text).map_err(|error| error.in_text(text))
}
