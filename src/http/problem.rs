//! What can be wrong with a request, and the one table from there to status and `errorType`.

use hyper::StatusCode;
use narthex_model::{Annotations, SourceError};
use narthex_promql::QueryError;

use super::body::{Reply, reply_json};
use super::encode::envelope;
use crate::query::Fault;

/// Kinds of error, as clients tell them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    BadData,
    Execution,
    Canceled,
    Timeout,
    Internal,
    Unavailable,
}

impl Kind {
    /// Status and `errorType`. Source: Prometheus `web/api/v1/api.go`; 499 is its own, and "unavailable" has no case
    /// there and so is 500.
    fn row(self) -> (u16, &'static str) {
        match self {
            Self::BadData => (400, "bad_data"),
            Self::Execution => (422, "execution"),
            Self::Canceled => (499, "canceled"),
            Self::Timeout => (503, "timeout"),
            Self::Internal => (500, "internal"),
            Self::Unavailable => (500, "unavailable"),
        }
    }
}

/// A request that is answered with an error.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) kind: Kind,
    pub(crate) text: String,
}

impl Problem {
    /// The request is wrong.
    pub(crate) fn bad_data(text: impl Into<String>) -> Self {
        Self {
            kind: Kind::BadData,
            text: text.into(),
        }
    }

    /// One parameter is wrong.
    pub(crate) fn invalid(parameter: &str, reason: impl std::fmt::Display) -> Self {
        Self::bad_data(format!("invalid parameter \"{parameter}\": {reason}"))
    }

    /// The server cannot do this, as it is set up.
    pub(crate) fn unavailable(text: impl Into<String>) -> Self {
        Self {
            kind: Kind::Unavailable,
            text: text.into(),
        }
    }

    /// The server failed.
    pub(crate) fn internal(text: impl Into<String>) -> Self {
        Self {
            kind: Kind::Internal,
            text: text.into(),
        }
    }

    /// The error as an answer.
    pub(crate) fn into_reply(self) -> Reply {
        let (status, name) = self.kind.row();
        let body = envelope::error(name, &self.text, &Annotations::default());
        reply_json(
            StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            body,
        )
    }
}

impl From<QueryError> for Problem {
    fn from(error: QueryError) -> Self {
        let text = error.to_string();
        let kind = match error {
            QueryError::Parse(_) | QueryError::BadRequest(_) => return Self::invalid("query", text),
            QueryError::Execution(_) | QueryError::TooManySamples(_) | QueryError::TooManyBytes(_) => {
                Kind::Execution
            }
            QueryError::Timeout(_) => Kind::Timeout,
            QueryError::Canceled(_) => Kind::Canceled,
            QueryError::Source(_) => Kind::Internal,
        };
        Self { kind, text }
    }
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Query(error) => error.into(),
            Fault::QueueTimeout => Self::invalid("query", fault),
            Fault::ReadTimeout(_) => Self {
                kind: Kind::Timeout,
                text: fault.to_string(),
            },
            Fault::Broken(_) => Self {
                kind: Kind::Execution,
                text: fault.to_string(),
            },
        }
    }
}

impl From<SourceError> for Problem {
    /// Reads of names and series: Prometheus answers them with `execution`.
    fn from(error: SourceError) -> Self {
        Self {
            kind: Kind::Execution,
            text: error.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use narthex_model::SourceErrorKind;
    use narthex_promql::{ParseError, Span};

    use super::*;

    #[test]
    fn statuses_and_types() {
        let parse = ParseError {
            position: "1:5".into(),
            message: "no".into(),
            span: Span::default(),
        };
        let source = SourceError {
            kind: SourceErrorKind::Io,
            message: "disk".into(),
        };
        let table: [(Problem, u16, &str, &str); 9] = [
            (
                QueryError::from(parse).into(),
                400,
                "bad_data",
                "invalid parameter \"query\": 1:5: parse error: no",
            ),
            (QueryError::Execution("x".into()).into(), 422, "execution", "x"),
            (
                QueryError::TooManySamples("query execution").into(),
                422,
                "execution",
                "query processing would load too many samples into memory in query execution",
            ),
            (
                QueryError::Timeout("expression evaluation").into(),
                503,
                "timeout",
                "query timed out in expression evaluation",
            ),
            (
                QueryError::Canceled("expression evaluation").into(),
                499,
                "canceled",
                "query was canceled in expression evaluation",
            ),
            (QueryError::Source(source).into(), 500, "internal", "disk"),
            (
                Fault::QueueTimeout.into(),
                400,
                "bad_data",
                "invalid parameter \"query\": context deadline exceeded",
            ),
            (
                Fault::Broken("x".into()).into(),
                422,
                "execution",
                "unexpected error: x",
            ),
            (
                Problem::unavailable("admin APIs disabled"),
                500,
                "unavailable",
                "admin APIs disabled",
            ),
        ];
        for (problem, status, name, text) in table {
            assert_eq!(
                (problem.kind.row(), problem.text.as_str()),
                ((status, name), text)
            );
        }
    }
}
