//! Random queries on the engine and on the plain evaluator, and what these queries are made of.

use std::collections::BTreeSet;

use narthex_promql::ast::Expr;
use narthex_promql::functions::signatures;
use narthex_promql::{Features, parse};
use narthex_promql_tests::differential;
use narthex_promql_tests::generate::Queries;
use narthex_promql_tests::random::Random;

/// `NARTHEX_DIFFERENTIAL` says how many queries to ask, `NARTHEX_SEED` from which seed on.
#[test]
fn random_queries_have_the_plain_answer() {
    let asked = std::env::var("NARTHEX_DIFFERENTIAL").ok();
    let count = asked.map_or(1_500, |count| count.parse().unwrap());
    let first = std::env::var("NARTHEX_SEED").map_or(0, |seed| seed.parse().unwrap());
    let summary = differential::run(count, first);
    let wrong: Vec<String> = summary.differences.iter().map(ToString::to_string).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let answered = summary.passed - summary.refused - summary.empty;
    assert!(
        answered as u64 > count / 3,
        "most queries ask for nothing: {summary:?}"
    );
}

/// Names of functions, aggregations and operators in an expression.
fn parts(expr: &Expr, found: &mut BTreeSet<&'static str>) {
    match expr {
        Expr::Paren(paren) => parts(&paren.expr, found),
        Expr::Unary(unary) => parts(&unary.expr, found),
        Expr::Subquery(subquery) => {
            found.insert("[:]");
            parts(&subquery.expr, found);
        }
        Expr::Binary(binary) => {
            found.insert(binary.op.as_str());
            parts(&binary.lhs, found);
            parts(&binary.rhs, found);
        }
        Expr::Aggregate(aggregate) => {
            found.insert(aggregate.op.as_str());
            parts(&aggregate.expr, found);
            if let Some(param) = &aggregate.param {
                parts(param, found);
            }
        }
        Expr::Call(call) => {
            let known = signatures().iter().find(|row| row.name == call.function);
            found.extend(known.map(|row| row.name));
            call.args.iter().for_each(|arg| parts(arg, found));
        }
        Expr::Matrix(matrix) => {
            found.extend(matrix.vector.anchored.then_some("anchored"));
            found.extend(matrix.vector.smoothed.then_some("smoothed"));
        }
        Expr::Vector(_) | Expr::Number(_) | Expr::String(_) => {}
    }
}

#[test]
fn random_queries_are_made_of_the_whole_language() {
    let mut found = BTreeSet::new();
    for seed in 0..20_000 {
        let mut random = Random::new(seed);
        let mut queries = Queries {
            random: &mut random,
            base: 0,
            delayed: false,
        };
        let query = queries.any(4, true);
        parts(&parse(&query, &Features::ALL).unwrap(), &mut found);
    }
    let functions = signatures().iter().map(|row| row.name);
    let others = [
        "sum",
        "avg",
        "count",
        "min",
        "max",
        "group",
        "stddev",
        "stdvar",
        "topk",
        "bottomk",
        "count_values",
        "quantile",
        "limitk",
        "limit_ratio",
        "+",
        "-",
        "*",
        "/",
        "%",
        "^",
        "atan2",
        "==",
        "!=",
        "<",
        "<=",
        ">",
        ">=",
        "and",
        "or",
        "unless",
        "[:]",
        "anchored",
        "smoothed",
    ];
    let missing: Vec<&str> = functions
        .chain(others)
        .filter(|name| !found.contains(name))
        .collect();
    assert_eq!(missing, [""; 0]);
}
