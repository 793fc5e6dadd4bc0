//! Starting, running, stopping, and the switches of the lifecycle and admin APIs.

use narthex::clock::Clock;

use super::world::{Api, NOW};

#[test]
fn the_listener_answers_before_the_store_is_open() {
    let api = Api::starting(Clock::manual(NOW * 1000), |_| {});
    for path in [
        "/api/v1/query?query=1",
        "/-/ready",
        "/api/v1/status/flags",
        "/federate",
    ] {
        let answer = api.get(path);
        assert_eq!(
            (answer.status, answer.text().as_str()),
            (503, "Service Unavailable\n"),
            "{path}"
        );
        assert_eq!(answer.header("x-prometheus-stopping"), Some("false"), "{path}");
    }
    assert_eq!(api.body(200, "/-/healthy"), "Prometheus Server is Healthy.\n");
    assert_eq!(api.get("/api/v1/status/walreplay").status, 200);
    assert!(
        api.data("/api/v1/notifications")
            .contains("replaying the write-ahead log")
    );
    assert!(api.body(200, "/metrics").contains("prometheus_ready 0"));
    api.app.set_store(api.store.clone());
    assert_eq!(api.body(200, "/-/ready"), "Prometheus Server is Ready.\n");
    let head = api.send("HEAD", "/-/ready", &[], b"");
    assert_eq!(head.status, 200);
    assert_eq!(api.get("/api/v1/query?query=1").status, 200);
}

#[test]
fn lifecycle_is_off_by_default() {
    let api = Api::empty(|_| {});
    for path in ["/-/reload", "/-/quit"] {
        let answer = api.send("POST", path, &[], b"");
        assert_eq!(
            (answer.status, answer.text().as_str()),
            (403, "Lifecycle API is not enabled.\n"),
            "{path}"
        );
        let answer = api.get(path);
        assert_eq!(
            (answer.status, answer.text().as_str()),
            (405, "Only POST or PUT requests allowed"),
            "{path}"
        );
    }
}

#[test]
fn reload_says_what_went_wrong_and_quit_stops() {
    let api = Api::empty(|options| options.enable_lifecycle = true);
    let answer = api.send("POST", "/-/reload", &[], b"");
    assert_eq!(
        (answer.status, answer.text().as_str()),
        (500, "failed to reload config: parsing YAML file p.yml: no\n")
    );
    let answer = api.send("PUT", "/-/quit", &[], b"");
    assert_eq!(
        (answer.status, answer.text().as_str()),
        (200, "Requesting termination... Goodbye!")
    );
}

#[test]
fn a_server_that_stops_takes_no_new_connections() {
    let api = Api::empty(|_| {});
    assert_eq!(api.get("/-/ready").status, 200);
    api.stop();
    // Connections that came before the word may still be answered, with 503; then there is no listener any more.
    while let Ok(answer) = crate::support::request(api.port, "GET", "/-/ready", &[], b"") {
        assert_eq!(
            (answer.status, answer.header("x-prometheus-stopping")),
            (503, Some("true"))
        );
    }
}

#[test]
fn admin_is_off_by_default() {
    let off = Api::empty(|_| {});
    for path in [
        "/api/v1/admin/tsdb/delete_series?match[]=up",
        "/api/v1/admin/tsdb/clean_tombstones",
        "/api/v1/admin/tsdb/snapshot",
    ] {
        let answer = off.send("POST", path, &[], b"");
        assert_eq!(
            (answer.status, answer.text().as_str()),
            (
                500,
                r#"{"status":"error","errorType":"unavailable","error":"admin APIs disabled"}"#
            )
        );
        assert_eq!(off.get(path).status, 405);
    }
}
