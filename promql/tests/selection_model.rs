//! Selectors, windows and subqueries against the plainest way to write down what they mean.

use narthex_model::{Labels, is_stale, stale_nan};
use narthex_promql::{Engine, EngineOptions, QueryOptions, RangeQuery, Value};
use proptest::prelude::*;

use crate::memory::Memory;

const LOOKBACK: i64 = 70;

type Samples = Vec<(i64, f64)>;

/// The newest sample at most `LOOKBACK` old, unless it is a stale marker.
fn newest(samples: &Samples, time: i64) -> Option<f64> {
    let mut seen = samples.iter().filter(|(t, _)| *t > time - LOOKBACK && *t <= time);
    seen.next_back().map(|(_, v)| *v).filter(|v| !is_stale(*v))
}

/// The samples of a window that is open on the left, without stale markers.
fn window(samples: &Samples, after: i64, until: i64) -> Samples {
    let inside = samples
        .iter()
        .filter(|(t, v)| after < *t && *t <= until && !is_stale(*v));
    inside.copied().collect()
}

fn sampled() -> impl Strategy<Value = Samples> {
    let sample = (
        1_i64..60,
        prop_oneof![8 => (-100_i32..100).prop_map(f64::from), 1 => Just(stale_nan())],
    );
    proptest::collection::vec(sample, 0..40).prop_map(|gaps| {
        let mut time = -200;
        let at = gaps.into_iter().map(|(gap, value)| {
            time += gap;
            (time, value)
        });
        at.collect()
    })
}

/// Answers of the engine for one series named `x`: times and values.
fn answers(samples: &Samples, text: &str, (start, end, step): (i64, i64, i64)) -> Samples {
    let mut memory = Memory::default();
    for (time, value) in samples {
        memory.push(Labels::from_pairs([("__name__", "x")]), *time, *value);
    }
    let engine = Engine::new(EngineOptions {
        lookback_delta_ms: LOOKBACK,
        ..EngineOptions::default()
    });
    let options = QueryOptions::default();
    let query = RangeQuery {
        text,
        start,
        end,
        step,
        options,
    };
    let Value::Matrix(matrix) = engine.range(&memory, &query).unwrap().value else {
        unreachable!("a range query answers with a matrix")
    };
    assert!(matrix.len() <= 1);
    matrix.into_iter().flat_map(|series| series.floats).collect()
}

fn expected((start, end, step): (i64, i64, i64), at: impl Fn(i64) -> Option<f64>) -> Samples {
    let times = std::iter::successors(Some(start), |t| Some(t + step)).take_while(|t| *t <= end);
    times.filter_map(|t| Some((t, at(t)?))).collect()
}

proptest! {
    #[test]
    fn selections_are_what_their_definition_says(
        samples in sampled(),
        start in -300_i64..300,
        length in 0_i64..600,
        step in 1_i64..120,
        range in 1_i64..200,
        inner in 1_i64..50,
        offset in -90_i64..90,
    ) {
        let times = (start, start + length, step);
        let at_offset = if offset < 0 { format!("offset -{}ms", -offset) } else { format!("offset {offset}ms") };
        prop_assert_eq!(
            answers(&samples, &format!("x {at_offset}"), times),
            expected(times, |t| newest(&samples, t - offset))
        );
        let counted = |samples: Samples| (!samples.is_empty()).then_some(samples.len() as f64);
        prop_assert_eq!(
            answers(&samples, &format!("count_over_time(x[{range}ms] {at_offset})"), times),
            expected(times, |t| counted(window(&samples, t - offset - range, t - offset)))
        );
        prop_assert_eq!(
            answers(&samples, &format!("max_over_time(x[{range}ms])"), times),
            expected(times, |t| window(&samples, t - range, t).into_iter().map(|(_, v)| v).reduce(f64::max))
        );
        let by_subquery = |t: i64| {
            let (after, until) = (t - offset - range, t - offset);
            let steps = (after..=until).filter(|s| s % inner == 0 && *s > after);
            counted(steps.filter_map(|s| Some((s, newest(&samples, s)?))).collect())
        };
        prop_assert_eq!(
            answers(&samples, &format!("count_over_time(x[{range}ms:{inner}ms] {at_offset})"), times),
            expected(times, by_subquery)
        );
        let at = (start + length / 2) as f64 / 1_000.0;
        prop_assert_eq!(
            answers(&samples, &format!("x @ {at} + 0"), times),
            expected(times, |_| newest(&samples, start + length / 2))
        );
    }
}
