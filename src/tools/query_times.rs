//! Times and steps of a query's flags.

use crate::clock::Clock;
use crate::http::parse_time;

/// How far from now an open end lies: about a year and two months.
const FAR_MS: i64 = 9_999 * 3_600_000;

/// A time in Unix milliseconds, or `default` where nothing is given.
///
/// # Errors
/// When it is no time; `what` says which.
pub(super) fn time(text: &str, what: &str, default: i64) -> Result<i64, String> {
    if text.is_empty() {
        return Ok(default);
    }
    parse_time(text).map_err(|fault| format!("error parsing {what} time: {fault}"))
}

/// Now, in Unix milliseconds.
pub(super) fn now() -> i64 {
    Clock::system().now_ms()
}

/// First and last time of a listing.
///
/// # Errors
/// When one is no time.
pub(super) fn wide(start: &str, end: &str) -> Result<(i64, i64), String> {
    let now = now();
    Ok((
        time(start, "start", now - FAR_MS)?,
        time(end, "end", now + FAR_MS)?,
    ))
}

/// The step of a range in milliseconds: what is given, or so that there are about 250 points.
///
/// # Errors
/// When it is no duration.
pub(super) fn step(text: &str, start: i64, end: i64) -> Result<i64, String> {
    if text.is_empty() {
        return Ok((end.saturating_sub(start) / 250_000 * 1_000).max(1_000));
    }
    let parsed = narthex_model::Duration::parse(text).map_err(|fault| fault.to_string());
    match parsed.map(narthex_model::Duration::as_millis) {
        Ok(0) => step("", start, end),
        other => other,
    }
}

/// A time as the API takes it.
pub(super) fn seconds(ms: i64) -> String {
    let (sign, ms) = (if ms < 0 { "-" } else { "" }, ms.unsigned_abs());
    format!("{sign}{}.{:03}", ms / 1_000, ms % 1_000)
}
