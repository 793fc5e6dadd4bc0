//! Grafana's requests as it sends them, replayed in both of its dialects: that of 7.x, where the browser writes URLs
//! and Grafana passes bytes on, and that of today, where its backend writes requests of its own.

use narthex_model::{Histogram, HistogramValue, Labels, Span};
use narthex_tsdb::{Batch, Exemplar};

use super::world::{Api, NOW};

/// Headers of 7.x: those of a browser, passed on.
const OLD: &[(&str, &str)] = &[
    ("Accept", "application/json, text/plain, */*"),
    ("Accept-Encoding", "gzip, deflate, br, zstd"),
    ("User-Agent", "Grafana/7.5.5"),
    ("X-Grafana-Org-Id", "1"),
    ("X-Dashboard-Id", "undefined"),
    ("X-Panel-Id", "2"),
    ("X-Forwarded-For", "127.0.0.1, ::1"),
];
/// Headers of today's backend.
const NEW: &[(&str, &str)] = &[
    ("Accept-Encoding", "gzip"),
    ("User-Agent", "Go-http-client/1.1"),
    ("X-Dashboard-Uid", "abc"),
    ("X-Panel-Id", "2"),
    ("X-Grafana-Org-Id", "1"),
];

/// One request and what its answer must be.
struct Row(
    /// What Grafana does.
    &'static str,
    /// Method and path; `N` and `P` stand for now and an hour before.
    &'static str,
    /// The form body of a POST.
    &'static str,
    /// `data` of the answer, `N` likewise; or after a status the error: `400 bad_data: text`.
    &'static str,
);

const JOBS: &str = r#"["a","b"]"#;
const UP: &str = r#"{"resultType":"vector","result":[{"metric":{"__name__":"up","instance":"i:1","job":"a"},"value":[N,"1"]},{"metric":{"__name__":"up","instance":"i:2","job":"b"},"value":[N,"0"]}]}"#;
const ONE: &str = r#"{"resultType":"vector","result":[{"metric":{"__name__":"up","instance":"i:1","job":"a"},"value":[N,"1"]}]}"#;
const RANGE: &str = r#"{"resultType":"matrix","result":[{"metric":{"__name__":"up","instance":"i:1","job":"a"},"values":[[M,"1"],[N,"1"]]}]}"#;
const SERIES: &str =
    r#"[{"__name__":"up","instance":"i:1","job":"a"},{"__name__":"up","instance":"i:2","job":"b"}]"#;
const METRICS: &str = r#"["foo.bar","http_requests_total","lat_bucket","native","up"]"#;
const NAMES: &str = r#"["__name__","instance","job","le","my.label"]"#;
const EXEMPLARS: &str = r#"[{"seriesLabels":{"__name__":"lat_bucket","job":"a","le":"1"},"exemplars":[{"labels":{"trace_id":"t1"},"value":"0.25","timestamp":N}]}]"#;
const HEAT: &str = r#"{"resultType":"matrix","result":[{"metric":{"le":"+Inf"},"values":[[N,"4"]]},{"metric":{"le":"1"},"values":[[N,"3"]]}]}"#;
const NATIVE: &str = r#"{"resultType":"vector","result":[{"metric":{"__name__":"native","job":"a"},"histogram":[N,{"count":"3","sum":"4.5","buckets":[[3,"-0.001","0.001","1"],[0,"1","2","2"]]}]}]}"#;

