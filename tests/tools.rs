//! The tools on the built binary: outputs and exit codes are promtool's.

use crate::support::{Server, narthex, request, write_request};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// What a tool said.
struct Said {
    code: i32,
    out: String,
    err: String,
}

fn run_in(folder: &Path, command: &mut Command, args: &[&str], input: &str) -> Said {
    let mut child = command
        .args(args)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Said {
        code: output.status.code().unwrap(),
        out: text(&output.stdout),
        err: text(&output.stderr),
    }
}

fn tool(folder: &Path, args: &[&str], input: &str) -> Said {
    run_in(folder, &mut narthex(&[]), args, input)
}

/// A dump whose values print in every way.
const DUMP: &str = "# TYPE a counter
a_total{job=\"x\",esc=\"q\\\"\\n\\\\é\"} 3 2.5
a_total{job=\"x\"} 1 1
a_total{job=\"y\"} 1e21 1
# TYPE b gauge
b 7.25 1
b NaN 2
b +Inf 3
b 0.000001 4
b 1234567 5
# EOF
";

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("dump.om", DUMP);
    write(
        "rules.yml",
        "groups:\n- name: g\n  rules:\n  - {record: a, expr: up}\n  - {record: a, expr: up}\n  - {alert: b, expr: up}\n",
    );
    write(
        "good.yml",
        "groups:\n- name: g\n  rules:\n  - {record: a, expr: up}\n",
    );
    write(
        "bad.yml",
        "groups:\n- name: g\n  rules:\n  - {record: a, expr: sum(}\n",
    );
    write(
        "config.yml",
        "scrape_configs:\n- job_name: j\n  static_configs: [{targets: [a:1]}]\n",
    );
    write("wrong.yml", "global:\n  scrape_intervall: 15s\n");
    write("gone.yml", "rule_files: [none.yml]\n");
    folder
}

#[test]
fn outputs_and_exit_codes_are_promtools() {
    let folder = folder();
    for (args, input, code, out, err) in [
        (
            "check config config.yml",
            "",
            0,
            " SUCCESS: config.yml is valid prometheus config file syntax\n",
            "",
        ),
        (
            "check config wrong.yml",
            "",
            1,
            "Checking wrong.yml\n",
            "FAILED: parsing YAML file wrong.yml: ",
        ),
        (
            "check config gone.yml",
            "",
            1,
            "",
            "\"none.yml\" does not point to an existing file",
        ),
        (
            "check config --syntax-only gone.yml",
            "",
            0,
            "SUCCESS",
            "  WARNING: rule_files is accepted",
        ),
        (
            "check config none.yml",
            "",
            1,
            "",
            "error: path 'none.yml' does not exist, try --help",
        ),
        (
            "check rules good.yml",
            "",
            0,
            "Checking good.yml\n  SUCCESS: 1 rules found\n\n",
            "",
        ),
        (
            "check rules rules.yml",
            "",
            0,
            "Checking rules.yml\n",
            "lint error 1 duplicate rule(s) found.\nMetric: a\n",
        ),
        ("check rules --lint-fatal rules.yml", "", 3, "", "duplicate"),
        (
            "check rules --lint=none rules.yml",
            "",
            0,
            "SUCCESS: 3 rules found",
            "",
        ),
        (
            "check rules good.yml bad.yml",
            "",
            1,
            "1 rules found",
            "bad.yml: 4:23: group \"g\", rule 1, \"a\": could not parse",
        ),
        (
            "check rules",
            "groups:\n- name: g\n",
            0,
            "Checking standard input\n  SUCCESS: 0 rules found\n",
            "",
        ),
        ("check metrics", "# HELP a x\n# TYPE a gauge\na 1\n", 0, "", ""),
        (
            "check metrics",
            "# TYPE a counter\na 1\n",
            3,
            "",
            "a counter metrics should have \"_total\" suffix\na no help text\n",
        ),
        (
            "check metrics",
            "a 1\nb{ 2\n",
            1,
            "",
            "error while linting: text format parsing error in line 2: ",
        ),
        (
            "query instant http://127.0.0.1:1 up",
            "",
            1,
            "",
            "query error: Post \"http://127.0.0.1:1/api/v1/query\": dial tcp 127.0.0.1:1: connect: connection refused\n",
        ),
        (
            "query range --start=2 --end=1 http://127.0.0.1:1 up",
            "",
            1,
            "",
            "start time is not before end time\n",
        ),
        (
            "query instant --time=x http://127.0.0.1:1 up",
            "",
            1,
            "",
            "error parsing evaluation time: cannot parse \"x\" to a valid timestamp\n",
        ),
        (
            "query series http://127.0.0.1:1",
            "",
            1,
            "",
            "required flag(s) '--match' not provided",
        ),
        (
            "query instant -o xml http://127.0.0.1:1 up",
            "",
            1,
            "",
            "enum value must be one of promql,json, got 'xml'",
        ),
        ("promql format sum(a)by(b)", "", 0, "sum by (b) (a)\n", ""),
        ("promql format sum(", "", 1, "", "unclosed left parenthesis"),
        (
            "promql label-matchers set a+rate(b{c=\"d\"}[5m]) c e",
            "",
            0,
            "c=\"e\"",
            "",
        ),
        (
            "promql label-matchers delete b{c=\"d\",e=\"f\"} c",
            "",
            0,
            "b{e=\"f\"}\n",
            "",
        ),
        (
            "check",
            "",
            1,
            "",
            "must select a subcommand of 'check', try --help",
        ),
        (
            "check nope",
            "",
            1,
            "",
            "expected command but got \"nope\", try --help",
        ),
        (
            "check config",
            "",
            1,
            "",
            "required argument 'config-files' not provided, try --help",
        ),
        (
            "check rules --nope",
            "",
            1,
            "",
            "unknown long flag '--nope', try --help",
        ),
        (
            "tsdb list --help",
            "",
            0,
            "usage: narthex tsdb list [<flags>] [<db path>]\n",
            "",
        ),
        ("tsdb dump none", "", 1, "", "none holds no narthex store"),
        ("tsdb inspect dump.om", "", 1, "", "no file of the narthex format"),
    ] {
        let said = tool(folder.path(), &args.split(' ').collect::<Vec<_>>(), input);
        let shown = format!("{args}: {} {:?} {:?}", said.code, said.out, said.err);
        assert_eq!(said.code, code, "{shown}");
        assert!(said.out.contains(out) && said.err.contains(err), "{shown}");
        assert!(!err.is_empty() || said.err.is_empty(), "{shown}");
    }
}

#[test]
fn called_promtool_it_is_promtool() {
    let folder = folder();
    let link = folder.path().join("promtool");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_narthex"), &link).unwrap();
    let promtool = |args: &[&str]| run_in(folder.path(), &mut Command::new(&link), args, "");
    let said = promtool(&["check", "nope"]);
    assert_eq!(
        (said.code, said.err.as_str()),
        (
            1,
            "promtool: error: expected command but got \"nope\", try --help\n"
        )
    );
    assert!(promtool(&[]).out.starts_with("usage: promtool "));
    assert!(promtool(&["--version"]).out.starts_with("promtool, version "));
}

fn files(folder: &Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push((path.clone(), std::fs::read(&path).unwrap()));
        }
    }
    found.sort();
    found
}

