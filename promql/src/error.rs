//! What can be wrong with a query, in Prometheus's words.

use std::fmt;

use narthex_model::SourceError;
use thiserror::Error;

use crate::span::Span;

/// A text that is no valid query. It reads `line:column: parse error: message`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    /// `line:column`, or `unknown position` for an empty text, or empty where the message stands alone.
    pub position: String,
    /// What is wrong.
    pub message: String,
    /// Where it is wrong.
    pub span: Span,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.position.is_empty() {
            write!(f, "{}: parse error: ", self.position)?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for ParseError {}

/// A query that could not be answered.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum QueryError {
    /// The text is no valid query (HTTP: bad_data).
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// The query asks for what it may not ask (HTTP: bad_data).
    #[error("{0}")]
    BadRequest(String),
    /// Evaluation failed (HTTP: execution).
    #[error("{0}")]
    Execution(String),
    /// The deadline passed (HTTP: timeout). The text names the phase: `query timed out in expression evaluation`.
    #[error("query timed out in {0}")]
    Timeout(&'static str),
    /// The client went away (HTTP: canceled).
    #[error("query was canceled in {0}")]
    Canceled(&'static str),
    /// `--query.max-samples` would be passed (HTTP: execution).
    #[error("query processing would load too many samples into memory in {0}")]
    TooManySamples(&'static str),
    /// More memory would be taken than `--query.max-bytes` allows (HTTP: execution); the limit in bytes.
    #[error(
        "query processing would take more than {0} bytes of memory in query execution: ask for fewer series or steps, or raise --query.max-bytes"
    )]
    TooManyBytes(usize),
    /// The store failed (HTTP: internal).
    #[error(transparent)]
    Source(#[from] SourceError),
}
