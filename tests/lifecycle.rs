//! A running server: reloads, locks and stops.

use crate::support::{Server, free_port, narthex, request};
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::mpsc::Receiver;

/// A server whose log the test reads: what has no answer is seen there.
struct Logged {
    child: Child,
    log: BufReader<ChildStderr>,
    port: u16,
}

impl Logged {
    fn start(data: &Path, args: &[&str]) -> Self {
        let port = free_port();
        let mut child = narthex(&[
            &format!("--storage.tsdb.path={}", data.display()),
            &format!("--web.listen-address=127.0.0.1:{port}"),
        ])
        .args(args)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        let mut server = Self { child, log, port };
        server.wait_for("Server is ready to receive web requests");
        server
    }

    /// Reads the log up to a line with these words; the line.
    fn wait_for(&mut self, words: &str) -> String {
        let mut said = String::new();
        loop {
            let from = said.len();
            assert!(
                self.log.read_line(&mut said).unwrap() > 0,
                "{words:?} was never said:\n{said}"
            );
            if said[from..].contains(words) {
                return said[from..].to_owned();
            }
        }
    }

    fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .args([name, &self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(status.success());
    }

    fn pools(&self) -> Vec<String> {
        pools(self.port)
    }
}

impl Drop for Logged {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Names of the jobs in force.
fn pools(port: u16) -> Vec<String> {
    let answer = request(port, "GET", "/api/v1/status/config", &[], b"")
        .unwrap()
        .json();
    let yaml = answer["data"]["yaml"].as_str().unwrap();
    yaml.lines()
        .filter_map(|l| l.strip_prefix("- job_name: "))
        .map(str::to_owned)
        .collect()
}

fn reload(server: &Server) -> (u16, String) {
    let answer = request(server.port, "POST", "/-/reload", &[], b"").unwrap();
    (answer.status, answer.text())
}

fn write_jobs(path: &Path, jobs: &[&str]) {
    let jobs: String = jobs.iter().map(|job| format!("- job_name: {job}\n")).collect();
    std::fs::write(path, format!("scrape_configs:\n{jobs}")).unwrap();
}

#[test]
fn reloads_take_what_holds_and_keep_what_was() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("prometheus.yml");
    write_jobs(&file, &["one"]);
    let config = format!("--config.file={}", file.display());
    let server = Server::start(&folder.path().join("data"), &[&config, "--web.enable-lifecycle"]);
    assert_eq!(pools(server.port), ["one"]);

    write_jobs(&file, &["one", "two"]);
    assert_eq!(reload(&server).0, 200);
    assert_eq!(pools(server.port), ["one", "two"]);

    std::fs::write(&file, "globall: {}\n").unwrap();
    let (status, text) = reload(&server);
    assert_eq!(status, 500);
    let words = format!(
        "failed to reload config: couldn't load configuration (--config.file={:?}): parsing YAML file {}: \
         yaml: unmarshal errors:\n  line 1: field globall not found in type config.plain",
        file.display().to_string(),
        file.display()
    );
    assert!(text.contains(&words), "{text}");
    assert_eq!(pools(server.port), ["one", "two"]);
    let metrics = server.get("/metrics").text();
    assert!(
        metrics.contains("prometheus_config_last_reload_successful 0"),
        "{metrics}"
    );

    // A rule file that does not hold is told, and everything else is applied all the same.
    std::fs::write(
        folder.path().join("r.yml"),
        "groups:\n- name: g\n  rules: [{record: a, expr: 'sum('}]\n",
    )
    .unwrap();
    std::fs::write(
        &file,
        "rule_files: [r.yml]\nscrape_configs: [{job_name: three}]\n",
    )
    .unwrap();
    let (status, text) = reload(&server);
    assert_eq!(status, 500);
    assert!(
        text.contains("one or more errors occurred while applying the new configuration"),
        "{text}"
    );
    assert!(
        text.contains("could not parse expression: 1:5: parse error: "),
        "{text}"
    );
    assert_eq!(pools(server.port), ["three"]);
}

#[test]
fn a_signal_reloads() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("prometheus.yml");
    write_jobs(&file, &["one"]);
    let config = format!("--config.file={}", file.display());
    let mut server = Logged::start(&folder.path().join("data"), &[&config]);
    write_jobs(&file, &["two"]);
    server.signal("-HUP");
    server.wait_for("Completed loading of configuration file");
    assert_eq!(server.pools(), ["two"]);
    std::fs::write(&file, "globall: {}\n").unwrap();
    server.signal("-HUP");
    let line = server.wait_for("Error reloading config");
    assert!(
        line.contains("field globall not found in type config.plain"),
        "{line}"
    );
    assert_eq!(server.pools(), ["two"]);
}

