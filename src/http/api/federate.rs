//! `/federate`: the newest sample of each selected series, as a page for another server to scrape.

use hyper::StatusCode;
use hyper::header;
use narthex_model::histogram::CUSTOM_BUCKETS_SCHEMA;
use narthex_model::labels::{is_legacy_label_name, is_legacy_metric_name};
use narthex_model::{
    Labels, METRIC_NAME, Matcher, ResetHint, SampleBuffer, SampleValue, Selection, SeriesSource, SourceError,
    TimeRange, is_stale,
};
use narthex_tsdb::Snapshot;

use super::super::accept::{PageForm, choose};
use super::super::body::{Body, Reply, reply, reply_error};
use super::super::call::Call;
use super::super::encode::chunks::{CHUNK_BYTES, Chunks};
use super::super::router::not_ready;
use super::data::snapshot;
use super::metrics::PROTOBUF;
use crate::exposition::{Format, MetricKind, PageValue, ProtobufPage, Writer};

const UNDERSCORES: &str = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores";
const PROTOBUF_UTF8: &str = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited; escaping=allow-utf-8";
const UTF8: &str = "text/plain; version=1.0.0; charset=utf-8; escaping=allow-utf-8";

/// The newest sample of a series.
#[derive(Debug, Clone, PartialEq)]
struct Newest {
    labels: Labels,
    time: i64,
    value: SampleValue,
}

impl Newest {
    fn kind(&self) -> MetricKind {
        match &self.value {
            SampleValue::Float(_) => MetricKind::Unknown,
            SampleValue::Histogram(histogram) => match histogram.hint() {
                ResetHint::Gauge => MetricKind::GaugeHistogram,
                _ => MetricKind::Histogram,
            },
        }
    }
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
    let known = [PageForm::Classic, PageForm::Protobuf];
    let (form, utf8) = choose(call.header(header::ACCEPT.as_str()), &known);
    let histograms = form == PageForm::Protobuf;
    let now = call.app.clock.now_ms();
    let lookback = call.app.queries.engine().options().lookback_delta_ms;
    let range = TimeRange {
        min: now.saturating_sub(lookback),
        max: now,
    };
    let found = call
        .app
        .queries
        .read(false, move |stop| {
            newest(&snapshot(&store, stop), &sets, range, histograms)
        })
        .await;
    let samples = match found {
        Ok(Ok(samples)) => samples,
        Ok(Err(error)) => return failed(&call, &error.to_string()),
        Err(fault) => return failed(&call, &fault.to_string()),
    };
    let page = Page {
        samples,
        at: 0,
        external: external_labels(&call.app.loaded().config.global.external_labels),
        escape: !utf8,
        form,
    };
    let content_type = match form {
        PageForm::Protobuf if utf8 => PROTOBUF_UTF8,
        PageForm::Protobuf => PROTOBUF,
        _ if utf8 => UTF8,
        _ => UNDERSCORES,
    };
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

/// The newest samples in `range`, by metric name; series that ended or have no name are left out, and native histograms
/// where the page cannot say them.
fn newest(
    snapshot: &Snapshot,
    sets: &[Vec<Matcher>],
    range: TimeRange,
    histograms: bool,
) -> Result<Vec<Newest>, SourceError> {
    let mut samples = Vec::new();
    let mut buffer = SampleBuffer::new();
    for matchers in sets {
        let series = snapshot.select_newest(&Selection { matchers, range })?;
        for index in 0..series.len() {
            series.read_newest(index, &mut buffer)?;
            let Some((time, value)) = last(&buffer).filter(|(_, value)| match value {
                SampleValue::Float(value) => !is_stale(*value),
                // Buckets with bounds of their own have no place in the message.
                SampleValue::Histogram(h) => {
                    histograms && !h.is_stale() && h.schema() != CUSTOM_BUCKETS_SCHEMA
                }
            }) else {
                continue;
            };
            let labels = series.labels(index);
            if !labels.metric_name().is_empty() {
                samples.push(Newest { labels, time, value });
            }
        }
        series.check_whole()?;
    }
    samples.sort_by(|a, b| {
        let names = a.labels.metric_name().cmp(b.labels.metric_name());
        names.then_with(|| a.labels.cmp(&b.labels))
    });
    samples.dedup_by(|a, b| a.labels == b.labels);
    Ok(samples)
}

fn last(buffer: &SampleBuffer) -> Option<(i64, SampleValue)> {
    let at = buffer.times().len().checked_sub(1)?;
    let time = *buffer.times().get(at)?;
    let histogram = buffer.histograms().last().filter(|(place, _)| *place == at);
    Some(match histogram {
        Some((_, histogram)) => (time, SampleValue::Histogram(histogram.clone())),
        None => (time, SampleValue::Float(*buffer.values().get(at)?)),
    })
}

/// The page, written as it is read.
struct Page {
    samples: Vec<Newest>,
    at: usize,
    external: Vec<(String, String)>,
    escape: bool,
    form: PageForm,
}

impl Chunks for Page {
    fn fill(&mut self, out: &mut Vec<u8>) -> bool {
        let end = out.len() + CHUNK_BYTES;
        let mut messages = ProtobufPage::default();
        loop {
            let Some(sample) = self.samples.get(self.at) else {
                out.extend(messages.take());
                return false;
            };
            let before = self.at.checked_sub(1).and_then(|at| self.samples.get(at));
            let is_first = before.is_none_or(|b| {
                b.labels.metric_name() != sample.labels.metric_name() || b.kind() != sample.kind()
            });
            if is_first {
                out.extend(messages.take());
            }
            // A family is one message: there is no end within it.
            if out.len() >= end && (is_first || self.form != PageForm::Protobuf) {
                return true;
            }
            if self.form == PageForm::Protobuf {
                self.message(sample, is_first, &mut messages);
            } else {
                self.write(sample, is_first, out);
            }
            self.at += 1;
        }
    }
}

impl Page {
    /// The sample's name and labels as the client can read them.
    fn series<'s>(&'s self, sample: &'s Newest) -> (String, Vec<(String, &'s str)>) {
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
        (name, own.chain(missing).collect())
    }

    fn message(&self, sample: &Newest, is_first: bool, page: &mut ProtobufPage) {
        let (name, labels) = self.series(sample);
        let labels: Vec<(&str, &str)> = labels.iter().map(|(n, v)| (n.as_str(), *v)).collect();
        if is_first {
            page.family(&name, sample.kind(), "");
        }
        let native;
        let value = match &sample.value {
            SampleValue::Float(value) => PageValue::Number(*value),
            SampleValue::Histogram(histogram) => {
                native = histogram.to_float();
                PageValue::Native(&native)
            }
        };
        page.metric(&labels, value, Some(sample.time));
    }

    fn write(&self, sample: &Newest, is_first: bool, out: &mut Vec<u8>) {
        let SampleValue::Float(value) = sample.value else {
            return;
        };
        let (name, labels) = self.series(sample);
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
        writer.sample_at(&name, &labels, value, Some(sample.time));
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
            value: SampleValue::Float(value),
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
            form: PageForm::Classic,
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
