//! Queries that only an enemy would write: deep, long or broken. All get an answer, on a thread with a small stack.

use std::sync::atomic::{AtomicUsize, Ordering};

use narthex_model::{EmptySeriesSet, Selection, SeriesSet, SeriesSource, SourceError};
use narthex_promql::limits::{DEPTH_MAX, DURATION_DEPTH_MAX};
use narthex_promql::{
    Engine, Features, InstantQuery, Interrupt, QueryError, QueryOptions, QueryOutput, parse, parse_selector,
};

/// The stack of the threads that queries are answered on.
const STACK_BYTES: usize = 2 << 20;

/// A source without series.
struct Empty;

impl SeriesSource for Empty {
    fn select<'s>(&'s self, _: &Selection<'_>) -> Result<Box<dyn SeriesSet + 's>, SourceError> {
        Ok(Box::new(EmptySeriesSet))
    }
}

/// What became of the query: the length of its printed forms, or the error.
fn answer(query: String) -> Result<usize, String> {
    std::thread::Builder::new()
        .stack_size(STACK_BYTES)
        .spawn(move || {
            let expr = parse(&query, &Features::ALL).map_err(|e| e.to_string())?;
            let copy = expr.clone();
            assert!(copy == expr);
            Ok(copy.pretty().len() + expr.to_string().len())
        })
        .unwrap()
        .join()
        .unwrap()
}

fn nested(open: &str, middle: &str, close: &str, levels: usize) -> String {
    open.repeat(levels) + middle + &close.repeat(levels)
}

#[test]
fn deep_expressions_are_refused_with_a_reason() {
    for query in [
        nested("(", "1", ")", 10_000),
        nested("(", "", "", 1_000_000),
        nested("-", "x", "", 500_000),
        nested("abs(", "x", ")", 10_000),
        nested("sum by (a) (", "x", ")", 10_000),
        nested("1 ^ ", "1", "", 200_000),
        nested("", "x", "[5m:]", 100_000),
        nested("(", "x", " + x)", 10_000),
        nested("x or (", "x", ")", 50_000),
        // Chains are flat, but these are nested too.
        nested(&("(".to_owned() + &"x + ".repeat(100)), "x", ")", 300),
        nested("(", "x", &(" + x".repeat(100) + ")"), 16),
        "x[".to_owned() + &nested("(", "1m", ")]", 10_000),
        "x offset ".to_owned() + &nested("(", "1m", ")", 10_000),
        "x[".to_owned() + &nested("1 + ", "1", "]", 100_000),
        "x[".to_owned() + &nested("2 ^ ", "1", "]", 100_000),
        "x[".to_owned() + &nested("-", "step()", "]", 100_000),
        "x[".to_owned() + &nested("max_of(1, ", "1", ")]", 10_000),
    ] {
        let shown: String = query.chars().take(30).collect();
        let error = answer(query).unwrap_err();
        let reasons = [
            "expression has more than 500 levels",
            "duration has more than 50 levels",
        ];
        assert!(reasons.iter().any(|r| error.contains(r)), "{shown}: {error}");
    }
}

/// The answer over nothing.
fn instant(text: &str, options: QueryOptions<'_>) -> Result<QueryOutput, QueryError> {
    let query = InstantQuery {
        text,
        time: 0,
        options,
    };
    Engine::default().instant(&Empty, &query)
}

/// Evaluates over nothing. Without optimisation, frames are about four times as large.
fn evaluate(query: String) {
    let factor = if cfg!(debug_assertions) { 4 } else { 1 };
    std::thread::Builder::new()
        .stack_size(factor * STACK_BYTES)
        .spawn(move || {
            instant(&query, QueryOptions::default()).unwrap();
        })
        .unwrap()
        .join()
        .unwrap();
}

#[test]
fn expressions_at_the_limit_are_evaluated() {
    let levels = DEPTH_MAX - 2;
    for query in [
        nested("(", "x", ")", levels),
        nested("-", "x", "", levels),
        nested("abs(", "x", ")", levels),
        nested("sum by (a) (", "x", ")", levels),
        nested("1 ^ ", "1", "", levels),
        nested("", "x", " + x", levels),
        nested("", "x", " or x", levels),
        nested("max_over_time(", "x", "[5m:])", levels / 2),
    ] {
        evaluate(query);
    }
}

/// How many operations the chains below have.
const CHAIN: usize = 10_000;

#[test]
fn long_chains_are_flat() {
    for link in [
        " + x",
        " or on (a) x",
        " * -x",
        " or x + x and x ^ x",
        " == bool 1",
    ] {
        let chain = nested("", "x", link, CHAIN);
        assert!(answer(chain.clone()).is_ok(), "{link}");
        evaluate(chain);
    }
    let chain = nested("", "x", " or x", 10 * CHAIN);
    assert!(answer(chain.clone()).is_ok());
    evaluate(chain);
    let chain = nested("", "(1)", " + 1", CHAIN);
    evaluate(format!(
        "sum(x) + ({chain}) or sum_over_time((x * ({chain}))[5m:1m])"
    ));
    evaluate(nested("(", "x", &(" or x".repeat(100) + ")"), 14));
}

