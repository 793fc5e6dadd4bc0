//! Arithmetic over durations: `[5m + step()]`.

use super::node::QueryTimes;
use crate::ast::{BinaryOp, DurationExpr};
use crate::error::QueryError;

/// The value in whole milliseconds, rounded toward zero.
///
/// # Errors
/// Division by zero, and results that no duration can hold.
pub(super) fn milliseconds(expr: &DurationExpr, times: &QueryTimes) -> Result<i64, QueryError> {
    let milliseconds = seconds(expr, times)? * 1_000.0;
    // Go's time.Duration: nanoseconds in an i64.
    if milliseconds.is_nan() || milliseconds.abs() >= i64::MAX as f64 / 1e6 {
        return Err(refused(expr, "duration is out of range"));
    }
    Ok(milliseconds as i64)
}

/// The value in milliseconds of a duration that has to be longer than nothing.
///
/// # Errors
/// As [`milliseconds`], and when it is not above 0.
pub(super) fn positive_milliseconds(expr: &DurationExpr, times: &QueryTimes) -> Result<i64, QueryError> {
    let ms = milliseconds(expr, times)?;
    if ms <= 0 {
        return Err(refused(expr, "duration must be greater than 0"));
    }
    Ok(ms)
}

/// Whether the value depends on how long the whole query is.
pub(super) fn names_range(expr: &DurationExpr) -> bool {
    match expr {
        DurationExpr::Range { .. } => true,
        DurationExpr::Number(_) | DurationExpr::Step { .. } => false,
        DurationExpr::Unary { expr, .. } => names_range(expr),
        DurationExpr::MinMax { lhs, rhs, .. } | DurationExpr::Binary { lhs, rhs, .. } => {
            names_range(lhs) || names_range(rhs)
        }
    }
}

/// The error with the place of the expression, in bytes from the query's begin, as Prometheus has it here.
fn refused(expr: &DurationExpr, reason: &str) -> QueryError {
    let span = expr.span();
    QueryError::BadRequest(format!("{}:{}: {reason}", span.start, span.end))
}

fn seconds(expr: &DurationExpr, times: &QueryTimes) -> Result<f64, QueryError> {
    Ok(match expr {
        DurationExpr::Number(number) => number.value,
        DurationExpr::Step { .. } => times.step as f64 / 1_000.0,
        DurationExpr::Range { .. } => times.end.saturating_sub(times.start) as f64 / 1_000.0,
        DurationExpr::Unary { minus, expr, .. } => {
            let value = seconds(expr, times)?;
            if *minus { -value } else { value }
        }
        DurationExpr::MinMax { max, lhs, rhs, .. } => {
            let (a, b) = (seconds(lhs, times)?, seconds(rhs, times)?);
            if *max { a.max(b) } else { a.min(b) }
        }
        DurationExpr::Binary { op, lhs, rhs, .. } => {
            let (a, b) = (seconds(lhs, times)?, seconds(rhs, times)?);
            match op {
                BinaryOp::Div if b == 0.0 => {
                    return Err(QueryError::BadRequest("division by zero".to_owned()));
                }
                BinaryOp::Mod if b == 0.0 => return Err(QueryError::BadRequest("modulo by zero".to_owned())),
                op => super::float_operation(*op, a, b).ok_or_else(|| {
                    QueryError::Execution("unexpected duration expression operator".to_owned())
                })?,
            }
        }
    })
}
