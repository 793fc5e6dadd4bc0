//! Names and values that fit what one types.

use super::world::{Api, NOW};

/// The lines of an answer.
fn lines(api: &Api, query: &str) -> Vec<String> {
    let answer = api.get(&format!("/api/v1/search/{query}"));
    assert_eq!(answer.status, 200, "{query}: {}", answer.text());
    assert_eq!(
        answer.header("content-type"),
        Some("application/x-ndjson; charset=utf-8")
    );
    answer.text().lines().map(str::to_owned).collect()
}

fn api() -> Api {
    let api = Api::empty(|options| {
        options.features = vec!["search-api".into()];
        options.search_limit = 50;
    });
    api.put(&[("__name__", "old"), ("job", "c")], &[(9_000, 1.0)]);
    for name in ["http_requests_total", "http_request_duration_seconds", "up"] {
        api.put(&[("__name__", name), ("job", "a<b"), ("Zone", "z")], &[(60, 1.0)]);
    }
    api
}

#[test]
fn names_and_values_in_batches() {
    let api = api();
    let end = r#"{"status":"success","has_more":false}"#;
    let table: [(&str, &[&str]); 8] = [
        (
            "metric_names?batch_size=2",
            &[
                r#"{"results":[{"name":"http_request_duration_seconds"},{"name":"http_requests_total"}]}"#,
                r#"{"results":[{"name":"up"}]}"#,
                end,
            ],
        ),
        (
            "metric_names?sort_dir=dsc&limit=1",
            &[
                r#"{"results":[{"name":"up"}]}"#,
                r#"{"status":"success","has_more":true}"#,
            ],
        ),
        (
            "metric_names?search[]=total",
            &[r#"{"results":[{"name":"http_requests_total"}]}"#, end],
        ),
        ("metric_names?search[]=TOTAL", &[end]),
        (
            "metric_names?search[]=TOTAL&case_sensitive=false&include_score=true",
            &[r#"{"results":[{"name":"http_requests_total","score":1}]}"#, end],
        ),
        (
            "metric_names?search[]=htp_requests_total&fuzz_alg=jarowinkler&fuzz_threshold=80&sort_by=score",
            &[r#"{"results":[{"name":"http_requests_total"}]}"#, end],
        ),
        (
            "label_names?match[]=up",
            &[
                r#"{"results":[{"name":"Zone"},{"name":"__name__"},{"name":"job"}]}"#,
                end,
            ],
        ),
        (
            "label_values?label=job",
            &[r#"{"results":[{"value":"a\u003cb"}]}"#, end],
        ),
    ];
    for (query, want) in table {
        assert_eq!(lines(&api, query), want, "{query}");
    }
    let old = lines(
        &api,
        &format!("label_values?label=job&start={}&end={NOW}", NOW - 10_000),
    );
    assert_eq!(old[0], r#"{"results":[{"value":"a\u003cb"},{"value":"c"}]}"#);
}

#[test]
fn faults() {
    let api = api();
    for (query, text) in [
        ("label_values", "label parameter is required"),
        (
            "metric_names?limit=51",
            "invalid parameter \"limit\": must be from 1 to 50",
        ),
        (
            "metric_names?limit=0",
            "invalid parameter \"limit\": must be from 1 to 50",
        ),
        (
            "metric_names?batch_size=0",
            "invalid parameter \"batch_size\": must be at least 1",
        ),
        (
            "metric_names?fuzz_threshold=101",
            "invalid parameter \"fuzz_threshold\": must be from 0 to 100",
        ),
        (
            "metric_names?fuzz_alg=x",
            "invalid parameter \"fuzz_alg\": unsupported value \"x\"",
        ),
        (
            "metric_names?sort_by=x",
            "invalid parameter \"sort_by\": unsupported value \"x\"",
        ),
        (
            "metric_names?sort_dir=x",
            "invalid parameter \"sort_dir\": unsupported value \"x\"",
        ),
    ] {
        let error = api.error(&format!("/api/v1/search/{query}"));
        assert_eq!(error, (400, "bad_data".into(), text.into()), "{query}");
    }
    let off = Api::empty(|_| {}).error("/api/v1/search/metric_names");
    assert_eq!(off, (500, "unavailable".into(), "search API disabled".into()));
}
