//! A query's syntax tree as `/api/v1/parse_query` shows it.

use narthex_model::Matcher;
use narthex_promql::ast::{
    Aggregate, AtBound, Binary, Call, DurationExpr, Expr, MatrixSelector, Modifiers, Subquery, Unary,
    ValueType, VectorMatching, VectorSelector,
};
use narthex_promql::functions::signature;
use serde_json::{Map, Value, json};

/// How deep the tree is. A long chain of operators makes a deep tree, though the language does not count it as deep.
pub fn tree_depth(expr: &Expr) -> usize {
    match expr {
        Expr::Binary(e) => {
            let (links, first) = e.chain();
            let right = links.iter().enumerate();
            let right = right.map(|(above, link)| above + 1 + tree_depth(&link.rhs));
            right.chain([links.len() + tree_depth(first)]).max().unwrap_or(0)
        }
        _ => 1 + expr.parts().into_iter().map(tree_depth).max().unwrap_or(0),
    }
}

/// The tree as JSON.
pub fn syntax_tree(expr: &Expr) -> Value {
    // One function a node: the frames of this recursion stay small.
    Value::Object(match expr {
        Expr::Aggregate(e) => aggregate(e),
        Expr::Binary(e) => binary(e),
        Expr::Call(e) => call(e),
        Expr::Matrix(e) => matrix(e),
        Expr::Subquery(e) => subquery(e),
        Expr::Number(e) => node("numberLiteral", [("val", e.plain().into())]),
        Expr::Paren(e) => node("parenExpr", [("expr", syntax_tree(&e.expr))]),
        Expr::String(e) => node("stringLiteral", [("val", e.value.as_str().into())]),
        Expr::Unary(e) => unary(e),
        Expr::Vector(e) => selector("vectorSelector", e),
    })
}

fn node<const N: usize>(kind: &str, fields: [(&str, Value); N]) -> Map<String, Value> {
    let mut node = Map::new();
    node.insert("type".to_owned(), kind.into());
    for (name, value) in fields {
        node.insert(name.to_owned(), value);
    }
    node
}

fn aggregate(e: &Aggregate) -> Map<String, Value> {
    let fields = [
        ("op", e.op.as_str().into()),
        ("expr", syntax_tree(&e.expr)),
        ("param", e.param.as_ref().map_or(Value::Null, syntax_tree)),
        ("grouping", e.grouping.as_slice().into()),
        ("without", e.without.into()),
    ];
    node("aggregation", fields)
}

fn binary(e: &Binary) -> Map<String, Value> {
    let fields = [
        ("op", e.op.as_str().into()),
        ("lhs", syntax_tree(&e.lhs)),
        ("rhs", syntax_tree(&e.rhs)),
        ("matching", e.matching.as_ref().map_or(Value::Null, matching)),
        ("bool", e.return_bool.into()),
    ];
    node("binaryExpr", fields)
}

fn call(e: &Call) -> Map<String, Value> {
    let mut args = Vec::with_capacity(e.args.len());
    for arg in &e.args {
        args.push(syntax_tree(arg));
    }
    node("call", [("func", function(&e.function)), ("args", args.into())])
}

fn unary(e: &Unary) -> Map<String, Value> {
    let op = if e.minus { "-" } else { "+" };
    node("unaryExpr", [("op", op.into()), ("expr", syntax_tree(&e.expr))])
}

fn matrix(e: &MatrixSelector) -> Map<String, Value> {
    let mut node = selector("matrixSelector", &e.vector);
    node.insert("range".into(), e.range_ms.into());
    node.insert("rangeExpr".into(), length(e.range_expr.as_deref()));
    node
}

fn subquery(e: &Subquery) -> Map<String, Value> {
    let mut node = modifiers("subquery", &e.modifiers);
    node.insert("expr".into(), syntax_tree(&e.expr));
    node.insert("range".into(), e.range_ms.into());
    node.insert("rangeExpr".into(), length(e.range_expr.as_deref()));
    node.insert("step".into(), e.step_ms.into());
    node.insert("stepExpr".into(), length(e.step_expr.as_deref()));
    node
}

/// What all nodes with `offset` and `@` have.
fn modifiers(kind: &str, modifiers: &Modifiers) -> Map<String, Value> {
    let bound = modifiers.at.map(|at| match at {
        AtBound::Start => "start",
        AtBound::End => "end",
    });
    Map::from_iter([
        ("type".to_owned(), kind.into()),
        ("offset".to_owned(), modifiers.offset_ms.into()),
        ("offsetExpr".to_owned(), length(modifiers.offset_expr.as_deref())),
        ("timestamp".to_owned(), modifiers.timestamp.into()),
        ("startOrEnd".to_owned(), bound.into()),
    ])
}

fn selector(kind: &str, e: &VectorSelector) -> Map<String, Value> {
    let mut node = modifiers(kind, &e.modifiers);
    node.insert("name".into(), e.name.as_str().into());
    node.insert("matchers".into(), e.matchers.iter().map(matcher).collect());
    node.insert("anchored".into(), e.anchored.into());
    node.insert("smoothed".into(), e.smoothed.into());
    node
}

fn matcher(matcher: &Matcher) -> Value {
    json!({ "name": matcher.name, "type": matcher.op.as_str(), "value": matcher.value })
}

