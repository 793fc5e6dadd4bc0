//! What a query prints as is the same query: random ones of the whole language, on one line and laid out.

use narthex_promql::ast::Expr;
use narthex_promql::{Features, parse};
use proptest::prelude::*;

/// The tree without the places in the text and without the order of matchers.
fn shape(expr: &Expr) -> String {
    let text = without_spans(expr);
    let mut parts = text.split("matchers: [");
    let mut out = parts.next().unwrap().to_owned();
    for part in parts {
        let (matchers, rest) = part.split_once("], modifiers").unwrap();
        let mut matchers: Vec<&str> = matchers
            .split("Matcher ")
            .map(|m| m.trim_end_matches(", "))
            .collect();
        matchers.sort_unstable();
        out.push_str(&matchers.join(" "));
        out.push_str(rest);
    }
    out
}

fn without_spans(expr: &Expr) -> String {
    let debug = format!("{expr:?}");
    let mut parts = debug.split("Span { start: ");
    let mut out = parts.next().unwrap().to_owned();
    for part in parts {
        out.push_str("Span");
        out.push_str(part.split_once('}').unwrap().1);
    }
    out
}

fn pick(choices: &'static [&'static str]) -> BoxedStrategy<String> {
    prop::sample::select(choices).prop_map(str::to_owned).boxed()
}

fn label() -> impl Strategy<Value = String> {
    pick(&["a", "job", "by", "sum", "on", "\"b c\"", "'é'", "start"])
}

fn labels() -> impl Strategy<Value = String> {
    prop::collection::vec(label(), 0..3).prop_map(|l| format!("({})", l.join(",")))
}

fn number() -> impl Strategy<Value = String> {
    prop_oneof![
        pick(&[
            "0", "1", "1.5", "1e3", "0x1f", "017", "NaN", "Inf", "5m", "1h30m", "1y", "100ms", "1_0.5",
            "1e-9"
        ]),
        (0_u32..100_000).prop_map(|n| n.to_string()),
        any::<f64>()
            .prop_filter("a number", |v| v.is_finite())
            .prop_map(|v| format!("{:e}", v.abs())),
    ]
}

fn selector() -> impl Strategy<Value = String> {
    let op = pick(&["=", "!=", "=~", "!~"]);
    let value = pick(&["\"x\"", "'y|z'", "`a\\.b+`", "\"\\n\\u00e9\"", "\"\""]);
    let name = pick(&["a", "job", "by", "\"b c\"", "__name"]);
    let matcher = (name, op, value).prop_map(|(n, o, v)| n + &o + &v);
    let matchers = prop::collection::vec(matcher, 0..3)
        .prop_map(|m| m.join(" , "))
        .boxed();
    prop_oneof![
        pick(&[
            "up", "a:b", "by", "sum", "offset", "start", "and", "fill", "anchored", "topk"
        ]),
        (pick(&["up", "x"]), matchers.clone()).prop_map(|(n, m)| format!("{n}{{{m}}}")),
        matchers.prop_map(|m| format!("{{\"a.b\",{m}}}")),
    ]
}

fn duration() -> impl Strategy<Value = String> {
    let leaf = pick(&["5m", "1h30m", "30", "1.5", "0x10", "step()", "5m", "range()"]);
    leaf.prop_recursive(3, 12, 3, |inner| {
        let op = pick(&["+", "-", "*", "/", "%", "^"]);
        prop_oneof![
            (inner.clone(), op, inner.clone()).prop_map(|(a, o, b)| format!("{a} {o} {b}")),
            inner.clone().prop_map(|d| format!("({d})")),
            inner.clone().prop_map(|d| format!("-({d})")),
            (inner.clone(), inner).prop_map(|(a, b)| format!("max_of({a}, {b})")),
        ]
    })
}

/// `@` and `offset` behind `operand`, in the order in which they are printed: with a computed offset last, a sign behind
/// it belongs to the offset, here and in Prometheus.
fn modified(operand: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    let at = pick(&["", "", " @ 10", " @ -1.5", " @ start()", " @ end()"]);
    let offset = prop_oneof![
        Just(String::new()),
        pick(&[" offset 5m", " offset -1h", " OFFSET 10", " offset -step()"]),
        duration().prop_map(|d| format!(" offset ({d})")),
    ];
    (operand, at, offset).prop_map(|(operand, at, offset)| operand + &at + &offset)
}

