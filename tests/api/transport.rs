//! Methods, unknown paths, cross-origin headers, compression, pages.

use std::io::Read;

use super::world::{Api, NOW, world};

#[test]
fn methods_and_unknown_paths() {
    for path in [
        "/api/v1/label/job/values",
        "/api/v1/metadata",
        "/api/v1/rules",
        "/api/v1/targets",
        "/api/v1/status/buildinfo",
    ] {
        let answer = world().post_form(path, "");
        assert_eq!(
            (answer.status, answer.text().as_str()),
            (405, "Method Not Allowed\n"),
            "{path}"
        );
        assert_eq!(answer.header("allow"), Some("GET, OPTIONS"));
    }
    let head = world().send("HEAD", "/api/v1/query?query=1", &[], b"");
    assert_eq!(
        (head.status, head.header("allow")),
        (405, Some("GET, OPTIONS, POST"))
    );
    for path in [
        "/api/v1/nope",
        "/rules/test/test",
        "/config/v1/rules/a/b",
        "/nope",
        "/API/v1/query",
        "/api/v1/label/foo%2Fbar/values",
        "/api/v1/label/foo%2fbar/values",
    ] {
        let answer = world().get(path);
        assert_eq!(
            (answer.status, answer.text().as_str()),
            (404, "404 page not found\n"),
            "{path}"
        );
        assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
    }
}

#[test]
fn queries_typed_without_escapes() {
    for (query, result) in [
        (r#""<a|b>""#, r#"[1.5,"\u003ca|b\u003e"]"#),
        ("\"\u{e9}#`^{\"", "[1.5,\"\u{e9}#`^{\"]"),
    ] {
        let answer = world().get(&format!("/api/v1/query?time=1.5&query={query}"));
        assert_eq!(answer.status, 200, "{query}");
        let data = format!(r#"{{"resultType":"string","result":{result}}}"#);
        assert_eq!(answer.text(), format!(r#"{{"status":"success","data":{data}}}"#));
    }
}

#[test]
fn cross_origin_requests() {
    let origin = [("Origin", "http://grafana.example")];
    for (method, path, status) in [
        ("OPTIONS", "/api/v1/query", 204),
        ("OPTIONS", "/api/v1/nope", 204),
        ("GET", "/api/v1/query?query=1", 200),
    ] {
        let answer = world().send(method, path, &origin, b"");
        assert_eq!(answer.status, status, "{path}");
        assert_eq!(
            answer.header("access-control-allow-origin"),
            Some("http://grafana.example")
        );
        assert_eq!(
            answer.header("access-control-allow-methods"),
            Some("GET, POST, OPTIONS")
        );
        assert_eq!(
            answer.header("access-control-allow-headers"),
            Some("Accept, Authorization, Content-Type, Origin")
        );
        assert_eq!(answer.header("access-control-expose-headers"), Some("Date"));
    }
    let plain = world().get("/api/v1/query?query=1");
    assert_eq!(plain.header("vary"), Some("Accept-Encoding"));
    let vary: Vec<_> = plain
        .headers
        .iter()
        .filter(|(n, _)| n.eq_ignore_ascii_case("vary"))
        .collect();
    assert_eq!(vary.len(), 2, "{vary:?}");
    assert_eq!(plain.header("access-control-allow-origin"), None);
}

#[test]
fn gzip_or_deflate_and_nothing_else() {
    let path = format!(
        "/api/v1/query_range?query=http_requests_total&start={}&end={NOW}&step=1",
        NOW - 600
    );
    let whole = world().get(&path).body;
    for (offered, chosen) in [
        ("gzip, deflate, br, zstd", Some("gzip")),
        ("deflate, gzip", Some("deflate")),
        ("zstd", None),
        ("br", None),
    ] {
        let answer = world().send("GET", &path, &[("Accept-Encoding", offered)], b"");
        assert_eq!(answer.header("content-encoding"), chosen, "{offered}");
        let mut body = Vec::new();
        match chosen {
            Some("gzip") => flate2::read::GzDecoder::new(&answer.body[..])
                .read_to_end(&mut body)
                .map(|_| ()),
            Some(_) => flate2::read::ZlibDecoder::new(&answer.body[..])
                .read_to_end(&mut body)
                .map(|_| ()),
            None => {
                body.clone_from(&answer.body);
                Ok(())
            }
        }
        .unwrap();
        assert_eq!(body, whole);
    }
}

#[test]
fn unclean_paths_are_redirected() {
    for (path, status, location) in [
        ("/api/v1/label//values", 307, "/api/v1/label/values"),
        ("//api/v1/query?query=1", 307, "/api/v1/query?query=1"),
        ("/api/v1/query/?query=1", 301, "/api/v1/query?query=1"),
        ("/", 302, "/query"),
        ("/graph?g0.expr=up", 302, "/query?g0.expr=up"),
    ] {
        let answer = world().get(path);
        assert_eq!(
            (answer.status, answer.header("location")),
            (status, Some(location)),
            "{path}"
        );
    }
    let page = world().get("/query");
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert!(page.text().contains("<title>narthex</title>"));
}

#[test]
fn everything_lives_under_the_prefix() {
    let api = Api::empty(|options| {
        options.route_prefix = "/prom".into();
        options.external_url = "http://host/prom".into();
    });
    assert_eq!(api.get("/prom/api/v1/query?query=1").status, 200);
    assert_eq!(api.get("/prom/-/healthy").status, 200);
    assert_eq!(api.get("/api/v1/query?query=1").status, 404);
    assert_eq!(api.get("/prometheus").status, 404);
    assert_eq!(api.get("/").header("location"), Some("/prom/"));
    assert_eq!(api.get("/prom/").header("location"), Some("/prom/query"));
}

#[test]
fn requests_are_counted_by_route() {
    let api = Api::empty(|_| {});
    api.get("/api/v1/label/job/values");
    api.get("/api/v1/query");
    let page = api.body(200, "/metrics");
    for line in [
        "prometheus_http_requests_total{handler=\"/api/v1/label/:name/values\",code=\"200\"} 1",
        "prometheus_http_requests_total{handler=\"/api/v1/query\",code=\"400\"} 1",
        "prometheus_http_request_duration_seconds_count{handler=\"/api/v1/query\"} 1",
        "prometheus_ready 1",
        "prometheus_engine_queries 0",
        "prometheus_engine_queries_concurrent_max 20",
        "prometheus_tsdb_head_series 0",
    ] {
        assert!(page.lines().any(|l| l == line), "{line} is not in\n{page}");
    }
    assert!(page.contains("prometheus_build_info{version=\"3.12.0\""));
    assert!(page.contains("prometheus_tsdb_lowest_timestamp_seconds "));
    assert!(page.contains("process_resident_memory_bytes "));
}
