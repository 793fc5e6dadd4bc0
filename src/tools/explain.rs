//! `explain`: asks a server why something is scraped or is not, and tells it for people.

use super::arguments::Given;
use super::client::{Server, form};
use super::streams::{DONE, FAILED, LINT, Streams};
use hyper::Method;
use serde_json::Value;
use std::fmt::Write as _;
use std::io;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(60);

/// Asks and tells. Exit codes: 0 it is scraped, 3 it is not, 1 the question was not answered.
pub(super) fn run(given: &Given, streams: &mut Streams<'_>) -> io::Result<u8> {
    let data = match ask(given) {
        Ok(data) => data,
        Err(fault) => {
            streams.complain(fault);
            return Ok(FAILED);
        }
    };
    if given.is_on("json") {
        streams.say(data.to_string())?;
    } else {
        streams.out.write_all(story(&data).as_bytes())?;
    }
    Ok(if text(&data, "fault") == "none" {
        DONE
    } else {
        LINT
    })
}

fn ask(given: &Given) -> Result<Value, String> {
    let server = Server::new(given.text("url"), &given.texts("header"), TIMEOUT)?;
    let what = given.arg(0);
    let path = format!(
        "/api/v1/targets/explain?{}",
        form(&[(parameter(what), what.to_owned())])
    );
    let answer = server.ask(&Method::GET, &path, None)?;
    let body: Value = serde_json::from_slice(&answer.body).map_err(|_| {
        format!(
            "{} answered {} and nothing that can be read: is it narthex?",
            server.url(&path),
            answer.status
        )
    })?;
    match body.get("data") {
        Some(data) => Ok(data.clone()),
        None => Err(format!("{}: {}", text(&body, "errorType"), text(&body, "error"))),
    }
}

/// Which parameter a word is: `{job="a"}` or `job="a"` a selector, `h:80` or a URL an address, the rest pods.
fn parameter(word: &str) -> &'static str {
    if word.contains("://") {
        "address"
    } else if word.contains(['{', '=']) {
        "match[]"
    } else if word.contains('/') {
        "pod"
    } else if word.contains(':') || word.parse::<std::net::IpAddr>().is_ok() {
        "address"
    } else {
        "pod"
    }
}

/// The answer for people.
fn story(data: &Value) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail, here and below.
    let _ = writeln!(out, "{}\n", text(data, "says"));
    for job in items(data, "jobs") {
        let targets = items(job, "targets");
        let found = number(job, "found");
        let _ = writeln!(
            out,
            "job {}: {} of {found} found",
            text(job, "job"),
            targets.len()
        );
        for target in targets {
            tell_target(&mut out, target);
        }
    }
    let told: usize = items(data, "jobs")
        .iter()
        .map(|job| items(job, "targets").len())
        .sum();
    let matched = number(data, "matched") as usize;
    if told < matched {
        let _ = writeln!(out, "\nonly {told} of {matched} are told of: ask more narrowly");
    }
    out
}

fn tell_target(out: &mut String, target: &Value) {
    let found = target.get("discoveredLabels").unwrap_or(&Value::Null);
    let place = match text(target, "scrapeUrl") {
        "" => text(found, "__address__"),
        url => url,
    };
    let _ = writeln!(
        out,
        "\n  {place} {}: {}",
        text(target, "verdict"),
        text(target, "says")
    );
    for remark in items(target, "remarks") {
        let _ = writeln!(out, "  note: {}", remark.as_str().unwrap_or_default());
    }
    let _ = writeln!(out, "  found as");
    tell_labels(out, found);
    let steps = items(target, "steps");
    if !steps.is_empty() {
        let _ = writeln!(out, "  rules");
    }
    for step in steps {
        tell_step(out, step);
    }
    if let Some(labels) = target.get("labels") {
        let _ = writeln!(out, "  scraped as");
        tell_labels(out, labels);
    }
}

fn tell_labels(out: &mut String, labels: &Value) {
    for (name, value) in labels.as_object().into_iter().flatten() {
        let _ = writeln!(out, "    {name} = {value}");
    }
}

fn tell_step(out: &mut String, step: &Value) {
    let rule = step.get("rule").unwrap_or(&Value::Null);
    let place = Some(text(step, "place"))
        .filter(|place| !place.is_empty())
        .map_or_else(String::new, |place| format!("  ({place})"));
    let _ = writeln!(
        out,
        "    {}. {} {}{place}",
        number(step, "number"),
        text(rule, "action"),
        text(rule, "regex"),
    );
    for read in items(step, "reads") {
        let value = read.get("value").unwrap_or(&Value::Null);
        let _ = writeln!(out, "       reads {} = {value}", text(read, "label"));
    }
    let changes = items(step, "changes");
    for change in changes {
        let value = |key| change.get(key).unwrap_or(&Value::Null);
        let _ = writeln!(
            out,
            "       {}: {} -> {}",
            text(change, "label"),
            value("before"),
            value("after")
        );
    }
    if step.get("keep").and_then(Value::as_bool) == Some(false) {
        let _ = writeln!(out, "       DROPS it");
    } else if changes.is_empty() {
        let _ = writeln!(out, "       changes nothing");
    }
}

fn items<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value
        .get(key)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn number(value: &Value, key: &str) -> u64 {
    value.get(key).and_then(Value::as_u64).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_pods_addresses_or_selectors() {
        for (word, want) in [
            ("shop/cart-0", "pod"),
            ("cart-0", "pod"),
            ("10.0.0.1:80", "address"),
            ("10.0.0.1", "address"),
            ("fd00::1", "address"),
            ("http://h:80/metrics", "address"),
            (r#"{job="a/b"}"#, "match[]"),
            (r#"up{a="b"}"#, "match[]"),
        ] {
            assert_eq!(parameter(word), want, "{word}");
        }
    }

    #[test]
    fn the_story_tells_rules_with_what_they_did() {
        let data = serde_json::json!({
            "question": "pod a/b", "fault": "annotation missing", "says": "a/b has none", "matched": 2,
            "jobs": [{"job": "pods", "found": 3, "targets": [{
                "verdict": "dropped", "says": "it has none", "remarks": ["mind the gap"],
                "discoveredLabels": {"__address__": "h:1"}, "droppedBy": 2,
                "steps": [
                    {"number": 1, "place": "p.yml:7", "rule": {"action": "replace", "regex": "(.*)"},
                     "reads": [{"label": "a", "value": "1"}], "changes": [{"label": "b", "before": "", "after": "1"}],
                     "output": {}, "keep": true},
                    {"number": 2, "place": "", "rule": {"action": "keep", "regex": "x"},
                     "reads": [], "changes": [], "output": {}, "keep": false},
                ]}]}, {"job": "other", "found": 0, "targets": []}]});
        let want = "\
a/b has none

job pods: 1 of 3 found

  h:1 dropped: it has none
  note: mind the gap
  found as
    __address__ = \"h:1\"
  rules
    1. replace (.*)  (p.yml:7)
       reads a = \"1\"
       b: \"\" -> \"1\"
    2. keep x
       DROPS it
job other: 0 of 0 found

only 1 of 2 are told of: ask more narrowly
";
        assert_eq!(story(&data), want);
    }
}
