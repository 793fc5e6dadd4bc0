//! Bodies of query answers, to the byte.

use std::sync::Arc;

use narthex_model::{Histogram, HistogramValue, Labels, Span};
use narthex_tsdb::Batch;

use super::world::{Api, NOW, encoded, world};

fn instant(query: &str) -> String {
    world().data(&format!("/api/v1/query?time={NOW}&query={}", encoded(query)))
}

#[test]
fn save_and_test_of_grafana() {
    let expected = r#"{"resultType":"scalar","result":[4,"2"]}"#;
    assert_eq!(world().data("/api/v1/query?query=1%2B1&time=4"), expected);
    let posted = world().post_form("/api/v1/query", "query=1%2B1&time=4");
    assert_eq!(
        posted.text(),
        format!(r#"{{"status":"success","data":{expected}}}"#)
    );
    assert_eq!(posted.header("content-type"), Some("application/json"));
    let build = world().get("/api/v1/status/buildinfo").json();
    let version = build["data"]["version"].as_str().unwrap();
    let numbers: Vec<u32> = version.split('.').map(|n| n.parse().unwrap()).collect();
    assert_eq!(numbers.len(), 3, "{version}");
    assert!(build["data"].get("features").is_none());
}

#[test]
fn range_points_stand_at_start_and_whole_steps() {
    for (step, count) in [("0.5", 20), ("2", 20), ("15", 20), ("86400", 3)] {
        let seconds: f64 = step.parse().unwrap();
        let start = NOW as f64 - 100.25;
        let end = start + seconds * f64::from(count);
        let path = format!("/api/v1/query_range?query=vector(1)&start={start}&end={end}&step={step}");
        let body: serde_json::Value = serde_json::from_str(&world().data(&path)).unwrap();
        let points = body["result"][0]["values"].as_array().unwrap().clone();
        assert_eq!(points.len(), count as usize + 1, "step {step}");
        for (k, point) in points.iter().enumerate() {
            assert_eq!(
                point[0].as_f64().unwrap(),
                start + seconds * k as f64,
                "step {step}"
            );
        }
    }
    let text = world().body(
        200,
        "/api/v1/query_range?query=vector(1)&start=1.5&end=3&step=0.5",
    );
    assert_eq!(
        text,
        r#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[1.500,"1"],[2,"1"],[2.500,"1"],[3,"1"]]}]}}"#
    );
}

#[test]
fn eleven_thousand_steps_and_no_more() {
    let allowed = world().get("/api/v1/query_range?query=1&start=0&end=11000&step=1");
    assert_eq!(allowed.status, 200);
    let points = allowed.json()["data"]["result"][0]["values"]
        .as_array()
        .unwrap()
        .len();
    assert_eq!(points, 11_001);
    assert_eq!(
        world().error("/api/v1/query_range?query=1&start=0&end=11001&step=1"),
        (
            400,
            "bad_data".into(),
            "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)".into()
        )
    );
}

#[test]
fn special_values_have_their_own_texts() {
    for (kind, text) in [
        ("plus", "+Inf"),
        ("minus", "-Inf"),
        ("nan", "NaN"),
        ("zero", "-0"),
        ("small", "1e-07"),
        ("large", "1e+21"),
        ("third", "0.3333333333333333"),
    ] {
        assert_eq!(
            instant(&format!("special{{kind=\"{kind}\"}}")),
            format!(
                r#"{{"resultType":"vector","result":[{{"metric":{{"__name__":"special","kind":"{kind}"}},"value":[{NOW},"{text}"]}}]}}"#
            )
        );
    }
    assert_eq!(
        instant("1e21"),
        format!(r#"{{"resultType":"scalar","result":[{NOW},"1000000000000000000000"]}}"#)
    );
    assert_eq!(
        instant("1e-7"),
        format!(r#"{{"resultType":"scalar","result":[{NOW},"0.0000001"]}}"#)
    );
    assert_eq!(
        instant("\"a<b>&\\\"\""),
        format!(r#"{{"resultType":"string","result":[{NOW},"a\u003cb\u003e\u0026\""]}}"#)
    );
    assert_eq!(instant("nothing_there"), r#"{"resultType":"vector","result":[]}"#);
    assert_eq!(
        world().data("/api/v1/query?query=1&time=1.5"),
        r#"{"resultType":"scalar","result":[1.5,"1"]}"#
    );
    assert_eq!(
        world().data("/api/v1/query?query=vector(1)&time=1.5"),
        r#"{"resultType":"vector","result":[{"metric":{},"value":[1.500,"1"]}]}"#
    );
}

#[test]
fn floats_and_histograms_of_one_series_stand_side_by_side() {
    let api = Api::empty(|_| {});
    let mix = Labels::from_pairs([("__name__", "mix")]);
    let now = NOW * 1000;
    let histogram = Histogram {
        schema: 0,
        zero_threshold: 0.001,
        zero_count: 1,
        count: 6,
        sum: -4.5,
        positive_spans: vec![Span { offset: 1, length: 1 }],
        positive_buckets: vec![2],
        negative_spans: vec![Span { offset: 0, length: 1 }],
        negative_buckets: vec![3],
        ..Histogram::default()
    };
    for (age, is_histogram) in [(45, false), (30, true), (15, false), (0, true)] {
        let time = now - age * 1000;
        let mut batch = Batch::new(time);
        if is_histogram {
            let value = HistogramValue::Integer(Arc::new(histogram.clone()));
            batch.push_histogram_labelled(&mix, time, value);
        } else {
            batch.push_float_labelled(&mix, time, age as f64 / 10.0);
        }
        assert_eq!(api.store.append(&batch, now).unwrap().rejected, []);
    }
    let shown = r#"{"count":"6","sum":"-4.5","buckets":[[1,"-1","-0.5","3"],[3,"-0.001","0.001","1"],[0,"1","2","2"]]}"#;
    let both = format!(
        r#"{{"resultType":"matrix","result":[{{"metric":{{"__name__":"mix"}},"values":[[{},"4.5"],[{},"1.5"]],"histograms":[[{},{shown}],[{NOW},{shown}]]}}]}}"#,
        NOW - 45,
        NOW - 15,
        NOW - 30
    );
    let start = NOW - 45;
    assert_eq!(
        api.data(&format!(
            "/api/v1/query_range?query=mix&start={start}&end={NOW}&step=15"
        )),
        both
    );
    assert_eq!(api.data(&format!("/api/v1/query?query=mix[1m]&time={NOW}")), both);
    let vector = |value: &str| {
        format!(r#"{{"resultType":"vector","result":[{{"metric":{{"__name__":"mix"}},{value}}}]}}"#)
    };
    assert_eq!(
        api.data(&format!("/api/v1/query?query=mix&time={NOW}")),
        vector(&format!(r#""histogram":[{NOW},{shown}]"#))
    );
    let before = NOW - 1;
    assert_eq!(
        api.data(&format!("/api/v1/query?query=mix&time={before}")),
        vector(&format!(r#""value":[{before},"1.5"]"#))
    );
    // One kind only: there is no list of the other.
    let alone = api.data(&format!(
        "/api/v1/query_range?query=mix&start={NOW}&end={NOW}&step=15"
    ));
    assert!(
        !alone.contains("values") && alone.contains("histograms"),
        "{alone}"
    );
}

#[test]
fn labels_are_sorted_by_bytes_and_not_escaped_for_html() {
    assert_eq!(
        instant("http_requests_total"),
        format!(
            r#"{{"resultType":"vector","result":[{{"metric":{{"Zone":"z<1>","__name__":"http_requests_total","job":"a"}},"value":[{NOW},"600"]}}]}}"#
        )
    );
    let ranged = instant("up{job=\"b\"}[2m]");
    assert_eq!(
        ranged,
        format!(
            r#"{{"resultType":"matrix","result":[{{"metric":{{"__name__":"up","instance":"i2","job":"b"}},"values":[[{},"1"],[{NOW},"0"]]}}]}}"#,
            NOW - 60
        )
    );
}

#[test]
fn errors_have_prometheus_statuses_types_and_texts() {
    let table = [
        (
            "/api/v1/query?query=rate(up",
            400,
            "bad_data",
            "invalid parameter \"query\": 1:8: parse error: unclosed left parenthesis",
        ),
        (
            "/api/v1/query",
            400,
            "bad_data",
            "invalid parameter \"query\": unknown position: parse error: no expression found in input",
        ),
        (
            "/api/v1/query?query=1&time=abc",
            400,
            "bad_data",
            "invalid parameter \"time\": invalid time value for 'time': cannot parse \"abc\" to a valid timestamp",
        ),
        (
            "/api/v1/query?query=1&lookback_delta=x",
            400,
            "bad_data",
            "error parsing lookback delta duration: cannot parse \"x\" to a valid duration",
        ),
        (
            "/api/v1/query?query=1&timeout=-1",
            400,
            "bad_data",
            "invalid parameter \"query\": context deadline exceeded",
        ),
        (
            "/api/v1/query_range?query=up[1m]&start=0&end=1&step=1",
            400,
            "bad_data",
            "invalid parameter \"query\": invalid expression type \"range vector\" for range query, must be Scalar or instant Vector",
        ),
        ("/api/v1/series", 400, "bad_data", "no match[] parameter provided"),
        (
            "/api/v1/series?match[]=%7B%7D",
            400,
            "bad_data",
            "invalid parameter \"match[]\": match[] must contain at least one non-empty matcher",
        ),
        (
            "/api/v1/series?match[]=%zz",
            400,
            "bad_data",
            "error parsing form values: invalid URL escape \"%zz\"",
        ),
        (
            "/api/v1/metadata?limit=x",
            400,
            "bad_data",
            "limit must be a number",
        ),
        (
            "/api/v1/status/tsdb?limit=0",
            400,
            "bad_data",
            "limit must be a positive number",
        ),
        (
            "/api/v1/rules?type=x",
            400,
            "bad_data",
            "invalid parameter \"type\": not supported value \"x\"",
        ),
        (
            "/api/v1/query_exemplars?query=up&start=5&end=1",
            400,
            "bad_data",
            "end timestamp must not be before start timestamp",
        ),
    ];
    for (path, status, kind, text) in table {
        assert_eq!(world().error(path), (status, kind.into(), text.into()), "{path}");
    }
}

#[test]
fn many_to_many_is_an_error_of_execution() {
    let query = encoded("up * on() up");
    let (status, kind, text) = world().error(&format!("/api/v1/query?time={NOW}&query={query}"));
    assert_eq!((status, kind.as_str()), (422, "execution"));
    assert!(text.contains("many-to-many matching not allowed"), "{text}");
}

#[test]
fn exemplars_of_an_empty_store() {
    let probe = format!("/api/v1/query_exemplars?query=test&start={NOW}000&end={NOW}000");
    assert_eq!(world().body(200, &probe), r#"{"status":"success","data":[]}"#);
    let none = world().get("/api/v1/query_exemplars?query=1");
    assert_eq!((none.status, none.text().as_str()), (204, ""));
}

#[test]
fn infos_carry_positions_and_stats_count_samples() {
    let query = encoded("sum(rate(up[5m]))");
    let body = world()
        .get(&format!("/api/v1/query?time={NOW}&query={query}"))
        .json();
    let info = body["infos"][0].as_str().unwrap();
    assert!(
        info.starts_with("PromQL info: metric might not be a counter") && info.ends_with("(1:10)"),
        "{info}"
    );
    let body = world()
        .get(&format!("/api/v1/query?time={NOW}&query=up&stats=all"))
        .json();
    let stats = &body["data"]["stats"];
    assert_eq!(stats["samples"]["totalQueryableSamples"], 2);
    assert!(stats["timings"]["execTotalTime"].is_number() && stats["samples"]["peakSamples"].is_number());
}

#[test]
fn format_and_parse() {
    assert_eq!(world().data("/api/v1/format_query?query=1%2B2"), "\"1 + 2\"");
    assert_eq!(
        world().data("/api/v1/parse_query?query=1"),
        r#"{"type":"numberLiteral","val":"1"}"#
    );
}
