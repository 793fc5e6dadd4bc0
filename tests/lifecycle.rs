//! A running server: reloads, locks and stops.

use crate::support::{Server, narthex, request};
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

fn signal(server: &Server, name: &str) {
    let status = Command::new("kill")
        .args([name, &server.child.id().to_string()])
        .status()
        .unwrap();
    assert!(status.success());
}

fn pools(server: &Server) -> Vec<String> {
    let answer = server.get("/api/v1/status/config").json();
    let yaml = answer["data"]["yaml"].as_str().unwrap().to_owned();
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
    assert_eq!(pools(&server), ["one"]);

    write_jobs(&file, &["one", "two"]);
    assert_eq!(reload(&server).0, 200);
    assert_eq!(pools(&server), ["one", "two"]);

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
    assert_eq!(pools(&server), ["one", "two"]);
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
    assert_eq!(pools(&server), ["three"]);

    write_jobs(&file, &["four"]);
    signal(&server, "-HUP");
    // A signal has no answer: ask until it was heard.
    let heard = (0..500).any(|_| {
        std::thread::sleep(Duration::from_millis(20));
        pools(&server) == ["four"]
    });
    assert!(heard, "SIGHUP did not reload");
}

#[test]
fn a_second_server_on_the_same_data_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let _server = Server::start(&data, &[]);
    let output = narthex(&[
        &format!("--storage.tsdb.path={}", data.display()),
        &format!("--web.listen-address=127.0.0.1:{}", crate::support::free_port()),
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
        let log = folder.path().join("log");
        let port = crate::support::free_port();
        let mut child = narthex(&[
            &format!("--storage.tsdb.path={}", folder.path().join("data").display()),
            &format!("--web.listen-address=127.0.0.1:{port}"),
            "--web.enable-lifecycle",
        ])
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(&log).unwrap())
        .spawn()
        .unwrap();
        let said = || {
            let mut text = String::new();
            std::fs::File::open(&log)
                .unwrap()
                .read_to_string(&mut text)
                .unwrap();
            text
        };
        while !said().contains("Server is ready to receive web requests") {
            assert!(child.try_wait().unwrap().is_none(), "{}", said());
            std::thread::yield_now();
        }
        if way == "quit" {
            let answer = request(port, "POST", "/-/quit", &[], b"").unwrap();
            assert_eq!(
                (answer.status, answer.text().as_str()),
                (200, "Requesting termination... Goodbye!")
            );
        } else {
            Command::new("kill")
                .args([way, &child.id().to_string()])
                .status()
                .unwrap();
        }
        assert_eq!(child.wait().unwrap().code(), Some(0), "{way}: {}", said());
        let said = said();
        assert!(
            said.lines()
                .last()
                .unwrap()
                .contains("msg=\"See you next time!\""),
            "{way}: {said}"
        );
    }
}

#[test]
fn a_changed_file_is_reloaded_if_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("prometheus.yml");
    write_jobs(&file, &["one"]);
    let config = format!("--config.file={}", file.display());
    let auto = ["--config.auto-reload", "--config.auto-reload-interval=1s"];
    let server = Server::start(&folder.path().join("data"), &[&config, auto[0], auto[1]]);
    write_jobs(&file, &["two"]);
    let seen = (0..1_000).any(|_| {
        std::thread::sleep(Duration::from_millis(20));
        pools(&server) == ["two"]
    });
    assert!(seen, "the change was not seen");
}
