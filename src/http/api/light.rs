//! Which queries take next to nothing: those that a dashboard asks of one target.

use narthex_model::{Matcher, TimeRange};
use narthex_promql::ast::{Expr, Modifiers};
use narthex_promql::{Engine, parse};
use narthex_tsdb::Snapshot;

use crate::query::{Question, When};

/// Longer texts are not looked at.
const TEXT_BYTES: usize = 512;
const SELECTORS: usize = 4;
const SERIES: u64 = 8;
const STEPS: i64 = 500;
/// How far the steps lie apart at most, and how far windows and selectors look back, in milliseconds.
const SPAN_MS: i64 = 6 * 3_600_000;
const REACH_MS: i64 = 3_600_000;

/// Whether it is known that a query takes next to nothing.
pub(super) fn is_light(question: &Question, engine: &Engine, store: &Snapshot) -> bool {
    let (start, end, steps) = match question.when {
        When::At(time) => (time, time, 1),
        When::Range { start, end, step } => {
            let span = end.saturating_sub(start);
            (start, end, span / step.max(1))
        }
    };
    let text = &question.text;
    let lookback = question
        .lookback_delta_ms
        .unwrap_or(engine.options().lookback_delta_ms);
    let long = lookback > REACH_MS
        || text.len() > TEXT_BYTES
        || steps > STEPS
        || end.saturating_sub(start) > SPAN_MS;
    // A short pattern can take long to be compiled.
    if long || text.contains('~') || text.contains("label_replace") {
        return false;
    }
    let Ok(expr) = parse(text, &engine.options().features) else {
        return false;
    };
    let mut sets = Vec::new();
    let range = TimeRange {
        min: start.saturating_sub(2 * REACH_MS),
        max: end.saturating_add(REACH_MS),
    };
    let only_these = find_selectors(&expr, &mut sets) && sets.len() <= SELECTORS;
    only_these && (sets.is_empty() || store.finds_at_most(SERIES, &sets, range))
}

/// Gathers the matchers of all selectors; `false` if something else than they decides what is read.
fn find_selectors(expr: &Expr, sets: &mut Vec<Vec<Matcher>>) -> bool {
    match expr {
        Expr::Subquery(_) => return false,
        Expr::Call(call) if call.function == "info" => return false,
        Expr::Matrix(matrix) => {
            let selector = &matrix.vector;
            sets.push(selector.matchers.clone());
            return matrix.range_expr.is_none()
                && matrix.range_ms <= REACH_MS
                && selector.modifiers == Modifiers::default();
        }
        Expr::Vector(selector) => {
            sets.push(selector.matchers.clone());
            return selector.modifiers == Modifiers::default();
        }
        _ => {}
    }
    expr.parts().into_iter().all(|part| find_selectors(part, sets))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use narthex_model::Labels;
    use narthex_tsdb::disk::MemoryDisk;
    use narthex_tsdb::{Batch, Db, Options};

    use super::*;

    #[test]
    fn what_reads_a_few_series_is_light() {
        let db = Db::open_on(Arc::new(MemoryDisk::new()), "x", Options::default()).unwrap();
        let mut batch = Batch::new(0);
        for i in 0..20 {
            let pairs = [("__name__", "m"), ("i", &i.to_string())];
            batch.push_float_labelled(&Labels::from_pairs(pairs), 0, 1.0);
        }
        db.append(&batch, 0).unwrap();
        let looking_back = |text: &str, when, lookback_delta_ms| {
            let question = Question {
                text: text.to_owned(),
                when,
                lookback_delta_ms,
                per_step_stats: false,
                timeout: None,
                at_once: false,
                cached: false,
            };
            is_light(&question, &Engine::default(), &db.snapshot())
        };
        let light = |text: &str, when| looking_back(text, when, None);
        for (text, expected) in [
            ("1", true),
            ("m{i=\"7\"}", true),
            ("sum(rate(m{i=\"7\"}[5m])) / m{i=\"8\"}", true),
            ("nothing", true),
            ("m", false),
            ("m{i=\"7\"} + m", false),
            ("{i=~\"7\"}", false),
            ("label_replace(m{i=\"7\"}, \"a\", \"b\", \"c\", \"d\")", false),
            ("m{i!=\"7\"}", false),
            ("rate(m{i=\"7\"}[2h])", false),
            ("m{i=\"7\"} offset 1d", false),
            ("m{i=\"7\"} @ 0", false),
            ("max_over_time(m{i=\"7\"}[5m:1m])", false),
            ("no query", false),
        ] {
            assert_eq!(light(text, When::At(0)), expected, "{text}");
        }
        let range = |end, step| When::Range { start: 0, end, step };
        assert!(light("m{i=\"7\"}", range(3_600_000, 15_000)));
        assert!(!light("m{i=\"7\"}", range(3_600_000, 1_000)));
        assert!(!light("m{i=\"7\"}", range(7 * 3_600_000, 60_000)));
        assert!(looking_back("m{i=\"7\"}", When::At(0), Some(3_600_000)));
        assert!(!looking_back("m{i=\"7\"}", When::At(0), Some(30 * 86_400_000)));
        assert!(!light(&format!("1{}", " ".repeat(600)), When::At(0)));
    }
}