#[test]
fn a_second_server_on_the_same_data_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let _server = Server::start(&data, &[]);
    let output = narthex(&[
        &format!("--storage.tsdb.path={}", data.display()),
        &format!("--web.listen-address=127.0.0.1:{}", free_port()),
    ])
    .output()
    .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("opening storage failed: lock DB directory: resource temporarily unavailable"),
        "{said}"
    );
}

#[test]
fn signals_and_quit_end_the_process_well() {
    for way in ["-TERM", "-INT", "quit"] {
        let folder = tempfile::tempdir().unwrap();
        let mut server = Logged::start(&folder.path().join("data"), &["--web.enable-lifecycle"]);
        if way == "quit" {
            let answer = request(server.port, "POST", "/-/quit", &[], b"").unwrap();
            let want = (200, "Requesting termination... Goodbye!");
            assert_eq!((answer.status, answer.text().as_str()), want);
        } else {
            server.signal(way);
        }
        let last = server.log.by_ref().lines().map(Result::unwrap).last().unwrap();
        assert!(last.contains("msg=\"See you next time!\""), "{way}: {last}");
        assert_eq!(server.child.wait().unwrap().code(), Some(0), "{way}");
    }
}

#[test]
fn a_changed_file_is_reloaded_if_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("prometheus.yml");
    write_jobs(&file, &["one"]);
    let config = format!("--config.file={}", file.display());
    let args = [
        config.as_str(),
        "--config.auto-reload",
        "--config.auto-reload-interval=1s",
    ];
    let mut server = Logged::start(&folder.path().join("data"), &args);
    write_jobs(&file, &["two"]);
    server.wait_for("Configuration file change detected");
    server.wait_for("Completed loading of configuration file");
    assert_eq!(server.pools(), ["two"]);
}

/// A family `h` with native buckets of 2 and 1 observations, up to 1 and up to 2.
const NATIVE_PAGE: &[u8] = b"\x29\x0a\x01h\x18\x04\x22\x22\x3a\x20\x08\x03\x11\0\0\0\0\0\0\x0c\x40\x28\0\x62\x04\x08\0\x10\x02\x6a\x02\x04\x01\x31\0\0\0\0\0\0\0\0";

/// A classic histogram `h` of the same observations.
const CLASSIC_PAGE: &[u8] =
    b"# TYPE h histogram\nh_bucket{le=\"1\"} 2\nh_bucket{le=\"2\"} 3\nh_bucket{le=\"+Inf\"} 3\nh_sum 3.5\nh_count 3\n";

/// A target with this page; what it is asked is heard.
fn target(kind: &'static str, page: &'static [u8]) -> (SocketAddr, Receiver<String>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (asked, heard) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut stream = stream;
            let mut request = [0; 4096];
            let length = stream.read(&mut request).unwrap_or(0);
            let head = format!(
                "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\ncontent-type: {kind}\r\n\r\n",
                page.len()
            );
            let _ = std::io::Write::write_all(&mut stream, &[head.as_bytes(), page].concat());
            let _ = asked.send(String::from_utf8_lossy(&request[..length]).to_ascii_lowercase());
        }
    });
    (address, heard)
}

