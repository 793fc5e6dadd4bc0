//! Answers of the API as promtool prints them.

use narthex_model::labels::quoted;
use serde_json::Value;
use std::fmt::Write as _;

/// The result of a query; of another answer the whole: JSON as Go writes it.
pub(super) fn json(data: &Value) -> String {
    let shown = match data {
        Value::Object(query) => query.get("result").unwrap_or(data),
        other => other,
    };
    // Outside of strings these do not occur.
    shown
        .to_string()
        .replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
}

/// The result of a query.
pub(super) fn value(data: &Value) -> String {
    let result = data.get("result").unwrap_or(&Value::Null);
    match data.get("resultType").and_then(Value::as_str) {
        Some("scalar") => format!("scalar: {} @[{}]", point(result).1, point(result).0),
        Some("string") => point(result).1,
        Some("vector") => items(result).iter().map(sample).collect::<Vec<_>>().join("\n"),
        _ => items(result).iter().map(stream).collect::<Vec<_>>().join("\n"),
    }
}

/// Label sets, one a line.
pub(super) fn label_sets(data: &Value) -> String {
    items(data)
        .iter()
        .map(|set| labels(set, true))
        .collect::<Vec<_>>()
        .join("\n")
}

/// Texts, one a line.
pub(super) fn lines(data: &Value) -> String {
    items(data).iter().map(text).collect::<Vec<_>>().join("\n")
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn sample(item: &Value) -> String {
    let metric = labels(item.get("metric").unwrap_or(&Value::Null), false);
    let found = item.get("value").map(point);
    let (time, value) = found
        .or_else(|| item.get("histogram").map(histogram_point))
        .unwrap_or_default();
    format!("{metric} => {value} @[{time}]")
}

fn stream(item: &Value) -> String {
    let mut out = labels(item.get("metric").unwrap_or(&Value::Null), false);
    out.push_str(" =>");
    let list = |key: &str| items(item.get(key).unwrap_or(&Value::Null)).iter();
    let points = list("values")
        .map(point)
        .chain(list("histograms").map(histogram_point));
    for (time, value) in points {
        let _ = write!(out, "\n{value} @[{time}]");
    }
    out
}

/// Time and value of `[time, "value"]`.
fn point(pair: &Value) -> (String, String) {
    let part = |at: usize| pair.get(at).unwrap_or(&Value::Null);
    (text(part(0)), plain(&text(part(1))))
}

/// A number as Go's `f` format writes it; anything else as it is.
fn plain(number: &str) -> String {
    match number.parse::<f64>() {
        Ok(value) if value.is_finite() && number.contains(['e', 'E']) => format!("{value}"),
        _ => number.to_owned(),
    }
}

fn histogram_point(pair: &Value) -> (String, String) {
    let histogram = pair.get(1).unwrap_or(&Value::Null);
    let field = |key: &str| plain(&text(histogram.get(key).unwrap_or(&Value::Null)));
    let buckets: Vec<String> = items(histogram.get("buckets").unwrap_or(&Value::Null))
        .iter()
        .map(|bucket| {
            let part = |at: usize| plain(&text(bucket.get(at).unwrap_or(&Value::Null)));
            let bounds = bucket.get(0).and_then(Value::as_u64).unwrap_or(0);
            let open = if matches!(bounds, 1 | 3) { '[' } else { '(' };
            let close = if matches!(bounds, 0 | 3) { ']' } else { ')' };
            format!("{open}{},{}{close}:{}", part(1), part(2), part(3))
        })
        .collect();
    let value = format!(
        "Count: {}, Sum: {}, Buckets: [{}]",
        field("count"),
        field("sum"),
        buckets.join(" ")
    );
    (point(pair).0, value)
}

/// Labels in braces, the metric's name in front unless `flat`.
fn labels(metric: &Value, flat: bool) -> String {
    let mut name = "";
    let mut parts = Vec::new();
    for (label, value) in metric.as_object().into_iter().flatten() {
        let value = value.as_str().unwrap_or_default();
        if label == narthex_model::METRIC_NAME && !flat {
            name = value;
            continue;
        }
        parts.push(format!("{label}={}", quoted(value)));
    }
    if parts.is_empty() && !name.is_empty() {
        return name.to_owned();
    }
    format!("{name}{{{}}}", parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn answers_print_as_promtool_prints_them() {
        let up = json!({"__name__": "up", "job": "a\"<"});
        for (data, want) in [
            (
                json!({"resultType": "scalar", "result": [1.5, "1e+21"]}),
                "scalar: 1000000000000000000000 @[1.5]",
            ),
            (json!({"resultType": "string", "result": [1, "text"]}), "text"),
            (json!({"resultType": "vector", "result": []}), ""),
            (
                json!({"resultType": "vector", "result": [{"metric": up, "value": [1700000000, "1"]}, {"metric": {}, "value": [1, "NaN"]}]}),
                "up{job=\"a\\\"<\"} => 1 @[1700000000]\n{} => NaN @[1]",
            ),
            (
                json!({"resultType": "matrix", "result": [{"metric": {"__name__": "up"}, "values": [[1, "1"], [2.25, "+Inf"]]}]}),
                "up =>\n1 @[1]\n+Inf @[2.25]",
            ),
            (
                json!({"resultType": "vector", "result": [{"metric": {}, "histogram": [1, {"count": "3", "sum": "2.5", "buckets": [[0, "1", "2", "1"], [3, "-1", "1", "2"]]}]}]}),
                "{} => Count: 3, Sum: 2.5, Buckets: [(1,2]:1 [-1,1]:2] @[1]",
            ),
        ] {
            assert_eq!(value(&data), want);
        }
        assert_eq!(
            label_sets(&json!([{"__name__": "up", "a": "b"}])),
            "{__name__=\"up\", a=\"b\"}"
        );
        assert_eq!(json(&json!({"result": ["<&>"]})), "[\"\\u003c\\u0026\\u003e\"]");
    }
}
