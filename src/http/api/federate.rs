//! `/federate`: the newest sample of each selected series, as a page for another server to scrape.

use hyper::StatusCode;
use hyper::header;
use narthex_model::labels::{is_legacy_label_name, is_legacy_metric_name};
use narthex_model::{
    Labels, METRIC_NAME, Matcher, SampleBuffer, Selection, SeriesSource, SourceError, TimeRange, is_stale,
};
use narthex_tsdb::Snapshot;

use super::super::body::{Body, Reply, reply, reply_error};
use super::super::call::Call;
use super::super::encode::chunks::{CHUNK_BYTES, Chunks};
use super::super::router::not_ready;
use super::data::snapshot;
use crate::exposition::{Format, Writer};

const UNDERSCORES: &str = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores";
const UTF8: &str = "text/plain; version=1.0.0; charset=utf-8; escaping=allow-utf-8";

/// The newest sample of a series.
#[derive(Debug, Clone, PartialEq)]
struct Newest {
    labels: Labels,
    time: i64,
    value: f64,
}

/// Answers.
pub(crate) async fn federate(call: Call) -> Reply {
    let form = call.url_form();
    if let Some(fault) = form.fault() {
        return reply_error(
            StatusCode::BAD_REQUEST,
            &format!("error parsing form values: {fault}"),
        );
    }
    let mut sets: Vec<Vec<Matcher>> = Vec::new();
    for text in form.all("match[]") {
        match narthex_promql::parse_selector(text) {
            Ok(set) => sets.push(set),
            Err(error) => return reply_error(StatusCode::BAD_REQUEST, &error.to_string()),
        }
    }
    let Some(store) = call.app.store().cloned() else {
        return not_ready(&call.app);
    };
    let now = call.app.clock.now_ms();
    let lookback = call.app.queries.engine().options().lookback_delta_ms;
    let range = TimeRange {
        min: now.saturating_sub(lookback),
        max: now,
    };
    let found = call
        .app
        .queries
        .read(move |stop| newest(&snapshot(&store, stop), &sets, range))
        .await;
    let samples = match found {
        Ok(Ok(samples)) => samples,
        Ok(Err(error)) => return failed(&call, &error.to_string()),
        Err(fault) => return failed(&call, &fault.to_string()),
    };
    let utf8 = call
        .header(header::ACCEPT.as_str())
        .contains("escaping=allow-utf-8");
    let page = Page {
        samples,
        at: 0,
        external: external_labels(&call.app.loaded().config.global.external_labels),
        escape: !utf8,
    };
    let content_type = if utf8 { UTF8 } else { UNDERSCORES };
    reply(StatusCode::OK, content_type, Body::pieces(Box::new(page)))
}

fn failed(call: &Call, text: &str) -> Reply {
    call.app.metrics.federation_errors.inc();
    reply_error(StatusCode::INTERNAL_SERVER_ERROR, text)
}

/// Labels that every series gets unless it has them; `instance` among them, so that the scraping server does not put
/// its own there.
fn external_labels(labels: &Labels) -> Vec<(String, String)> {
    let mut external: Vec<(String, String)> = labels
        .iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    if labels.get("instance").is_none() {
        external.push(("instance".into(), String::new()));
        external.sort_unstable();
    }
    external
}

/// The newest samples in `range`, by metric name; series that ended, that have no name, or whose newest sample is a
/// native histogram are left out.
fn newest(snapshot: &Snapshot, sets: &[Vec<Matcher>], range: TimeRange) -> Result<Vec<Newest>, SourceError> {
    let mut samples = Vec::new();
    let mut buffer = SampleBuffer::new();
    for matchers in sets {
        let series = snapshot.select(&Selection { matchers, range })?;
        for index in 0..series.len() {
            series.read_newest(index, &mut buffer)?;
            let last = buffer.times().len().checked_sub(1);
            let is_histogram = buffer
                .histograms()
                .last()
                .is_some_and(|(at, _)| Some(*at) == last);
            let point = last.and_then(|at| Some((*buffer.times().get(at)?, *buffer.values().get(at)?)));
            let Some((time, value)) = point.filter(|(_, value)| !is_histogram && !is_stale(*value)) else {
                continue;
            };
            let labels = series.labels(index);
            if !labels.metric_name().is_empty() {
                samples.push(Newest { labels, time, value });
            }
        }
    }
    samples.sort_by(|a, b| {
        let names = a.labels.metric_name().cmp(b.labels.metric_name());
        names.then_with(|| a.labels.cmp(&b.labels))
    });
    samples.dedup_by(|a, b| a.labels == b.labels);
    Ok(samples)
}

