//! `query instant|range|series|labels`: questions to a server.

use super::arguments::Given;
use super::client::{Server, escape, form};
use super::print_answer::{json, label_sets, lines, value};
use super::query_times::{now, seconds, step, time, wide};
use super::streams::{DONE, FAILED, Streams};
use hyper::Method;
use serde_json::Value;
use std::io;
use std::time::Duration;

/// How long a query may take.
const TIMEOUT: Duration = Duration::from_secs(120);

/// A query at one time.
pub(super) fn instant(given: &Given, streams: &mut Streams<'_>) -> io::Result<u8> {
    let fields = time(given.text("time"), "evaluation", now())
        .map(|at| vec![("query", given.arg(1).to_owned()), ("time", seconds(at))]);
    let data = fields.and_then(|fields| ask(given, "/api/v1/query", Some(&fields), streams));
    answer(given, data, streams, value)
}

/// A query over a range of times.
pub(super) fn range(given: &Given, streams: &mut Streams<'_>) -> io::Result<u8> {
    let fields = range_fields(given);
    let data = fields.and_then(|fields| ask(given, "/api/v1/query_range", Some(&fields), streams));
    answer(given, data, streams, value)
}

fn range_fields(given: &Given) -> Result<Vec<(&'static str, String)>, String> {
    let end = time(given.text("end"), "end", now())?;
    let start = time(given.text("start"), "start", end - 300_000)?;
    if start >= end {
        return Err("start time is not before end time".to_owned());
    }
    let step = step(given.text("step"), start, end)?;
    Ok(vec![
        ("query", given.arg(1).to_owned()),
        ("start", seconds(start)),
        ("end", seconds(end)),
        ("step", seconds(step)),
    ])
}

/// A list of series.
pub(super) fn series(given: &Given, streams: &mut Streams<'_>) -> io::Result<u8> {
    let fields = listing_fields(given);
    let data = fields.and_then(|fields| ask(given, "/api/v1/series", Some(&fields), streams));
    answer(given, data, streams, label_sets)
}

/// The values of a label.
pub(super) fn labels(given: &Given, streams: &mut Streams<'_>) -> io::Result<u8> {
    let data = listing_fields(given).and_then(|fields| {
        let path = format!("/api/v1/label/{}/values?{}", escape(given.arg(1)), form(&fields));
        ask(given, &path, None, streams)
    });
    answer(given, data, streams, lines)
}

fn listing_fields(given: &Given) -> Result<Vec<(&'static str, String)>, String> {
    let (start, end) = wide(given.text("start"), given.text("end"))?;
    let mut fields = vec![("start", seconds(start)), ("end", seconds(end))];
    fields.extend(given.texts("match").into_iter().map(|text| ("match[]", text)));
    Ok(fields)
}

/// The data of an answer; a form is posted, and put into the URL where the server does not take it.
fn ask(
    given: &Given,
    path: &str,
    fields: Option<&[(&str, String)]>,
    streams: &mut Streams<'_>,
) -> Result<Value, String> {
    let server = Server::new(given.arg(0), &given.texts("header"), TIMEOUT)?;
    let failed = |text: String| format!("query error: {text}");
    let asked = match fields.map(form) {
        None => server.ask(&Method::GET, path, None),
        Some(form) => match server.ask(&Method::POST, path, Some(&form)) {
            Ok(answer) if matches!(answer.status, 405 | 501) => {
                server.ask(&Method::GET, &format!("{path}?{form}"), None)
            }
            other => other,
        },
    };
    let answer = asked.map_err(failed)?;
    let body: Option<Value> = serde_json::from_slice(&answer.body).ok();
    let Some(Value::Object(mut body)) = body else {
        let kind = match answer.status {
            400..500 => "client_error: client error",
            500.. => "server_error: server error",
            _ => "bad_response: bad response code",
        };
        let detail = String::from_utf8_lossy(&answer.body).trim().to_owned();
        return Err(failed(format!("{kind}: {} (detail: {detail})", answer.status)));
    };
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
    if body.get("status").and_then(Value::as_str) != Some("success") {
        return Err(failed(format!(
            "{}: {}",
            text(body.get("errorType")),
            text(body.get("error"))
        )));
    }
    for key in ["warnings", "infos"] {
        for warning in body.get(key).and_then(Value::as_array).into_iter().flatten() {
            streams.complain(format!(
                "query {}: {}",
                key.trim_end_matches('s'),
                text(Some(warning))
            ));
        }
    }
    Ok(body.remove("data").unwrap_or(Value::Null))
}

fn answer(
    given: &Given,
    data: Result<Value, String>,
    streams: &mut Streams<'_>,
    text: fn(&Value) -> String,
) -> io::Result<u8> {
    match data {
        Ok(data) => {
            let shown = if given.text("format") == "json" {
                json(&data)
            } else {
                text(&data)
            };
            // A list without items has no line; a value without elements has an empty one.
            if !(shown.is_empty() && data.is_array()) {
                streams.say(shown)?;
            }
            Ok(DONE)
        }
        Err(fault) => {
            streams.complain(fault);
            Ok(FAILED)
        }
    }
}