#[test]
fn queries_that_take_long_end_when_they_are_told_to() {
    let doubled = |of: &str| (0..16).fold(of.to_owned(), |e, _| format!("({e} + -{e})"));
    for query in [
        nested("", "x", " + x", CHAIN),
        nested("", "vector(1)", " or vector(1)", CHAIN),
        nested("", "1", " + time()", CHAIN),
        doubled("x"),
        "sum_over_time(sum_over_time(vector(1)[2h:1s])[1h:1s])".to_owned(),
        "count_over_time((vector(time()) > bool 5)[3d:1s])".to_owned(),
        "quantile_over_time(0.5, vector(1)[1h:1s]) + sum(rate(vector(1)[3d:1s]))".to_owned(),
    ] {
        let shown: String = query.chars().take(30).collect();
        // The deadline passes when somebody asks for the fifth time; whoever asks often stops soon.
        let asked = AtomicUsize::new(0);
        let interrupt = || (asked.fetch_add(1, Ordering::Relaxed) >= 5).then_some(Interrupt::Timeout);
        let options = QueryOptions {
            interrupt: Some(&interrupt),
            ..QueryOptions::default()
        };
        assert_eq!(
            instant(&query, options).unwrap_err(),
            QueryError::Timeout("expression evaluation"),
            "{shown}"
        );
        assert!(asked.into_inner() < 10, "{shown}");
    }
}

#[test]
fn expressions_at_the_limit_are_answered() {
    let levels = DEPTH_MAX - 1;
    for query in [
        nested("(", "1", ")", levels),
        nested("-", "x", "", levels),
        nested("abs(", "x", ")", levels),
        nested("sum by (a) (", "x", ")", levels),
        nested("1 ^ ", "1", "", levels),
        nested("", "x", " + x", levels),
        nested("max_over_time(", "x", "[5m:])", (levels - 1) / 2),
        "x[".to_owned() + &nested("(", "1m", ")", DURATION_DEPTH_MAX) + "]",
        "x[".to_owned() + &nested("", "1", " + 1", DURATION_DEPTH_MAX) + "]",
    ] {
        let shown: String = query.chars().take(30).collect();
        assert!(answer(query).is_ok(), "{shown}");
    }
}

#[test]
fn regular_expressions_are_counted() {
    let listed = |item: &str| format!("{{{}}}", vec![item; 1_001].join(","));
    let error = answer(listed("a=~\"[0-9]+b?\"")).unwrap_err();
    assert!(error.contains("more than 1000 regular expressions"), "{error}");
    answer(listed("a=~\"b|c.*|.+d\"")).unwrap();
    let error = answer("x{a=~\"(?:\\\\pL{100}){10}\"}".to_owned()).unwrap_err();
    assert!(
        error.contains("1:3: parse error: error parsing regexp: expression too large"),
        "{error}"
    );
}

#[test]
fn long_queries_are_answered() {
    let listed = |item: &str| format!("{{{}}}", vec![item; 100_000].join(","));
    for query in [
        listed("a=\"b\""),
        format!("x{{a=\"{}\"}}", "b".repeat(1 << 20)),
        format!("sum by ({}) (x)", vec!["a"; 300_000].join(",")),
        format!("label_join(x, {})", vec!["'a'"; 200_000].join(",")),
        "x".repeat(1 << 20),
        format!("x #{}", "y".repeat(1 << 20)),
        format!("{}1", " ".repeat(1 << 20)),
        "1".repeat(300),
    ] {
        let shown: String = query.chars().take(30).collect();
        assert!(answer(query).is_ok(), "{shown}");
    }
}

#[test]
fn every_piece_of_a_query_gets_an_answer() {
    let query = "topk by (a, \"é\") (2, -rate(foo:bar{a!~\"x|y\", 'b.c'='\\u00e9'}[5m + step():1m] @ end() \
                 offset -(1h)) ^ 2 >= bool on (a) group_left (b) fill (0x1f) max_over_time(up[1_0.5e3:])) # é";
    assert!(parse(query, &Features::ALL).is_ok());
    let cuts: Vec<usize> = query.char_indices().map(|(at, _)| at).collect();
    for (i, from) in cuts.iter().enumerate() {
        for to in &cuts[i..] {
            for features in [Features::ALL, Features::default()] {
                let _ = parse(&query[*from..*to], &features);
            }
            let _ = parse_selector(&query[*from..*to]);
        }
    }
}
