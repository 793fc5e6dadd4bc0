//! What holds for any query: limits, statistics, and answers that do not depend on threads.

use narthex_model::Labels;
use narthex_promql::limits::DEPTH_MAX;
use narthex_promql::{
    Engine, EngineOptions, Features, InstantQuery, Interrupt, QueryError, QueryOptions, QueryOutput,
    RangeQuery,
};

use crate::memory::Memory;

fn labels(pairs: &[(&str, &str)]) -> Labels {
    Labels::from_pairs(pairs.iter().copied())
}

fn engine(change: impl FnOnce(&mut EngineOptions)) -> Engine {
    let mut options = EngineOptions {
        features: Features {
            experimental_functions: true,
            extended_range_selectors: true,
            ..Features::default()
        },
        ..EngineOptions::default()
    };
    change(&mut options);
    Engine::new(options)
}

/// One series with a sample every 10 s, and three that differ in `a`.
fn every_ten_seconds() -> Memory {
    let mut memory = Memory::default();
    for i in 0..=100 {
        memory.push(labels(&[("__name__", "one")]), i * 10_000, i as f64 + 1.0);
        for a in ["1", "2", "3"] {
            memory.push(labels(&[("__name__", "three"), ("a", a)]), i * 10_000, i as f64);
        }
        let of = |name, instance| labels(&[("__name__", name), ("instance", instance), ("job", "j")]);
        memory.push(of("of_target", "0"), i * 10_000, 1.0);
        memory.push(of("target_info", "0"), i * 10_000, 1.0);
        memory.push(of("target_info", "1"), i * 10_000, 1.0);
    }
    memory
}

/// Many series of which some begin late, some have holes, and values differ in size.
fn many_series() -> Memory {
    let mut memory = Memory::default();
    let mut state = 1_u64;
    for series in 0..400_i64 {
        let text = series.to_string();
        let group = (series % 7).to_string();
        let labels = labels(&[("__name__", "x_total"), ("group", &group), ("series", &text)]);
        for i in (series % 5) * 20..200 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            if state >> 60 != 0 {
                let value = (state >> 40) as f64 * 10_f64.powi((series % 13) as i32 - 6);
                memory.push(labels.clone(), i * 15_000 + series % 3, value);
            }
        }
    }
    memory
}

fn range(
    engine: &Engine,
    memory: &Memory,
    text: &str,
    times: (i64, i64, i64),
) -> Result<QueryOutput, QueryError> {
    let (start, end, step) = times;
    let options = QueryOptions {
        per_step_stats: true,
        ..QueryOptions::default()
    };
    engine.range(
        memory,
        &RangeQuery {
            text,
            start,
            end,
            step,
            options,
        },
    )
}

