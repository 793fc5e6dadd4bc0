//! Text -> syntax tree: a nom parser with Prometheus's grammar, positions and error texts.
//!
//! `scan` reads characters, `lexer` makes tokens of them, `tokens` is the input of the grammar, whose rules are nom
//! parsers over it. The first thing that is wrong ends the parse, so the order in which rules look at tokens is part
//! of the grammar: it decides which of several errors is the first.

mod aggregate;
mod binary;
mod call;
mod duration;
mod expr;
mod grouping;
mod lexer;
mod literal;
mod postfix;
mod query;
mod scan;
mod selector;
mod syntax_error;
mod token;
mod tokens;

pub(crate) use query::{expression, selector};
pub(crate) use syntax_error::SyntaxError;