fn ranged() -> impl Strategy<Value = String> {
    (selector(), duration()).prop_map(|(s, d)| format!("{s}[{d}]"))
}

fn query() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        3 => modified(selector()),
        1 => modified(ranged()).prop_map(|r| format!("rate({r})")),
        1 => ranged().prop_map(|r| format!("delta({r} smoothed)")),
        1 => number(),
        1 => pick(&["time()", "vector(1)", "pi()", "scalar(up)"]),
    ];
    leaf.prop_recursive(5, 40, 3, |inner| {
        let op = pick(&["+", "-", "*", "/", "%", "^", "atan2", "==", "!=", "< bool", ">=", "and", "or", "unless"]);
        let matching = prop_oneof![
            3 => Just(String::new()),
            1 => labels().prop_map(|l| format!(" on {l}")),
            1 => labels().prop_map(|l| format!(" ignoring {l}")),
            1 => Just(" on (a) group_left (x) fill (1)".to_owned()),
            1 => Just(" ignoring (a) group_right fill_left (-1.5e-7)".to_owned()),
        ];
        let aggregation = pick(&["sum", "AVG", "count", "group", "stddev", "min"]);
        let step = prop_oneof![Just(String::new()), duration()];
        prop_oneof![
            4 => (inner.clone(), op, matching, inner.clone()).prop_map(|(l, o, m, r)| format!("{l} {o}{m} {r}")),
            2 => inner.clone().prop_map(|e| format!("({e})")),
            1 => inner.clone().prop_map(|e| format!("-{e}")),
            1 => inner.clone().prop_map(|e| format!("+{e}")),
            1 => (aggregation.clone(), labels(), inner.clone()).prop_map(|(a, l, e)| format!("{a} by {l} ({e})")),
            1 => (aggregation, labels(), inner.clone()).prop_map(|(a, l, e)| format!("{a}({e}) without {l}")),
            1 => inner.clone().prop_map(|e| format!("topk(3, {e})")),
            1 => inner.clone().prop_map(|e| format!("count_values('a\\\\b', {e})")),
            1 => inner.clone().prop_map(|e| format!("label_join({e}, \"a\", 'b', `c`)")),
            1 => inner.clone().prop_map(|e| format!("round({e}, 0.1)")),
            2 => modified((inner, step).prop_map(|(e, s)| format!("({e})[5m:{s}]")))
                .prop_map(|s| format!("max_over_time({s})")),
        ]
    })
}

/// Whether infinity is raised to a power: it prints as `+Inf`, as in Prometheus, and before `^` that sign is read as
/// one of the whole power.
fn raises_infinity(printed: &str) -> bool {
    let words: Vec<&str> = printed.split_whitespace().collect();
    words
        .windows(2)
        .any(|pair| pair[0].ends_with("+Inf") && pair[1] == "^")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, max_global_rejects: 100_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn queries_print_as_themselves(text in query()) {
        let Ok(expr) = parse(&text, &Features::ALL) else {
            return Err(TestCaseError::reject("types do not fit"));
        };
        if raises_infinity(&expr.to_string()) {
            return Err(TestCaseError::reject("prints as another query"));
        }
        for printed in [expr.to_string(), expr.pretty()] {
            let again = parse(&printed, &Features::ALL);
            prop_assert!(again.is_ok(), "{} -> {}: {:?}", text, printed, again);
            let again = again.unwrap();
            prop_assert_eq!(shape(&again), shape(&expr), "{} -> {}", text, printed);
            prop_assert_eq!(again.pretty(), expr.pretty());
        }
    }

    #[test]
    fn any_text_gets_an_answer(text in "[a-z0-9(){}\\[\\]\"'`,:@+*/^=!~<>#. \n-]{0,40}") {
        let _ = parse(&text, &Features::ALL).map(|e| e.pretty());
        let _ = parse(&text, &Features::default());
    }

    #[test]
    fn any_sequence_of_words_gets_an_answer(words in prop::collection::vec(pick(&[
        "x", "sum", "by", "(", ")", "{", "}", "[", "]", "5m", "1", "offset", "@", "start", "on", "group_left", ",", "+",
        "-", "and", "\"a\"", "=", "==", "=~", ":", "bool", "rate", "a", "step", "fill", "anchored", "\n", "#", "topk",
    ]), 0..16)) {
        let text = words.join(" ");
        let _ = parse(&text, &Features::ALL).map(|e| e.pretty());
        let _ = parse(&words.concat(), &Features::default());
    }
}