#[test]
fn samples_are_counted_as_prometheus_counts_them() {
    let (engine, memory) = (engine(|_| {}), every_ten_seconds());
    let instant = |text: &str, time: i64| {
        let options = QueryOptions::default();
        let output = engine
            .instant(&memory, &InstantQuery { text, time, options })
            .unwrap();
        output.stats.total_queryable_samples
    };
    for (text, time, count) in [
        ("1", 21_000, 0),
        ("one", 21_000, 1),
        ("one", 22_000, 1),
        ("one offset 10s", 21_000, 1),
        ("one @ 15", 21_000, 1),
        ("three", 21_000, 3),
        ("one[60s]", 201_000, 6),
        ("three[60s] @ 201", 900_000, 18),
        ("max_over_time(one[59s])[20s:5s]", 201_000, 24),
        ("one[21s:10s]", 201_000, 2),
        ("max_over_time(three[60s:5s])", 201_000, 36),
        ("sum_over_time(max_over_time(three[60s:5s])[60s:5s])", 201_000, 36),
        ("sum by (a) (three)", 201_000, 3),
        ("timestamp(one)", 201_000, 1),
        ("absent_over_time(three[60s])", 201_000, 18),
        (
            "max_over_time(three[60s]) + on (a) group_left () three",
            201_000,
            21,
        ),
        ("one or one", 201_000, 2),
        (
            "rate(one[60s]) > avg_over_time(rate(one[60s])[60s:10s])",
            201_000,
            12,
        ),
        ("one + three", 201_000, 4),
        // Parts that are written several times count as often, however they are nested.
        ("(one + one) - (one + one + one)", 201_000, 5),
        (
            "((one + one) - (one + one)) * ((one + one) - (one + one))",
            201_000,
            8,
        ),
        ("(one + one @ 15) - (one + one @ 15)", 201_000, 4),
        (
            "rate(one[60s]) + (rate(one[60s]) + one) - (rate(one[60s]) + one)",
            201_000,
            20,
        ),
        ("one + timestamp(one)", 201_000, 2),
        ("timestamp(one) + timestamp(one) + (one - one)", 201_000, 4),
        ("max_over_time((one + one)[60s:10s]) + (one + one)", 201_000, 8),
        ("(one + one)[21s:10s]", 201_000, 4),
        ("topk(scalar(one), three) or three", 201_000, 7),
        ("one smoothed", 201_000, 0),
        ("increase(one[60s] smoothed)", 201_000, 51),
        // Info series of other targets do not count.
        ("info(of_target)", 201_000, 2),
        ("info(of_target) + of_target", 201_000, 3),
    ] {
        assert_eq!(instant(text, time), count, "{text}");
    }
    for (text, per_step) in [
        ("one", [1_u64; 4]),
        ("three @ 15", [3; 4]),
        ("rate(three[60s])", [18; 4]),
        ("sum(max_over_time(one[60s] @ 100))", [6; 4]),
        ("max_over_time(one[60s:5s])", [12; 4]),
        ("time()", [0; 4]),
        ("(one + one) - (one + one @ 15)", [4; 4]),
        ("(one @ 15 + one @ 15) - (one @ 15 + one @ 15)", [4; 4]),
    ] {
        let output = range(&engine, &memory, text, (201_000, 220_000, 5_000)).unwrap();
        let counted: Vec<u64> = output
            .stats
            .total_queryable_samples_per_step
            .iter()
            .map(|(_, c)| *c)
            .collect();
        assert_eq!(counted, per_step, "{text}");
        assert_eq!(
            output.stats.total_queryable_samples,
            per_step.iter().sum::<u64>(),
            "{text}"
        );
    }
}

#[test]
fn answers_do_not_depend_on_threads() {
    let memory = many_series();
    let (one, four) = (engine(|o| o.parallelism = 1), engine(|o| o.parallelism = 4));
    for text in [
        "x_total",
        "sum(rate(x_total[5m]))",
        "avg by (group) (x_total)",
        "avg(x_total * 1e300)",
        "sum by (series) (x_total)",
        "sum(1 / (x_total % 3 - 1))",
        "sum by (group) (x_total / on (series) rate(x_total[2m]))",
        "max by (group) (max_over_time(x_total[20m]))",
        "count by (group) (x_total > 1e6)",
        "stddev by (group) (rate(x_total[2m]))",
        "topk by (group) (2, x_total)",
        "quantile(0.9, rate(x_total[1m]))",
        "x_total / on (group) group_left () sum by (group) (x_total)",
        "x_total > 1e6 or rate(x_total[5m])",
        "x_total unless on (group) (sum by (group) (x_total) > 1e12)",
        "sum(max_over_time(rate(x_total[1m])[5m:30s]))",
        "count_values(\"value\", round(x_total / 1e9))",
        "limit_ratio(0.3, x_total)",
    ] {
        let times = (0, 3_000_000, 15_000);
        let (a, b) = (
            range(&one, &memory, text, times),
            range(&four, &memory, text, times),
        );
        let (a, b) = (a.unwrap(), b.unwrap());
        assert_eq!(format!("{:?}", a.value), format!("{:?}", b.value), "{text}");
        assert_eq!(a.annotations, b.annotations, "{text}");
        assert_eq!(
            a.stats.total_queryable_samples, b.stats.total_queryable_samples,
            "{text}"
        );
    }
}

