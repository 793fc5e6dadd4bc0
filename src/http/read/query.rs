//! A query of remote read as a selection of the store.

use narthex_model::{Labels, MatchOp, Matcher, TimeRange};

use super::message::Query;

/// Matchers and times.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) matchers: Vec<Matcher>,
    pub(super) range: TimeRange,
}

/// The selection that `query` means. A matcher for one of the server's own labels and its value asks for series that
/// do not have that label: it is added to what they answer.
pub(super) fn wanted(query: &Query, external: &Labels) -> Result<Wanted, String> {
    let mut matchers = Vec::with_capacity(query.matchers.len());
    for matcher in &query.matchers {
        let op = match matcher.kind {
            0 => MatchOp::Equal,
            1 => MatchOp::NotEqual,
            2 => MatchOp::Regex,
            3 => MatchOp::NotRegex,
            _ => return Err("invalid matcher type".into()),
        };
        let ours = op == MatchOp::Equal && external.get(&matcher.name) == Some(matcher.value.as_str());
        let value = if ours { "" } else { matcher.value.as_str() };
        matchers.push(Matcher::new(op, matcher.name.as_str(), value).map_err(|e| e.to_string())?);
    }
    Ok(Wanted {
        matchers,
        range: TimeRange {
            min: query.start,
            max: query.end,
        },
    })
}