fn matching(matching: &VectorMatching) -> Value {
    json!({
        "card": matching.card.as_str(),
        "labels": matching.labels,
        "on": matching.on,
        "include": matching.include,
        "fillValues": { "lhs": matching.fill_left, "rhs": matching.fill_right },
    })
}

fn function(name: &str) -> Value {
    let Some(signature) = signature(name) else {
        return json!({ "name": name, "argTypes": [], "variadic": 0, "returnType": "" });
    };
    let types: Vec<&str> = signature.args.iter().map(|t: &ValueType| t.as_str()).collect();
    json!({
        "name": signature.name,
        "argTypes": types,
        "variadic": signature.variadic,
        "returnType": signature.returns.as_str(),
    })
}

fn length(expr: Option<&DurationExpr>) -> Value {
    expr.map_or(Value::Null, duration)
}

fn duration(expr: &DurationExpr) -> Value {
    let node = |op: &str, lhs: Value, rhs: Value, wrapped: bool| json!({ "type": "durationExpr", "op": op, "lhs": lhs, "rhs": rhs, "wrapped": wrapped });
    match expr {
        DurationExpr::Number(number) => json!({ "type": "numberLiteral", "val": number.plain() }),
        DurationExpr::Binary {
            op,
            lhs,
            rhs,
            wrapped,
            ..
        } => node(op.as_str(), duration(lhs), duration(rhs), *wrapped),
        DurationExpr::Unary {
            minus, expr, wrapped, ..
        } => node(
            if *minus { "-" } else { "+" },
            Value::Null,
            duration(expr),
            *wrapped,
        ),
        DurationExpr::Step { wrapped, .. } => node("step", Value::Null, Value::Null, *wrapped),
        DurationExpr::Range { wrapped, .. } => node("range", Value::Null, Value::Null, *wrapped),
        DurationExpr::MinMax {
            max,
            lhs,
            rhs,
            wrapped,
            ..
        } => {
            let op = if *max { "max_of" } else { "min_of" };
            node(op, duration(lhs), duration(rhs), *wrapped)
        }
    }
}

#[cfg(test)]
mod tests {
    use narthex_promql::{Features, parse};

    use super::*;

    fn tree(query: &str) -> Value {
        syntax_tree(&parse(query, &Features::ALL).unwrap())
    }

    #[test]
    fn the_deepest_trees_are_shown_on_a_small_stack() {
        let answer = |query: String| {
            std::thread::Builder::new()
                .stack_size(2 << 20)
                .spawn(move || tree(&query).to_string().len())
                .unwrap()
                .join()
                .unwrap()
        };
        for (open, close) in [
            ("(", ")"),
            ("abs(", ")"),
            ("sum(", ")"),
            ("-", ""),
            ("x + ", ""),
            ("", " * x"),
        ] {
            let levels = 498;
            assert!(answer(open.repeat(levels) + "x" + &close.repeat(levels)) > levels);
        }
    }

    #[test]
    fn nodes_have_the_fields_that_clients_read() {
        let up = json!({
            "type": "vectorSelector", "name": "up",
            "matchers": [
                { "name": "job", "type": "=~", "value": "a|b" },
                { "name": "__name__", "type": "=", "value": "up" },
            ],
            "offset": -60000, "offsetExpr": null, "timestamp": 10500, "startOrEnd": null,
            "anchored": false, "smoothed": false,
        });
        assert_eq!(tree("up{job=~'a|b'} @ 10.5 offset -1m"), up);
        assert_eq!(
            tree("rate(up[5m] @ end())"),
            json!({
                "type": "call",
                "func": { "name": "rate", "argTypes": ["matrix"], "variadic": 0, "returnType": "vector" },
                "args": [{
                    "type": "matrixSelector", "name": "up",
                    "matchers": [{ "name": "__name__", "type": "=", "value": "up" }],
                    "range": 300_000, "rangeExpr": null, "offset": 0, "offsetExpr": null,
                    "timestamp": null, "startOrEnd": "end", "anchored": false, "smoothed": false,
                }],
            })
        );
        let topk = tree(
            "topk without (a) (2, x[1h:1m] > bool -1 * +Inf)"
                .replace("[1h:1m]", "")
                .as_str(),
        );
        assert_eq!(topk["op"], "topk");
        assert_eq!(topk["param"], json!({ "type": "numberLiteral", "val": "2" }));
        assert_eq!(
            (&topk["grouping"], &topk["without"]),
            (&json!(["a"]), &json!(true))
        );
        assert_eq!(topk["expr"]["bool"], true);
        assert_eq!(topk["expr"]["rhs"]["rhs"]["val"], "+Inf");
        let joined = tree("a * on (x) group_left (y) fill_right (2) b");
        assert_eq!(
            joined["matching"],
            json!({
                "card": "many-to-one", "labels": ["x"], "on": true, "include": ["y"],
                "fillValues": { "lhs": null, "rhs": 2.0 },
            })
        );
        let subquery = tree("(-a)[5m + step():] offset 1s");
        assert_eq!((&subquery["range"], &subquery["step"]), (&json!(0), &json!(0)));
        assert_eq!(subquery["rangeExpr"]["lhs"]["val"], "300");
        assert_eq!(subquery["rangeExpr"]["rhs"]["op"], "step");
        assert_eq!(subquery["expr"]["type"], "parenExpr");
        assert_eq!(subquery["expr"]["expr"]["op"], "-");
        assert_eq!(tree("'a'"), json!({ "type": "stringLiteral", "val": "a" }));
    }
}
