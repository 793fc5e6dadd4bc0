//! Queries pinned to a time with `@` must answer the same at any time.

use narthex_promql::Features;
use narthex_promql::ast::{Expr, Modifiers};
use narthex_promql::check::parse;

/// Functions whose answer depends on the evaluation time though all selectors are pinned.
const OF_THE_CLOCK: &[&str] = &[
    "days_in_month",
    "day_of_month",
    "day_of_week",
    "day_of_year",
    "end",
    "hour",
    "minute",
    "month",
    "predict_linear",
    "range",
    "start",
    "step",
    "time",
    "timestamp",
    "year",
];

/// Functions that answer otherwise in a range query than at one of its steps.
const OF_THE_QUERY: &[&str] = &["end", "range", "start", "step"];

/// The query with every selector pinned to `at`, and other times at which it must answer what it answers at `at`.
/// Empty where the query cannot be read or depends on the clock.
#[must_use]
pub fn variants(query: &str, at: i64, features: Features) -> Vec<(String, i64)> {
    let Ok(mut expr) = parse(query, &features) else {
        return Vec::new();
    };
    if calls(&expr, OF_THE_CLOCK) {
        return Vec::new();
    }
    pin(&mut expr, at);
    let text = expr.to_string();
    let times = if at == 0 {
        vec![-1_000, 0, 1_000]
    } else {
        vec![-10 * at, 0, at / 5, at, 10 * at]
    };
    times.into_iter().map(|time| (text.clone(), time)).collect()
}

/// Whether the query may answer otherwise in a range query than at one of its steps.
#[must_use]
pub fn knows_its_range(query: &str, features: Features) -> bool {
    query.contains("range()") || parse(query, &features).is_ok_and(|expr| calls(&expr, OF_THE_QUERY))
}

fn calls(expr: &Expr, functions: &[&str]) -> bool {
    if let Expr::Call(call) = expr
        && functions.contains(&call.function.as_str())
    {
        return true;
    }
    expr.parts().into_iter().any(|part| calls(part, functions))
}

/// Pins what is not pinned yet. A pinned subquery pins what is inside of it.
fn pin(expr: &mut Expr, at: i64) {
    match expr {
        Expr::Vector(e) => set(&mut e.modifiers, at),
        Expr::Matrix(e) => set(&mut e.vector.modifiers, at),
        Expr::Subquery(e) => set(&mut e.modifiers, at),
        Expr::Aggregate(e) => {
            if let Some(param) = &mut e.param {
                pin(param, at);
            }
            pin(&mut e.expr, at);
        }
        Expr::Binary(e) => {
            pin(&mut e.lhs, at);
            pin(&mut e.rhs, at);
        }
        Expr::Call(e) => e.args.iter_mut().for_each(|arg| pin(arg, at)),
        Expr::Paren(e) => pin(&mut e.expr, at),
        Expr::Unary(e) => pin(&mut e.expr, at),
        Expr::Number(_) | Expr::String(_) => {}
    }
}

fn set(modifiers: &mut Modifiers, at: i64) {
    if modifiers.timestamp.is_none() {
        modifiers.timestamp = Some(at);
        modifiers.at = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_are_pinned_once() {
        for (query, pinned) in [
            ("a + b @ 5", "a @ 60.000 + b @ 5.000"),
            ("rate(a[5m] offset 1m)", "rate(a[5m] @ 60.000 offset 1m)"),
            ("sum_over_time(a[5m:1m])", "sum_over_time(a[5m:1m] @ 60.000)"),
            ("sum(a @ end())", "sum(a @ 60.000)"),
        ] {
            let found = variants(query, 60_000, Features::ALL);
            assert_eq!(found[0].0, pinned);
            assert_eq!(found.len(), 5);
        }
        assert!(variants("time() + a", 60_000, Features::ALL).is_empty());
        assert!(knows_its_range("a + step()", Features::ALL));
        assert!(!knows_its_range("a @ end()", Features::ALL));
    }
}