#[test]
fn queries_stop_at_their_limits() {
    let memory = many_series();
    let small = engine(|o| o.max_samples = 1_000);
    for text in [
        "x_total",
        "sum by (series) (x_total)",
        "x_total + on (series) x_total",
        "sort(x_total) or x_total",
        "time()",
        "vector(1)",
        "count_over_time(vector(1)[1h:1s])",
        "quantile(0.5, x_total)",
    ] {
        let outcome = range(&small, &memory, text, (0, 30_000_000, 15_000));
        assert_eq!(
            outcome.unwrap_err(),
            QueryError::TooManySamples("query execution"),
            "{text}"
        );
    }
    // 400 series and 2,000 steps: labels, buffers, groups, columns, each alone more than there is room for.
    for (bytes, text) in [
        (5_000, "count(x_total)"),
        (30_000, "count(x_total)"),
        (30_000, "x_total"),
        (150_000, "count by (series) (x_total)"),
        (100_000, "group by (group) (x_total)"),
        (200_000, "count(x_total and x_total)"),
        (1_000_000, "x_total"),
    ] {
        let tight = engine(|o| o.max_bytes = bytes);
        let refused = range(&tight, &memory, text, (0, 30_000_000, 15_000)).unwrap_err();
        assert_eq!(refused, QueryError::TooManyBytes(bytes), "{text}");
        assert!(refused.to_string().contains("--query.max-bytes"), "{refused}");
        // What a query held is free when it ends: others go on.
        assert!(range(&tight, &memory, "1 + 1", (0, 0, 1)).is_ok());
    }
    let huge = range(&small, &memory, "max_over_time(x_total[100y:1ms])", (0, 0, 1));
    assert_eq!(huge.unwrap_err(), QueryError::TooManySamples("query execution"));
    for (reason, error) in [
        (Interrupt::Timeout, QueryError::Timeout("expression evaluation")),
        (Interrupt::Canceled, QueryError::Canceled("expression evaluation")),
    ] {
        let asked = std::sync::atomic::AtomicUsize::new(0);
        let interrupt = || (asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed) > 20).then_some(reason);
        let options = QueryOptions {
            interrupt: Some(&interrupt),
            ..QueryOptions::default()
        };
        let outcome = engine(|o| o.parallelism = 4).range(
            &memory,
            &RangeQuery {
                text: "sum(rate(x_total[5m]))",
                start: 0,
                end: 3_000_000,
                step: 15_000,
                options,
            },
        );
        assert_eq!(outcome.unwrap_err(), error);
    }
}

#[test]
fn long_chains_have_the_value_of_their_parts() {
    let mut memory = Memory::default();
    for time in 0..20 {
        memory.push(labels(&[("__name__", "x")]), time * 1_000, 1.0);
        memory.push(labels(&[("__name__", "y")]), time * 1_000, time as f64);
    }
    // More and fewer operations than are computed at once, of the same part and of different ones.
    for terms in [31, 32, 33, 64, 65, 1_000] {
        for (text, value) in [
            ("x".to_owned() + &" + x".repeat(terms), 1.0 + terms as f64),
            (
                "x".to_owned() + &" + ignoring() y".repeat(terms),
                1.0 + 5.0 * terms as f64,
            ),
            ("x".to_owned() + &" or y".repeat(terms), 1.0),
            ("1".to_owned() + &" + x @ 3".repeat(terms), 1.0 + terms as f64),
            (format!("({0}) - ({0}{0})", "x + ".repeat(terms) + "x"), 0.0),
        ] {
            let text = text.replace("xx", "x + x");
            let answer = range(&engine(|_| ()), &memory, &text, (5_000, 5_000, 1_000)).unwrap();
            let narthex_promql::Value::Matrix(matrix) = answer.value else {
                unreachable!()
            };
            let expected = if text.starts_with('(') {
                -1.0 - terms as f64
            } else {
                value
            };
            assert_eq!(matrix[0].floats, [(5_000, expected)], "{terms}: {text}");
            if !text.starts_with('(') {
                let selectors = text.matches(['x', 'y']).count() as u64;
                assert_eq!(answer.stats.total_queryable_samples, selectors, "{terms}: {text}");
            }
        }
    }
}