#[test]
fn native_histograms_go_from_a_target_to_a_query() {
    const PROTOBUF: &str =
        "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";
    for (kind, page, key, shown) in [
        (
            PROTOBUF,
            NATIVE_PAGE,
            "scrape_native_histograms",
            r#"[[0,"0.5","1","2"],[0,"1","2","1"]]"#,
        ),
        (
            "text/plain; version=0.0.4",
            CLASSIC_PAGE,
            "convert_classic_histograms_to_nhcb",
            r#"[[3,"-Inf","1","2"],[0,"1","2","1"]]"#,
        ),
    ] {
        let (address, heard) = target(kind, page);
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("prometheus.yml");
        let text = format!(
            "scrape_configs: [{{job_name: n, scrape_interval: 1s, scrape_timeout: 1s, {key}: true, static_configs: [{{targets: ['{address}']}}]}}]"
        );
        std::fs::write(&config, text).unwrap();
        let flag = format!("--config.file={}", config.display());
        let mut server = Logged::start(folder.path(), &[&flag]);
        let asked = heard.recv().unwrap();
        assert_eq!(
            asked.contains("accept: application/vnd.google.protobuf"),
            kind == PROTOBUF,
            "{asked}"
        );
        // The second request comes after the first page has been stored.
        heard.recv().unwrap();
        let ask = |server: &Logged, query: &str| {
            let path = format!("/api/v1/query?query={query}");
            let answer = request(server.port, "GET", &path, &[], b"").unwrap().json();
            answer["data"]["result"][0].clone()
        };
        let is_whole = |answer: &serde_json::Value| {
            let histogram = &answer["histogram"][1];
            assert_eq!(
                (&histogram["count"], &histogram["sum"]),
                (&"3".into(), &"3.5".into()),
                "{answer}"
            );
            assert_eq!(histogram["buckets"].to_string(), shown, "{answer}");
        };
        is_whole(&ask(&server, "h"));
        assert_eq!(ask(&server, "histogram_quantile(1,h)")["value"][1], "2");
        // After a stop it is read back from the log.
        server.signal("-TERM");
        assert!(server.child.wait().unwrap().success());
        let server = Logged::start(folder.path(), &[&flag]);
        is_whole(&ask(&server, "last_over_time(h[1m])"));
    }
}

#[test]
fn what_targets_declare_is_listed() {
    const PAGE: &[u8] = b"# TYPE b_total counter\n# HELP b_total Bs \"seen\".\nb_total 1\n# TYPE a gauge\n# HELP a As.\na 2\n# TYPE h histogram\nh_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 1\n";
    let (address, heard) = target("text/plain; version=0.0.4", PAGE);
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("prometheus.yml");
    let text = format!(
        "scrape_configs: [{{job_name: n, scrape_interval: 1s, scrape_timeout: 1s, static_configs: [{{targets: ['{address}']}}]}}]"
    );
    std::fs::write(&config, text).unwrap();
    let server = Server::start(folder.path(), &[&format!("--config.file={}", config.display())]);
    heard.recv().unwrap();
    heard.recv().unwrap();
    let a = r#""a":[{"type":"gauge","unit":"","help":"As."}]"#;
    let b = r#""b_total":[{"type":"counter","unit":"","help":"Bs \"seen\"."}]"#;
    let h = r#""h":[{"type":"histogram","unit":"","help":""}]"#;
    for (query, listed) in [
        ("", format!("{a},{b},{h}")),
        ("?limit=1", a.to_owned()),
        ("?limit=0", String::new()),
        ("?limit=-1&limit_per_metric=1", format!("{a},{b},{h}")),
        ("?metric=b_total", b.to_owned()),
        ("?metric=c", String::new()),
    ] {
        let answer = server.get(&format!("/api/v1/metadata{query}"));
        let expected = format!(r#"{{"status":"success","data":{{{listed}}}}}"#);
        assert_eq!((answer.status, answer.text()), (200, expected), "{query}");
    }
    let of_target = server.get("/api/v1/targets/metadata?metric=a");
    assert_eq!(
        of_target.text(),
        format!(
            r#"{{"status":"success","data":[{{"target":{{"instance":"{address}","job":"n"}},"type":"gauge","help":"As.","unit":""}}]}}"#
        )
    );
}
