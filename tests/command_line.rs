//! What the process says and how it exits before it serves: flags, configuration, ports.

use crate::support::narthex;
use std::net::TcpListener;
use std::process::Output;

fn run(args: &[&str]) -> Output {
    narthex(args).output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn exit_codes_and_words_are_those_of_prometheus() {
    let folder = tempfile::tempdir().unwrap();
    let bad = folder.path().join("bad.yml");
    std::fs::write(&bad, "global:\n  scrape_intervall: 15s\n").unwrap();
    let bad = format!("--config.file={}", bad.display());
    let missing = format!("--config.file={}", folder.path().join("none.yml").display());
    for (args, code, words) in [
        (
            vec!["--foo"],
            1,
            vec![
                "Error parsing command line arguments: unknown long flag '--foo'",
                "narthex: error: unknown long flag '--foo'",
            ],
        ),
        (
            vec!["--web.enable-lifecycle=true"],
            1,
            vec!["unexpected true", "write --web.enable-lifecycle or --no-"],
        ),
        (vec!["-l"], 1, vec!["unknown short flag '-l'"]),
        (
            vec!["--query.timeout=5x"],
            2,
            vec!["unknown unit \"x\" in duration \"5x\"", "usage: narthex"],
        ),
        (vec!["--log.level=loud"], 2, vec!["unrecognized log level loud"]),
        (
            vec!["--web.external-url=ftp://x"],
            2,
            vec!["invalid --web.external-url"],
        ),
        (vec!["--web.listen-address=9090"], 2, vec!["write host:port"]),
        (
            vec!["--agent"],
            3,
            vec!["flag --agent is refused", "only forwards"],
        ),
        (
            vec!["--storage.agent.path=x"],
            3,
            vec!["can only be used in agent mode: [\"--storage.agent.path\"]"],
        ),
        (
            vec![missing.as_str()],
            2,
            vec![
                "Error loading config (--config.file=",
                "no such file or directory",
            ],
        ),
        (
            vec![bad.as_str()],
            2,
            vec![
                "level=ERROR",
                "line 2: field scrape_intervall not found in type config.plain",
                "did you mean scrape_interval?",
            ],
        ),
        (
            vec![bad.as_str(), "--log.format=json"],
            2,
            vec!["\"level\":\"ERROR\"", "\"msg\":\"Error loading config"],
        ),
    ] {
        let output = run(&args);
        let said = stderr(&output) + &String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
        for word in words {
            assert!(said.contains(word), "{args:?} did not say {word:?}: {said}");
        }
    }
}

#[test]
fn help_version_and_default_go_to_standard_output() {
    for (arg, word) in [
        ("--help", "usage: narthex [<flags>]"),
        ("-h", "--storage.tsdb.path"),
        ("--help-long", "--scrape.timestamp-tolerance"),
        ("--version", "narthex, version "),
        ("--print-default-config", "job_name: narthex"),
    ] {
        let output = run(&[arg]);
        assert_eq!(output.status.code(), Some(0), "{arg}");
        assert!(String::from_utf8_lossy(&output.stdout).contains(word), "{arg}");
        assert_eq!(stderr(&output), "", "{arg}");
    }
}

#[test]
fn a_port_in_use_ends_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let output = run(&[
        &format!("--web.listen-address={address}"),
        &format!("--storage.tsdb.path={}", folder.path().display()),
    ]);
    assert_eq!(output.status.code(), Some(1));
    let words = format!("listen tcp {address}: bind: address already in use");
    assert!(stderr(&output).contains(&words), "{}", stderr(&output));
}
