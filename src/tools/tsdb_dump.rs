//! `tsdb dump` and `tsdb dump-openmetrics`: every sample of a store, one a line.

use super::arguments::Given;
use super::progress::Progress;
use super::store::{matchers, open, range};
use super::streams::{DONE, FAILED, Streams};
use narthex_model::labels::write_quoted;
use narthex_model::number::general;
use narthex_model::{Labels, SampleBuffer, Selection, SeriesSource};
use std::fmt::Write as _;
use std::io;

/// Lines as `{a="b"} value time`, times in Unix milliseconds.
pub(super) fn plain(given: &Given, streams: &mut Streams<'_>) -> io::Result<u8> {
    dump(given, streams, &|labels, buffer, out| {
        let labels = labels.to_string();
        let mut histograms = buffer.histograms().iter().peekable();
        for (at, (time, value)) in buffer.times().iter().zip(buffer.values()).enumerate() {
            let _ = match histograms.next_if(|(place, _)| *place == at) {
                Some((_, histogram)) => writeln!(out, "{labels} {} {time}", histogram.to_float()),
                None => writeln!(out, "{labels} {} {time}", general(*value)),
            };
        }
    })
}

/// Lines as `name{a="b"} value time`, times in seconds.
pub(super) fn openmetrics(given: &Given, streams: &mut Streams<'_>) -> io::Result<u8> {
    let code = dump(given, streams, &|labels, buffer, out| {
        let series = openmetrics_series(labels);
        let mut histograms = buffer.histograms().iter().peekable();
        for (at, (time, value)) in buffer.times().iter().zip(buffer.values()).enumerate() {
            if histograms.next_if(|(place, _)| *place == at).is_none() {
                let seconds = *time as f64 / 1000.0;
                let _ = writeln!(out, "{series} {} {seconds:.3}", general(*value));
            }
        }
    })?;
    if code == DONE {
        streams.say("# EOF")?;
    }
    Ok(code)
}

fn openmetrics_series(labels: &Labels) -> String {
    let mut text = format!("{}{{", labels.metric_name());
    let rest = labels.without_name();
    for (at, (name, value)) in rest.iter().enumerate() {
        if at > 0 {
            text.push(',');
        }
        text.push_str(name);
        text.push('=');
        let _ = write_quoted(&mut text, value);
    }
    text.push('}');
    text
}

type Lines<'a> = &'a dyn Fn(&Labels, &SampleBuffer, &mut String);

fn dump(given: &Given, streams: &mut Streams<'_>, lines: Lines<'_>) -> io::Result<u8> {
    match samples(given, streams, lines) {
        Ok(written) => written.map(|()| DONE),
        Err(fault) => {
            streams.complain(fault);
            Ok(FAILED)
        }
    }
}

/// What went wrong with the store is the outer error, with the output the inner one.
fn samples(given: &Given, streams: &mut Streams<'_>, lines: Lines<'_>) -> Result<io::Result<()>, String> {
    let sets = matchers(&given.texts("match"))?;
    let store = open(given.directory(0))?;
    let snapshot = store.snapshot();
    let one = if let [set] = sets.as_slice() {
        set.as_slice()
    } else {
        &[]
    };
    let selection = Selection {
        matchers: one,
        range: range(given.whole("min-time"), given.whole("max-time")),
    };
    let set = snapshot.select(&selection).map_err(|error| error.to_string())?;
    let mut progress = Progress::new("series", set.len() as u64);
    let (mut buffer, mut text) = (SampleBuffer::new(), String::new());
    for index in 0..set.len() {
        progress.step(1);
        let labels = set.labels(index);
        let wanted = sets.len() < 2
            || sets
                .iter()
                .any(|set| set.iter().all(|matcher| matcher.matches_labels(&labels)));
        if !wanted {
            continue;
        }
        set.read(index, &mut buffer).map_err(|error| error.to_string())?;
        text.clear();
        lines(&labels, &buffer, &mut text);
        if let Err(error) = streams.out.write_all(text.as_bytes()) {
            return Ok(Err(error));
        }
    }
    let damage = store.stats().damage;
    for damage in &damage {
        streams.complain(format!("damaged: {damage}"));
    }
    // What is sound has been written; that it is not all must not pass unseen.
    match set.lost().len() {
        0 => Ok(Ok(())),
        places => Err(format!(
            "samples are missing: {places} corrupt places in files of the store"
        )),
    }
}