#[test]
fn deep_expressions_are_answered_on_small_stacks() {
    let levels = DEPTH_MAX - 2;
    let queries = [
        "-".repeat(levels) + "x_total",
        "abs(".repeat(levels) + "x_total" + &")".repeat(levels),
        "1 + ".repeat(levels) + "x_total",
        "sum(".repeat(levels) + "x_total" + &")".repeat(levels),
        "x_total or ".repeat(levels) + "x_total",
    ];
    std::thread::Builder::new()
        .stack_size(2 << 20)
        .spawn(move || {
            let memory = many_series();
            for text in queries {
                let outcome = range(
                    &engine(|o| o.parallelism = 2),
                    &memory,
                    &text,
                    (600_000, 600_000, 1),
                );
                if let Err(error) = outcome {
                    assert!(error.to_string().contains("levels"), "{error}");
                }
            }
        })
        .unwrap()
        .join()
        .unwrap();
}

#[test]
fn times_at_the_ends_of_the_scale_are_only_times() {
    let mut memory = Memory::default();
    let ends = [i64::MIN, i64::MIN + 1, -1, 0, 1, i64::MAX - 1, i64::MAX];
    for time in ends {
        for le in ["1", "+Inf"] {
            memory.push(labels(&[("__name__", "x_total"), ("le", le)]), time, 1.0);
        }
    }
    let engine = engine(|o| o.features = Features::ALL);
    for text in [
        "x_total",
        "timestamp(x_total offset 100y)",
        "x_total @ 9223372036854775 offset -1y",
        "x_total smoothed",
        "rate(x_total[5m])",
        "increase(x_total[292y] smoothed)",
        "delta(x_total[1s] anchored)",
        "irate(x_total[292y])",
        "deriv(x_total[292y])",
        "predict_linear(x_total[292y], 1e300)",
        "resets(x_total[5m]) + changes(x_total[5m])",
        "ts_of_max_over_time(x_total[292y])",
        "double_exponential_smoothing(x_total[292y], 0.5, 0.5)",
        "max_over_time(x_total[1h:])",
        "max_over_time(x_total[1h:1m] offset -292y)",
        "absent_over_time(x_total[292y:100y])",
        "histogram_quantile(0.5, rate(x_total[5m]))",
        "hour() + on () year(vector(1e300)) + on () day_of_week(vector(-1e300))",
        "info(x_total)",
        "x_total[292y]",
        "x_total[1h:1m]",
        "time() + start() + end() + range()",
    ] {
        for time in ends {
            let options = QueryOptions::default();
            let _ = engine.instant(&memory, &InstantQuery { text, time, options });
        }
        for (start, end) in [
            (i64::MIN, i64::MAX),
            (i64::MAX - 5, i64::MAX),
            (i64::MIN, i64::MIN + 5),
            (5, -5),
        ] {
            for step in [1, i64::MAX / 3, i64::MAX] {
                let _ = range(&engine, &memory, text, (start, end, step));
            }
        }
    }
}

#[test]
fn what_the_store_could_not_read_is_told_once_beside_every_answer() {
    let mut memory = every_ten_seconds();
    memory.lost = vec!["chunks: group is corrupt at byte 32".to_owned()];
    let engine = engine(|options| options.parallelism = 4);
    let told =
        ["samples are missing, as a file of the store is damaged: chunks: group is corrupt at byte 32"];
    for text in [
        "one",
        "sum by (a) (three)",
        "topk(1, three)",
        "rate(three[1m])",
        "max_over_time(rate(three[1m])[2m:10s])",
        "three * on() group_left one",
        "absent(one)",
    ] {
        let output = range(&engine, &memory, text, (0, 100_000, 10_000)).unwrap();
        let warnings: Vec<&str> = output
            .annotations
            .texts(narthex_model::Severity::Warning)
            .collect();
        assert_eq!(warnings, told, "{text}");
    }
    memory.lost.clear();
    let output = range(&engine, &memory, "sum(three)", (0, 100_000, 10_000)).unwrap();
    assert!(output.annotations.is_empty());
}
