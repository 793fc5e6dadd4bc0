//! Clients that are slow, many, or never finish.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::world::{Api, NOW, encoded};

fn connect(api: &Api, sent: &str) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", api.port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream.write_all(sent.as_bytes()).unwrap();
    stream
}

/// Everything until the server closes.
fn rest(mut stream: TcpStream) -> Vec<u8> {
    let mut all = Vec::new();
    // A reset is an end as well.
    let _ = stream.read_to_end(&mut all);
    all
}

#[test]
fn half_a_request_is_not_waited_for() {
    let api = Api::empty(|options| options.read_timeout = Duration::from_millis(50));
    let head = rest(connect(&api, "GET /api/v1/query?query=1 HTTP/1.1\r\nHost:"));
    assert!(!head.starts_with(b"HTTP/1.1 200"));
    let body = rest(connect(
        &api,
        "POST /api/v1/query HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\nquery=1",
    ));
    let body = String::from_utf8(body).unwrap();
    assert!(
        body.starts_with("HTTP/1.1 400") && body.contains("i/o timeout"),
        "{body}"
    );
}

#[test]
fn bodies_that_do_not_come_keep_no_place_from_others() {
    let api = Api::empty(|_| {});
    let post = "POST /api/v1/query HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n\r\n7\r\nquery=1\r\n";
    let waiting: Vec<_> = (0..60).map(|_| connect(&api, post)).collect();
    let whole = rest(connect(&api, &format!("{post}0\r\n\r\n")));
    assert!(whole.starts_with(b"HTTP/1.1 200"));
    drop(waiting);
}

#[test]
fn an_idle_connection_is_closed() {
    let api = Api::empty(|options| options.read_timeout = Duration::from_millis(50));
    let all = rest(connect(&api, "GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n"));
    assert!(all.starts_with(b"HTTP/1.1 200"));
}

#[test]
fn a_client_that_does_not_read_is_given_up() {
    // Long enough for the good client on a busy machine.
    let api = Api::empty(|options| options.read_timeout = Duration::from_secs(2));
    let samples: Vec<(i64, f64)> = (0..48).rev().map(|i| (i * 240, 1.0 / 3.0)).collect();
    for sample in samples {
        for i in 0..60 {
            api.put(&[("__name__", "m"), ("i", &i.to_string())], &[sample]);
        }
    }
    let path = format!(
        "/api/v1/query_range?query=m&start={}&end={NOW}&step=1",
        NOW - 11_000
    );
    let whole = api.get(&path).body.len();
    assert!(whole > 16 << 20, "more than the system buffers: {whole}");
    let stream = connect(&api, &format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"));
    // The server stands still at some byte, gives up, and counts the connection as done.
    let gauge = "prometheus_http_response_size_bytes_count{handler=\"/api/v1/query_range\"} 2";
    while !api.body(200, "/metrics").lines().any(|line| line == gauge) {
        std::thread::yield_now();
    }
    assert!(rest(stream).len() < whole);
}

#[test]
fn only_so_many_connections_at_once() {
    let api = Api::empty(|options| options.max_connections = 1);
    let first = connect(&api, "GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n");
    let mut answer = [0; 12];
    (&first).read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
    let second = connect(
        &api,
        "GET /-/healthy HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    );
    second.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    assert!(
        (&second).read_exact(&mut answer).is_err(),
        "there is no place for a second connection"
    );
    drop(first);
    second.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    assert!(rest(second).starts_with(b"HTTP/1.1 200"));
}

#[test]
fn requests_behind_each_other_on_one_connection() {
    let api = Api::empty(|_| {});
    let long = "x".repeat(100_000);
    let sent = format!(
        "GET /api/v1/query?query=1&time=1 HTTP/1.1\r\nHost: x\r\n\r\n\
         POST /api/v1/query HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n\r\n\
         7\r\nquery=2\r\n7\r\n&time=2\r\n0\r\n\r\n\
         GET /api/v1/query?unused={long}&query=3&time=3 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    );
    let text = String::from_utf8(rest(connect(&api, &sent))).unwrap();
    for result in ["[1,\"1\"]", "[2,\"2\"]", "[3,\"3\"]"] {
        assert!(text.contains(result), "{result} is not in {text}");
    }
}

#[test]
fn a_client_that_leaves_takes_its_query_with_it() {
    let api = Api::empty(|_| {});
    let running = |want: &str| {
        let line = format!("prometheus_engine_queries {want}");
        while !api.body(200, "/metrics").lines().any(|l| l == line) {
            std::thread::yield_now();
        }
    };
    let series: Vec<(i64, f64)> = (0..200).rev().map(|i| (i, 1.0)).collect();
    for i in 0..50 {
        api.put(&[("__name__", "m"), ("i", &i.to_string())], &series);
    }
    // Long work, under a clock that stands still: no deadline ends it.
    let query = encoded("sum_over_time(sum(rate(m[10m]))[11000000s:1s])");
    let query = format!("GET /api/v1/query?time={NOW}&query={query} HTTP/1.1\r\nHost: x\r\n\r\n");
    let client = connect(&api, &query);
    running("1");
    drop(client);
    running("0");
}
