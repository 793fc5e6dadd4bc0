//! Names, values, series, metadata: what choosers and completion ask.

use super::world::{NOW, encoded, world};

#[test]
fn names_values_and_series() {
    assert_eq!(
        world().data("/api/v1/labels"),
        r#"["Zone","__name__","instance","job","kind","my.label"]"#
    );
    assert_eq!(world().data("/api/v1/label/job/values"), r#"["a","b"]"#);
    assert_eq!(world().data("/api/v1/label/nope/values"), "[]");
    assert_eq!(
        world().data("/api/v1/label/instance/values"),
        r#"["i\u00261","i2"]"#
    );
    assert_eq!(
        world().data("/api/v1/series?match[]=up"),
        r#"[{"__name__":"up","instance":"i&1","job":"a"},{"__name__":"up","instance":"i2","job":"b"}]"#
    );
    assert_eq!(world().data("/api/v1/series?match[]=nope"), "[]");
}

#[test]
fn limits_truncate_with_a_warning() {
    for (path, data) in [
        ("/api/v1/labels?limit=1", r#"["Zone"]"#),
        ("/api/v1/label/job/values?limit=1", r#"["a"]"#),
        (
            "/api/v1/series?match[]=up&limit=1",
            r#"[{"__name__":"up","instance":"i&1","job":"a"}]"#,
        ),
    ] {
        assert_eq!(
            world().body(200, path),
            format!(r#"{{"status":"success","data":{data},"warnings":["results truncated due to limit"]}}"#)
        );
    }
    let cut = world()
        .get(&format!("/api/v1/query?query=up&time={NOW}&limit=1"))
        .json();
    assert_eq!(cut["data"]["result"].as_array().unwrap().len(), 1);
    assert_eq!(cut["warnings"][0], "results truncated due to limit");
    let whole = world()
        .get(&format!("/api/v1/query?query=up&time={NOW}&limit=2"))
        .json();
    assert!(whole.get("warnings").is_none());
    assert_eq!(world().data("/api/v1/label/job/values?limit=0"), r#"["a","b"]"#);
    assert_eq!(world().data("/api/v1/metadata?limit=0"), "{}");
}

#[test]
fn several_matchers_are_joined() {
    let path = format!(
        "/api/v1/label/__name__/values?match[]={}&match[]={}",
        encoded("up{job=\"a\"}"),
        encoded("{__name__=~\"(?i)SPEC.*\"}")
    );
    assert_eq!(world().data(&path), r#"["special","up"]"#);
    let posted = world().post_form(
        "/api/v1/series?match[]=up%7Bjob%3D%22a%22%7D",
        "match[]=up&limit=10",
    );
    assert_eq!(posted.json()["data"].as_array().unwrap().len(), 2);
}

#[test]
fn very_long_selectors_are_taken() {
    let names = |bytes: usize| {
        let mut names = String::from("up");
        while names.len() < bytes {
            names.push_str("|some_metric_name_that_is_long");
        }
        names
    };
    let selector = format!("{{__name__=~\"{}\"}}", names(500 * 1024));
    let answer = world().get(&format!("/api/v1/label/job/values?match[]={selector}"));
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["data"], serde_json::json!(["a", "b"]));
    let mut form = String::new();
    while form.len() < 1024 * 1024 {
        form.push_str("match[]=up%7Bjob%3D%22b%22%7D&");
    }
    let answer = world().post_form("/api/v1/series", &form);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["data"].as_array().unwrap().len(), 1);
    let endless = "x".repeat(1100 * 1024);
    assert_eq!(world().get(&format!("/api/v1/query?query={endless}")).status, 431);
}

#[test]
fn names_beyond_the_old_alphabet() {
    for path in [
        "/api/v1/label/U__my_2e_label/values",
        "/api/v1/label/my.label/values",
        "/api/v1/label/my%2Elabel/values",
    ] {
        assert_eq!(world().data(path), r#"["x/y"]"#, "{path}");
    }
    let query = encoded("{\"foo.bar\"}");
    assert_eq!(
        world().data(&format!("/api/v1/query?time={NOW}&query={query}")),
        format!(
            r#"{{"resultType":"vector","result":[{{"metric":{{"__name__":"foo.bar","my.label":"x/y"}},"value":[{NOW},"7"]}}]}}"#
        )
    );
    let query = encoded("sum by (\"my.label\") ({\"foo.bar\"})");
    assert_eq!(
        world().data(&format!("/api/v1/query?time={NOW}&query={query}")),
        format!(
            r#"{{"resultType":"vector","result":[{{"metric":{{"my.label":"x/y"}},"value":[{NOW},"7"]}}]}}"#
        )
    );
}

#[test]
fn what_is_not_there_yet_has_its_shape() {
    for (path, data) in [
        ("/api/v1/metadata", "{}"),
        (
            "/api/v1/targets",
            r#"{"activeTargets":[],"droppedTargets":[],"droppedTargetCounts":{}}"#,
        ),
        (
            "/api/v1/targets?state=active",
            r#"{"activeTargets":[],"droppedTargets":[],"droppedTargetCounts":null}"#,
        ),
        ("/api/v1/targets/metadata", "[]"),
        ("/api/v1/scrape_pools", r#"{"scrapePools":[]}"#),
        ("/api/v1/rules", r#"{"groups":[]}"#),
        ("/api/v1/alerts", r#"{"alerts":[]}"#),
        (
            "/api/v1/alertmanagers",
            r#"{"activeAlertmanagers":[],"droppedAlertmanagers":[]}"#,
        ),
        ("/api/v1/status/config", r#"{"yaml":"global: {}\n"}"#),
        ("/api/v1/status/flags", r#"{"query.timeout":"2m"}"#),
        ("/api/v1/status/walreplay", r#"{"min":0,"max":0,"current":0}"#),
        ("/api/v1/notifications", "[]"),
    ] {
        assert_eq!(world().data(path), data, "{path}");
    }
    let runtime = world().get("/api/v1/status/runtimeinfo").json();
    for key in [
        "startTime",
        "CWD",
        "storageRetention",
        "lastConfigTime",
        "GOMAXPROCS",
    ] {
        assert!(runtime["data"].get(key).is_some(), "{key}");
    }
    let tsdb = world().get("/api/v1/status/tsdb?limit=1").json();
    assert_eq!(tsdb["data"]["headStats"]["numSeries"], 11);
    assert_eq!(tsdb["data"]["seriesCountByMetricName"][0]["name"], "special");
    assert_eq!(
        tsdb["data"]["seriesCountByMetricName"].as_array().unwrap().len(),
        1
    );
    for only_asked_for in [
        "totalSeries",
        "seriesCountByLabelName",
        "seriesCountByFocusLabelValue",
    ] {
        assert!(tsdb["data"].get(only_asked_for).is_none(), "{only_asked_for}");
    }
}

#[test]
fn what_makes_the_head_large_is_found_step_by_step() {
    let ask = |query: &str| world().get(&format!("/api/v1/status/tsdb?{query}")).json()["data"].clone();
    let all = ask("label=__name__&limit=100");
    assert_eq!(all["totalSeries"], all["headStats"]["numSeries"]);
    assert_eq!(
        all["seriesCountByFocusLabelValue"],
        all["seriesCountByMetricName"]
    );
    assert_eq!(all["seriesCountByLabelName"][0]["name"], "__name__");
    let largest = all["seriesCountByMetricName"][0].clone();
    let part = ask(&format!(
        "match[]={}&label=job",
        encoded(largest["name"].as_str().unwrap())
    ));
    assert_eq!(part["totalSeries"], largest["value"]);
    assert_eq!(part["seriesCountByMetricName"], serde_json::json!([largest]));
    assert!(part["seriesCountByFocusLabelValue"].is_array(), "{part}");
    // Two selectors: the series that either finds.
    let names: Vec<&str> = ["up", "special"].to_vec();
    let either = ask(&format!("match[]={}&match[]={}&limit=10000", names[0], names[1]));
    assert_eq!(
        either["seriesCountByMetricName"].as_array().unwrap().len(),
        2,
        "{either}"
    );
    assert!(either.get("seriesCountByFocusLabelValue").is_none());
    assert_eq!(ask("match[]=none_of_them")["totalSeries"], 0);
    for (query, text) in [
        ("match[]=%7B", "invalid parameter \"match[]\": "),
        (
            "match[]=%7Bjob%3D~%22.*%22%7D",
            "match[] must contain at least one non-empty matcher",
        ),
        ("limit=x", "limit must be a positive number"),
    ] {
        let (status, kind, error) = world().error(&format!("/api/v1/status/tsdb?{query}"));
        assert_eq!((status, kind.as_str()), (400, "bad_data"), "{query}");
        assert!(error.contains(text), "{error}");
    }
}