#[test]
fn a_store_is_dumped_listed_and_verified_without_being_touched() {
    let folder = folder();
    let path = folder.path();
    let import = tool(
        path,
        &["tsdb", "create-blocks-from", "openmetrics", "dump.om", "data"],
        "",
    );
    assert_eq!(import.code, 0, "{}", import.err);
    let before = files(&path.join("data"));
    let want = "{__name__=\"a_total\", esc=\"q\\\"\\n\\\\é\", job=\"x\"} 3 2500
{__name__=\"a_total\", job=\"x\"} 1 1000
{__name__=\"a_total\", job=\"y\"} 1e+21 1000
{__name__=\"b\"} 7.25 1000
{__name__=\"b\"} NaN 2000
{__name__=\"b\"} +Inf 3000
{__name__=\"b\"} 1e-06 4000
{__name__=\"b\"} 1.234567e+06 5000
";
    assert_eq!(tool(path, &["tsdb", "dump", "data"], "").out, want);
    let some = tool(
        path,
        &[
            "tsdb",
            "dump",
            "--match=b",
            "--match={job=\"y\"}",
            "--max-time=1999",
            "data",
        ],
        "",
    );
    assert_eq!(
        some.out,
        "{__name__=\"a_total\", job=\"y\"} 1e+21 1000\n{__name__=\"b\"} 7.25 1000\n"
    );
    let open = tool(path, &["tsdb", "dump-openmetrics", "--match=a_total", "data"], "").out;
    assert_eq!(
        open,
        "a_total{esc=\"q\\\"\\n\\\\é\",job=\"x\"} 3 2.500\na_total{job=\"x\"} 1 1.000\na_total{job=\"y\"} 1e+21 1.000\n# EOF\n"
    );
    assert!(
        tool(path, &["tsdb", "list", "data"], "")
            .out
            .starts_with("BLOCK ULID")
    );
    let analysis = tool(path, &["tsdb", "analyze", "data"], "").out;
    for line in [
        "Series: 4\n",
        "Postings (unique label pairs): 5\n",
        "\n3 __name__=a_total\n",
        "Duration: 4.001s\n",
    ] {
        assert!(analysis.contains(line), "{analysis}");
    }
    let sound = tool(path, &["tsdb", "verify", "data"], "");
    assert!(
        sound.code == 0 && sound.out.ends_with(": sound\n"),
        "{}",
        sound.out
    );
    assert!(files(&path.join("data")) == before, "a reading tool wrote");
    same_as_installed_promtool(path);
    let compacted = tool(path, &["tsdb", "compact", "data"], "");
    assert!(
        compacted.out.contains(": 8 samples of 4 series, "),
        "{}{}",
        compacted.out,
        compacted.err
    );
    // A flipped bit among the samples is found, with its file and place, by all who look.
    let (chunks, mut bytes) = before
        .into_iter()
        .find(|(path, _)| path.file_name().is_some_and(|name| name == "chunks"))
        .unwrap();
    bytes[40] ^= 1;
    std::fs::write(&chunks, bytes).unwrap();
    let chunks = chunks.strip_prefix(path).unwrap().to_string_lossy().into_owned();
    let verified = tool(path, &["tsdb", "verify", "data"], "");
    assert_eq!(verified.code, 1, "{}", verified.out);
    assert!(
        verified.out.contains(&format!("{chunks}: "))
            && verified.out.contains("corrupt at byte 32: expected 0x"),
        "{}",
        verified.out
    );
    let inspected = tool(path, &["tsdb", "inspect", &chunks], "");
    assert!(
        inspected.code == 1 && inspected.out.contains("DAMAGED: "),
        "{}",
        inspected.out
    );
    let dumped = tool(path, &["tsdb", "dump", "data"], "");
    assert!(
        dumped.code == 1 && dumped.err.contains("corrupt"),
        "{}",
        dumped.err
    );
    // What opening looks at is in the list too: names, and what a server has noted.
    let folder = path.join(&chunks).with_file_name("");
    std::fs::write(folder.join("damage.txt"), "chunks: group is corrupt\n").unwrap();
    let mut index = std::fs::read(folder.join("index")).unwrap();
    index[40] ^= 1;
    std::fs::write(folder.join("index"), index).unwrap();
    let listed = tool(path, &["tsdb", "list", "data"], "").err;
    for place in [
        "/chunks: group is corrupt\n",
        "/index: section is corrupt at byte 32: expected 0x",
    ] {
        assert!(listed.contains(place), "{place} not in {listed}");
    }
    let block = folder.strip_prefix(path).unwrap().to_string_lossy().into_owned();
    let inspected = tool(path, &["tsdb", "inspect", &block], "").out;
    for file in ["chunks: ", "index: ", "meta.json: "] {
        assert!(inspected.contains(file), "{file} not in {inspected}");
    }
}

/// The same file through the promtool of the machine, where there is one.
fn same_as_installed_promtool(path: &Path) {
    let promtool = |args: &[&str]| run_in(path, &mut Command::new("/usr/bin/promtool"), args, "");
    if !Path::new("/usr/bin/promtool").exists() {
        eprintln!("skipped: no promtool on this machine to compare with");
        return;
    }
    assert_eq!(
        promtool(&["tsdb", "create-blocks-from", "openmetrics", "dump.om", "theirs"]).code,
        0
    );
    // It wants a log to be there.
    std::fs::create_dir_all(path.join("theirs/wal")).unwrap();
    assert_eq!(
        promtool(&["tsdb", "dump", "theirs"]).out,
        tool(path, &["tsdb", "dump", "data"], "").out
    );
}

#[test]
fn golden_files_are_explained_to_the_last_byte() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("storage-format/fixtures");
    for name in [
        "v1/wal",
        "v1/catalog-log",
        "v1/catalog-snapshot",
        "v1/segment",
        "v1/index",
        "v1/tombstones",
        "v1/meta.json",
        "v2/segment",
    ] {
        let said = tool(&fixtures, &["tsdb", "inspect", name], "");
        assert_eq!(said.code, 0, "{name}: {}{}", said.out, said.err);
        let length = std::fs::metadata(fixtures.join(name)).unwrap().len();
        let mut next = 0;
        for line in said.out.lines().skip(1) {
            let Ok(offset) = line.chars().take(10).collect::<String>().trim().parse::<u64>() else {
                continue;
            };
            assert_eq!(offset, next, "{name}: {line}");
            let bytes: String = line.chars().skip(12).take_while(|c| *c != '…').take(48).collect();
            let shown = bytes.split_whitespace().count() as u64;
            next += match line.split_once("… ") {
                Some((_, rest)) => rest.split(' ').next().unwrap().parse::<u64>().unwrap(),
                None => shown,
            };
        }
        assert_eq!(next, length, "{name}\n{}", said.out);
    }
}

#[test]
fn questions_to_a_running_server() {
    let folder = folder();
    let server = Server::start(
        &folder.path().join("data"),
        &["--web.enable-remote-write-receiver"],
    );
    let now = narthex::clock::Clock::system().now_ms() / 1000;
    let labels: &[(&str, &str)] = &[("__name__", "seen"), ("job", "a<b")];
    let body = write_request(&[(labels, &[((now - 10) * 1000, 1.5)])]);
    let headers = [
        ("Content-Encoding", "snappy"),
        ("Content-Type", "application/x-protobuf"),
    ];
    let written = request(server.port, "POST", "/api/v1/write", &headers, &body).unwrap();
    assert_eq!(written.status, 204, "{}", written.text());
    let url = format!("http://127.0.0.1:{}", server.port);
    let at = format!("--time={now}");
    let (start, end) = (format!("--start={now}"), format!("--end={}", now + 2));
    let link = folder.path().join("promtool");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_narthex"), &link).unwrap();
    let mut programs = vec![link.as_path()];
    if Path::new("/usr/bin/promtool").exists() {
        programs.push(Path::new("/usr/bin/promtool"));
    }
    for program in programs {
        for (args, code, out) in [
            (
                vec!["query", "instant", at.as_str(), &url, "seen"],
                0,
                format!("seen{{job=\"a<b\"}} => 1.5 @[{now}]\n"),
            ),
            (
                vec!["query", "instant", &at, "-o", "json", &url, "seen"],
                0,
                format!(
                    "[{{\"metric\":{{\"__name__\":\"seen\",\"job\":\"a\\u003cb\"}},\"value\":[{now},\"1.5\"]}}]\n"
                ),
            ),
            (
                vec!["query", "instant", &at, &url, "1+1"],
                0,
                format!("scalar: 2 @[{now}]\n"),
            ),
            (
                vec!["query", "range", &start, &end, "--step=1s", &url, "seen*2"],
                0,
                format!(
                    "{{job=\"a<b\"}} =>\n3 @[{now}]\n3 @[{}]\n3 @[{}]\n",
                    now + 1,
                    now + 2
                ),
            ),
            (
                vec!["query", "series", "--match=seen", &url],
                0,
                "{__name__=\"seen\", job=\"a<b\"}\n".into(),
            ),
            (
                vec!["query", "labels", "--match=seen", &url, "job"],
                0,
                "a<b\n".into(),
            ),
            (vec!["query", "instant", &url, "sum("], 1, String::new()),
        ] {
            let said = run_in(folder.path(), &mut Command::new(program), &args, "");
            assert_eq!(
                (said.code, said.out),
                (code, out),
                "{program:?} {args:?} {}",
                said.err
            );
        }
    }
    for check in ["healthy", "ready"] {
        let said = tool(folder.path(), &["check", check, &format!("--url={url}")], "");
        assert!(
            said.code == 0 && said.err.starts_with("  SUCCESS:  Prometheus Server is"),
            "{}",
            said.err
        );
    }
    // The store is read beside its server.
    let dumped = tool(folder.path(), &["tsdb", "dump", "--match=seen", "data"], "");
    assert_eq!(
        dumped.out,
        format!("{{__name__=\"seen\", job=\"a<b\"}} 1.5 {}\n", (now - 10) * 1000),
        "{}",
        dumped.err
    );
}
