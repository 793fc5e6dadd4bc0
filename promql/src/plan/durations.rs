//! Arithmetic over durations: `[5m + step()]`.

use super::node::QueryTimes;
use crate::ast::{BinaryOp, DurationExpr};
use crate::error::QueryError;

/// The value in milliseconds, truncated as Prometheus does.
///
/// # Errors
/// Division by zero, and results that no duration can hold.
pub(super) fn milliseconds(expr: &DurationExpr, times: &QueryTimes) -> Result<i64, QueryError> {
    let seconds = seconds(expr, times)?;
    // Go's time.Duration: nanoseconds in an i64.
    if seconds.is_nan() || seconds.abs() > i64::MAX as f64 / 1e9 {
        return Err(QueryError::Execution("duration is out of range".to_owned()));
    }
    Ok((seconds * 1e9) as i64 / 1_000_000)
}

/// The value in milliseconds of a duration that has to be longer than nothing.
///
/// # Errors
/// As [`milliseconds`], and when it is not above 0.
pub(super) fn positive_milliseconds(expr: &DurationExpr, times: &QueryTimes) -> Result<i64, QueryError> {
    let ms = milliseconds(expr, times)?;
    if ms <= 0 {
        return Err(QueryError::Execution(
            "duration must be greater than 0".to_owned(),
        ));
    }
    Ok(ms)
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
                    return Err(QueryError::Execution("division by zero".to_owned()));
                }
                BinaryOp::Mod if b == 0.0 => return Err(QueryError::Execution("modulo by zero".to_owned())),
                op => super::float_operation(*op, a, b).ok_or_else(|| {
                    QueryError::Execution("unexpected duration expression operator".to_owned())
                })?,
            }
        }
    })
}