/// 7.x.
#[rustfmt::skip]
const OLD_ROWS: &[Row] = &[
    Row("save & test, GET", "GET /api/v1/query?query=1%2B1&time=4&timeout=", "", r#"{"resultType":"scalar","result":[4,"2"]}"#),
    Row("save & test, POST", "POST /api/v1/query", "query=1%2B1&time=4.5&timeout=", r#"{"resultType":"scalar","result":[4.5,"2"]}"#),
    Row("instant", "GET /api/v1/query?query=up&time=N", "", UP),
    Row("range", "GET /api/v1/query_range?query=up%7Bjob%3D%22a%22%7D&start=M&end=N&step=15", "", RANGE),
    Row("range, POST", "POST /api/v1/query_range", "query=up%7Bjob%3D%22a%22%7D&start=M&end=N&step=15", RANGE),
    Row("exemplars", "GET /api/v1/query_exemplars?query=rate(lat_bucket%5B1m%5D)&start=P&end=N", "", EXEMPLARS),
    Row("load: rules", "GET /api/v1/rules", "", r#"{"groups":[]}"#),
    Row("load: names", "GET /api/v1/label/__name__/values?start=P&end=N", "", METRICS),
    Row("load: metadata", "GET /api/v1/metadata", "", "{}"),
    Row("label_names()", "GET /api/v1/labels?start=P&end=N", "", NAMES),
    Row("label_values(job)", "GET /api/v1/label/job/values?start=P&end=N", "", JOBS),
    Row("label_values(up{..}, instance)", "GET /api/v1/series?match%5B%5D=up%7Bjob%3D~%22(a%7Cb)%22%7D&start=P&end=N", "", SERIES),
    Row("metrics(re)", "GET /api/v1/label/__name__/values", "", METRICS),
    Row("query_result(up)", "GET /api/v1/query?query=up&time=N", "", UP),
    Row("plain selector", "GET /api/v1/series?match%5B%5D=up&start=P&end=N", "", SERIES),
    Row("ad hoc: keys", "GET /api/v1/labels", "", NAMES),
    Row("ad hoc: values", "GET /api/v1/label/job/values", "", JOBS),
    Row("ad hoc: the label twice", "GET /api/v1/query?query=up%7Bjob%3D~%22(a%7Cb)%22%2Cjob%3D%22a%22%7D&time=N", "", ONE),
    Row("typing m{", "GET /api/v1/series?match%5B%5D=%7B__name__%3D%22up%22%7D&start=P&end=N", "", SERIES),
    Row("annotation", "GET /api/v1/query_range?query=up%7Bjob%3D%22a%22%7D&start=M&end=N&step=60", "", r#"{"resultType":"matrix","result":[{"metric":{"__name__":"up","instance":"i:1","job":"a"},"values":[[M,"1"]]}]}"#),
    Row("heat map", "GET /api/v1/query_range?query=sum%20by%20(le)%20(lat_bucket)&start=N&end=N&step=15", "", HEAT),
    Row("alert", "POST /api/v1/query_range", "query=up%7Bjob%3D%22a%22%7D&start=M.0000001&end=N&step=15", RANGE),
    Row("a panel that cannot be parsed", "GET /api/v1/query_range?query=rate(up&start=P&end=N&step=15", "", "400 bad_data: invalid parameter \"query\": 1:8: parse error: unclosed left parenthesis"),
    Row("many to many", "GET /api/v1/query?query=up%20*%20on()%20up&time=N", "", "422 execution: found duplicate series for the match group {} on the right hand-side of the operation: [{__name__=\"up\", instance=\"i:2\", job=\"b\"}, {__name__=\"up\", instance=\"i:1\", job=\"a\"}];many-to-many matching not allowed: matching labels must be unique on one side"),
];

/// Today.
#[rustfmt::skip]
const NEW_ROWS: &[Row] = &[
    Row("save & test, POST", "POST /api/v1/query", "query=1%2B1&time=4", r#"{"resultType":"scalar","result":[4,"2"]}"#),
    Row("save & test, GET", "GET /api/v1/query?query=1%2B1&time=4", "", r#"{"resultType":"scalar","result":[4,"2"]}"#),
    Row("instant", "POST /api/v1/query", "query=up&time=N.25", r#"{"resultType":"vector","result":[{"metric":{"__name__":"up","instance":"i:1","job":"a"},"value":[N.250,"1"]},{"metric":{"__name__":"up","instance":"i:2","job":"b"},"value":[N.250,"0"]}]}"#),
    Row("range", "POST /api/v1/query_range", "end=N&query=up%7Bjob%3D%22a%22%7D&start=M&step=15", RANGE),
    Row("range, custom parameters in the URL", "POST /api/v1/query_range?max_source_resolution=5m&namespace=x", "end=N&query=up%7Bjob%3D%22a%22%7D&start=M&step=15", RANGE),
    Row("exemplars", "POST /api/v1/query_exemplars", "end=N&query=lat_bucket&start=P&step=15", EXEMPLARS),
    Row("load: rules", "GET /api/v1/rules", "", r#"{"groups":[]}"#),
    Row("load: exemplar probe", "POST /api/v1/query_exemplars", "end=1795390000000&query=test&start=1795390000000", "[]"),
    Row("load: exemplar probe, GET", "GET /api/v1/query_exemplars?query=test&start=1795390000000&end=1795390000000", "", "[]"),
    Row("label_names()", "GET /api/v1/labels?limit=40000&start=P&end=N", "", NAMES),
    Row("label_names(re)", "GET /api/v1/labels?limit=40000&match%5B%5D=%7B__name__%3D~%22.*up.*%22%7D&start=P&end=N", "", r#"["__name__","instance","job"]"#),
    Row("label_values(job)", "GET /api/v1/label/job/values?limit=40000&start=P&end=N", "", JOBS),
    Row("label_values(up{..}, instance)", "GET /api/v1/label/instance/values?limit=40000&match%5B%5D=up%7Bjob%3D~%22a%7Cb%22%7D&start=P&end=N", "", r#"["i:1","i:2"]"#),
    Row("the same with the series endpoint", "GET /api/v1/series?limit=40000&match%5B%5D=%7B__name__%3D%22up%22%2Cinstance%21%3D%22%22%7D&start=P&end=N", "", SERIES),
    Row("metrics(re)", "GET /api/v1/label/__name__/values?limit=40000&match%5B%5D=%7B__name__%3D~%22u.*%22%7D&start=P&end=N", "", r#"["up"]"#),
    Row("query_result(up)", "POST /api/v1/query", "query=up&time=N", UP),
    Row("plain selector", "GET /api/v1/series?match%5B%5D=up&start=P&end=N", "", SERIES),
    Row("ad hoc: keys", "GET /api/v1/labels?match%5B%5D=%7B__name__%3D~%22up%7Cnative%22%2Cjob%3D%22a%22%7D", "", r#"["__name__","instance","job"]"#),
    Row("ad hoc: values with scopes", "GET /api/v1/label/job/values?match%5B%5D=up&match%5B%5D=native", "", JOBS),
    Row("completion: metrics", "GET /api/v1/label/__name__/values?limit=1000&match%5B%5D=%7B__name__%3D~%22.*at.*%22%7D&start=P&end=N", "", r#"["lat_bucket","native"]"#),
    Row("completion: names", "GET /api/v1/labels?limit=1000&match%5B%5D=%7B__name__%3D%22lat_bucket%22%7D&start=P&end=N", "", r#"["__name__","job","le"]"#),
    Row("completion: values", "GET /api/v1/label/le/values?limit=1000&match%5B%5D=%7B__name__%3D%22lat_bucket%22%7D&start=P&end=N", "", r#"["+Inf","1"]"#),
    Row("completion: metadata", "GET /api/v1/metadata?limit=40000", "", "{}"),
    Row("explorer: any case", "GET /api/v1/label/__name__/values?limit=1000&match%5B%5D=%7B__name__%3D~%22(%3Fi).*NATIVE.*%22%7D", "", r#"["native"]"#),
    Row("builder: several metrics", "GET /api/v1/label/job/values?limit=1000&match%5B%5D=%7B__name__%3D~%22up%7Clat_bucket%7Cnative%22%7D", "", JOBS),
    Row("escaped label", "GET /api/v1/label/U__my_2e_label/values?limit=40000", "", r#"["x"]"#),
    Row("quoted names", "POST /api/v1/query", "query=sum%20by%20(%22my.label%22)%20(%7B%22foo.bar%22%7D)&time=N", r#"{"resultType":"vector","result":[{"metric":{"my.label":"x"},"value":[N,"7"]}]}"#),
    Row("rate interval as Go prints it", "POST /api/v1/query", "query=count(rate(http_requests_total%5B1m0s%5D))&time=N", r#"{"resultType":"vector","result":[{"metric":{},"value":[N,"1"]}]}"#),
    Row("native histogram", "POST /api/v1/query", "query=native&time=N", NATIVE),
    Row("heat map", "POST /api/v1/query_range", "end=N&query=sum%20by%20(le)%20(lat_bucket)&start=N&step=15", HEAT),
    Row("alert rules", "GET /api/v1/rules?exclude_alerts=true&group_limit=100&rule_group=x&file=y", "", r#"{"groups":[]}"#),
    Row("alerts", "GET /api/v1/alerts", "", r#"{"alerts":[]}"#),
    Row("all labels", "GET /api/v1/series?limit=40000&match%5B%5D=%7B__name__%21%3D%22%22%2Cjob%3D%22b%22%7D&start=P&end=N", "", r#"[{"__name__":"up","instance":"i:2","job":"b"}]"#),
    Row("an empty selector", "GET /api/v1/labels?match%5B%5D=%7B%7D", "", "400 bad_data: match[] must contain at least one non-empty matcher"),
    Row("a panel that cannot be parsed", "POST /api/v1/query_range", "query=rate(up&start=P&end=N&step=15", "400 bad_data: invalid parameter \"query\": 1:8: parse error: unclosed left parenthesis"),
];

fn api() -> Api {
    let api = Api::empty(|_| {});
    let recent = |value: f64| {
        [
            (75, value),
            (60, value),
            (45, value),
            (30, value),
            (15, value),
            (0, value),
        ]
    };
    api.put(
        &[("__name__", "up"), ("job", "a"), ("instance", "i:1")],
        &recent(1.0),
    );
    api.put(
        &[("__name__", "up"), ("job", "b"), ("instance", "i:2")],
        &recent(0.0),
    );
    api.put(
        &[("__name__", "http_requests_total"), ("job", "a")],
        &[(45, 1.0), (30, 2.0), (15, 4.0), (0, 8.0)],
    );
    api.put(&[("__name__", "foo.bar"), ("my.label", "x")], &[(0, 7.0)]);
    for (bound, value) in [("1", 3.0), ("+Inf", 4.0)] {
        api.put(
            &[("__name__", "lat_bucket"), ("job", "a"), ("le", bound)],
            &[(0, value)],
        );
    }
    let now = NOW * 1000;
    let mut batch = Batch::new(now);
    batch.push_exemplar_labelled(
        &Labels::from_pairs([("__name__", "lat_bucket"), ("job", "a"), ("le", "1")]),
        Exemplar {
            labels: Labels::from_pairs([("trace_id", "t1")]),
            value: 0.25,
            time: now,
        },
    );
    let histogram = Histogram {
        schema: 0,
        zero_threshold: 0.001,
        zero_count: 1,
        count: 3,
        sum: 4.5,
        positive_spans: vec![Span { offset: 1, length: 1 }],
        positive_buckets: vec![2],
        ..Histogram::default()
    };
    batch.push_histogram_labelled(
        &Labels::from_pairs([("__name__", "native"), ("job", "a")]),
        now,
        HistogramValue::Integer(std::sync::Arc::new(histogram)),
    );
    assert_eq!(api.store.append(&batch, now).unwrap().rejected, []);
    api
}

fn replay(api: &Api, rows: &[Row], headers: &[(&str, &str)]) {
    let fill = |text: &str| {
        // Letters that stand alone between separators are times; no name or query here is one letter in upper case.
        let mut out = String::new();
        let separators = |c: char| !c.is_ascii_alphanumeric();
        for part in text.split_inclusive(separators) {
            let (word, end) = match part.char_indices().next_back() {
                Some((at, c)) if separators(c) => part.split_at(at),
                _ => (part, ""),
            };
            match word {
                "N" => out.push_str(&NOW.to_string()),
                "M" => out.push_str(&(NOW - 15).to_string()),
                "P" => out.push_str(&(NOW - 3600).to_string()),
                word => out.push_str(word),
            }
            out.push_str(end);
        }
        out
    };
    let mut faults = String::new();
    for Row(what, request, form, want) in rows {
        let (method, path) = request.split_once(' ').unwrap();
        let mut headers = headers.to_vec();
        if method == "POST" {
            headers.push(("Content-Type", "application/x-www-form-urlencoded"));
        }
        let answer = api.send(method, &fill(path), &headers, fill(form).as_bytes());
        let mut body = String::new();
        std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&answer.body[..]), &mut body)
            .unwrap_or_else(|e| panic!("{what}: no gzip: {e}"));
        assert_eq!(answer.header("content-type"), Some("application/json"), "{what}");
        let error = want.get(..3).and_then(|status| status.parse::<u16>().ok());
        let (said, want) = if error.is_some() {
            let read: serde_json::Value = serde_json::from_str(&body).unwrap();
            let text = |key: &str| read[key].as_str().unwrap_or_default().to_owned();
            let said = format!("{} {}: {}", answer.status, text("errorType"), text("error"));
            (said, (*want).to_owned())
        } else {
            // Warnings and infos may follow.
            let want = format!(r#"{{"status":"success","data":{}"#, fill(want));
            (format!("{} {body}", answer.status), format!("200 {want}"))
        };
        if !said.starts_with(&want) {
            faults.push_str(&format!("\n{what}:\n  {said}\nshould be\n  {want}\n"));
        }
    }
    assert!(faults.is_empty(), "{faults}");
}

#[test]
fn requests_of_7x() {
    replay(&api(), OLD_ROWS, OLD);
}

#[test]
fn requests_of_today() {
    replay(&api(), NEW_ROWS, NEW);
}

#[test]
fn probes_for_other_servers_find_none() {
    let api = api();
    for path in [
        "/rules/test/test",
        "/config/v1/rules",
        "/api/v1/status/config/x",
        "/api/v1/rules/a",
    ] {
        let answer = api.send("GET", path, NEW, b"");
        assert_eq!(
            (answer.status, answer.text().as_str()),
            (404, "404 page not found\n"),
            "{path}"
        );
    }
    let build = api.get("/api/v1/query?query=prometheus_build_info").json();
    assert_eq!(build["data"]["result"], serde_json::json!([]));
    let flags = api.get("/api/v1/status/flags").json();
    assert!(
        flags["data"]
            .as_object()
            .unwrap()
            .values()
            .all(serde_json::Value::is_string)
    );
}

#[test]
fn overlapping_ranges_agree_where_they_overlap() {
    let api = api();
    let points = |start: i64| {
        let query = "rate(http_requests_total%5B1m%5D)";
        let path = format!("/api/v1/query_range?query={query}&start={start}&end={NOW}&step=5");
        let body = api.get(&path).json();
        body["data"]["result"][0]["values"].as_array().unwrap().clone()
    };
    let (long, short) = (points(NOW - 25), points(NOW - 10));
    assert!(short.len() == 3 && long.ends_with(&short), "{long:?} {short:?}");
}
