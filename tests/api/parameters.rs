//! Where parameters may stand, and the forms they may have.

use narthex::clock::Clock;

use super::world::{Api, NOW, encoded, world};

#[test]
fn body_wins_over_url_and_both_are_read() {
    let both = world().post_form("/api/v1/query?query=2&time=4", "query=1");
    assert_eq!(both.json()["data"]["result"][1], "1");
    let url_only = world().send("POST", "/api/v1/query?query=1%2B1&time=4", &[], b"");
    assert_eq!(url_only.json()["data"]["result"], serde_json::json!([4, "2"]));
    let json = world().send(
        "POST",
        "/api/v1/query",
        &[("Content-Type", "application/json")],
        br#"{"query":"1"}"#,
    );
    assert_eq!(json.status, 400);
}

#[test]
fn multipart_is_read_by_queries_only() {
    let part = |name: &str, value: &str| {
        format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let headers = [("Content-Type", "multipart/form-data; boundary=x")];
    let body =
        part("query", "1") + &part("start", "0") + &part("end", "2") + &part("step", "1") + "--x--\r\n";
    let answer = world().send("POST", "/api/v1/query_range", &headers, body.as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(
        answer.json()["data"]["result"][0]["values"]
            .as_array()
            .unwrap()
            .len(),
        3
    );
    let body = part("match[]", "up") + "--x--\r\n";
    let answer = world().send("POST", "/api/v1/series", &headers, body.as_bytes());
    assert_eq!(answer.json()["error"], "no match[] parameter provided");
}

#[test]
fn durations_times_and_unknown_parameters() {
    for query in [
        "query=up&step=1m0s&start=0&end=60",
        "query=up&step=15&start=2023-11-14T22:13:20Z&end=2023-11-14T22:14:20.5Z",
        "query=rate(up[1m0s])&step=1&start=0&end=1&namespace=x&max_source_resolution=1s&timeout=30s",
    ] {
        let answer = world().get(&format!("/api/v1/query_range?{query}"));
        assert_eq!(answer.status, 200, "{query}: {}", answer.text());
    }
}

#[test]
fn a_heavy_query_meets_its_timeout() {
    let api = Api::starting(Clock::system(), |_| {});
    api.app.set_store(api.store.clone());
    let series: Vec<(i64, f64)> = (0..200).rev().map(|i| (i, 1.0)).collect();
    for i in 0..50 {
        api.put(&[("__name__", "m"), ("i", &i.to_string())], &series);
    }
    let query = encoded("sum_over_time(sum(rate(m[10m]))[11000000s:1s])");
    let (status, kind, text) = api.error(&format!("/api/v1/query?query={query}&time={NOW}&timeout=20ms"));
    assert_eq!(
        (status, kind.as_str(), text.as_str()),
        (503, "timeout", "query timed out in expression evaluation")
    );
}

#[test]
fn a_query_looks_back_as_far_as_it_says() {
    let later = NOW + 100;
    for (lookback, found) in [
        ("", 2),
        ("&lookback_delta=50s", 0),
        ("&lookback_delta=100", 0),
        ("&lookback_delta=100.001", 2),
        ("&lookback_delta=2m", 2),
    ] {
        for path in [
            format!("/api/v1/query?query=up&time={later}{lookback}"),
            format!("/api/v1/query_range?query=up&start={later}&end={later}&step=1{lookback}"),
        ] {
            let answer = world().get(&path).json();
            let result = answer["data"]["result"].as_array().unwrap();
            assert_eq!(result.len(), found, "{path}: {answer}");
        }
    }
}

#[test]
fn only_series_are_limited() {
    let range = format!("start={NOW}&end={NOW}&step=1");
    for (path, cut) in [
        (format!("query_range?query=up&{range}&limit=1"), true),
        (format!("query_range?query=up&{range}&limit=2"), false),
        (format!("query_range?query=up&{range}&limit=0"), false),
        (format!("query?query=up%5B2m%5D&time={NOW}&limit=1"), true),
        (format!("query?query=1&time={NOW}&limit=1"), false),
    ] {
        let answer = world().get(&format!("/api/v1/{path}")).json();
        let warned = answer.get("warnings").is_some();
        assert_eq!(warned, cut, "{path}: {answer}");
        let shown = answer["data"]["result"].as_array().map_or(0, Vec::len);
        assert_eq!(shown, if cut { 1 } else { 2 }, "{path}: {answer}");
    }
}

#[test]
fn samples_are_counted_by_step_if_that_is_on() {
    let stats = |api: &Api, path: &str| {
        let answer = api.get(&format!("/api/v1/{path}")).json();
        answer["data"]["stats"]["samples"].clone()
    };
    let path = format!(
        "query_range?query=up&start={}&end={NOW}&step=60&stats=",
        NOW - 120
    );
    let off = stats(world(), &format!("{path}all"));
    assert_eq!(off["totalQueryableSamples"], 4);
    assert_eq!(off.get("totalQueryableSamplesPerStep"), None, "{off}");
    assert!(stats(world(), &path).is_null());

    let api = Api::empty(|options| options.per_step_stats = true);
    for job in ["a", "b"] {
        api.put(&[("__name__", "up"), ("job", job)], &[(60, 1.0), (0, 1.0)]);
    }
    let by_step = serde_json::json!([[NOW - 120, 0], [NOW - 60, 2], [NOW, 2]]);
    let on = stats(&api, &format!("{path}all"));
    assert_eq!(on["totalQueryableSamplesPerStep"], by_step);
    assert_eq!(on["totalQueryableSamples"], 4);
    let only_sums = stats(&api, &format!("{path}true"));
    assert_eq!(only_sums.get("totalQueryableSamplesPerStep"), None, "{only_sums}");
}