/// The page, written as it is read.
struct Page {
    samples: Vec<Newest>,
    at: usize,
    external: Vec<(String, String)>,
    escape: bool,
}

impl Chunks for Page {
    fn fill(&mut self, out: &mut Vec<u8>) -> bool {
        let end = out.len() + CHUNK_BYTES;
        while out.len() < end {
            let Some(sample) = self.samples.get(self.at) else {
                return false;
            };
            let before = self.at.checked_sub(1).and_then(|at| self.samples.get(at));
            let is_first = before.is_none_or(|b| b.labels.metric_name() != sample.labels.metric_name());
            self.write(sample, is_first, out);
            self.at += 1;
        }
        true
    }
}

impl Page {
    fn write(&self, sample: &Newest, is_first: bool, out: &mut Vec<u8>) {
        let name = self.name(sample.labels.metric_name(), is_legacy_metric_name);
        let own = sample
            .labels
            .iter()
            .filter(|(name, _)| *name != METRIC_NAME)
            .map(|(name, value)| (self.name(name, is_legacy_label_name), value));
        let missing = self
            .external
            .iter()
            .filter(|(name, _)| sample.labels.get(name).is_none())
            .map(|(name, value)| (name.clone(), value.as_str()));
        let labels: Vec<(String, &str)> = own.chain(missing).collect();
        let labels: Vec<(&str, &str)> = labels.iter().map(|(n, v)| (n.as_str(), *v)).collect();
        if is_first {
            let shown = if is_legacy_metric_name(&name) {
                name.clone()
            } else {
                format!("{name:?}")
            };
            out.extend_from_slice(format!("# TYPE {shown} untyped\n").as_bytes());
        }
        let mut writer = Writer::new(Format::Classic);
        writer.sample_at(&name, &labels, sample.value, Some(sample.time));
        out.extend_from_slice(writer.finish().as_bytes());
    }

    /// The name as the client can read it.
    fn name(&self, name: &str, is_legacy: fn(&str) -> bool) -> String {
        if !self.escape || is_legacy(name) {
            return name.to_owned();
        }
        let mut escaped = String::with_capacity(name.len());
        for c in name.chars() {
            let digit_first = escaped.is_empty() && c.is_ascii_digit();
            let valid = c.is_ascii_alphanumeric() || c == '_' || (c == ':' && is_legacy(":"));
            escaped.push(if valid && !digit_first { c } else { '_' });
        }
        escaped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages() {
        let sample = |pairs: &[(&str, &str)], value| Newest {
            labels: Labels::from_pairs(pairs.iter().copied()),
            time: 1_500,
            value,
        };
        let mut page = Page {
            samples: vec![
                sample(&[("__name__", "a"), ("Z", "1")], 1.0),
                sample(&[("__name__", "a"), ("instance", "i"), ("zone", "own")], 1e21),
                sample(&[("__name__", "b.c"), ("d.e", "\"")], f64::NAN),
            ],
            at: 0,
            external: external_labels(&Labels::from_pairs([("zone", "x")])),
            escape: true,
        };
        let mut out = Vec::new();
        assert!(!page.fill(&mut out));
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "# TYPE a untyped\n\
             a{Z=\"1\",instance=\"\",zone=\"x\"} 1 1500\n\
             a{instance=\"i\",zone=\"own\"} 1e+21 1500\n\
             # TYPE b_c untyped\n\
             b_c{d_e=\"\\\"\",instance=\"\",zone=\"x\"} NaN 1500\n"
        );
    }
}
