//! The data points of one metric into a batch.
//!
//! Source of the rules: Prometheus `storage/remote/otlptranslator/prometheusremotewrite/`.

use std::collections::BTreeMap;

use narthex_model::{HistogramValue, Labels, stale_nan};
use narthex_tsdb::{Batch, Exemplar, SeriesMetadata};

use super::attributes::{self, Shared, plain};
use super::histograms;
use super::message::{
    ExemplarMessage, ExponentialPoint, HistogramPoint, Metric, NO_VALUE, NumberPoint, SummaryPoint,
};
use super::translate::Settings;

/// Takes the points of a metric.
pub(super) struct Points<'a> {
    pub(super) batch: &'a mut Batch,
    pub(super) name: &'a str,
    pub(super) shared: &'a Shared,
    pub(super) settings: &'a Settings,
    pub(super) delta: bool,
    pub(super) metadata: &'a SeriesMetadata,
    /// Oldest and newest time of the resource's points.
    pub(super) span: &'a mut Option<(i64, i64)>,
    /// Why points were left out, one each.
    pub(super) faults: Vec<String>,
}

/// When a point was measured, and since when it counts; Unix milliseconds.
#[derive(Debug, Clone, Copy)]
struct Times {
    time: i64,
    start: i64,
}

impl Times {
    fn new(time_nanos: u64, start_nanos: u64) -> Self {
        Self {
            time: millis(time_nanos),
            start: millis(start_nanos),
        }
    }
}

fn millis(nanos: u64) -> i64 {
    (nanos / 1_000_000) as i64
}

type LabelMap = BTreeMap<String, String>;

impl Points<'_> {
    /// Adds all points.
    pub(super) fn add(&mut self, metric: &Metric) {
        let gauge = metric.gauge.iter().flat_map(|g| &g.data_points);
        let sum = metric.sum.iter().flat_map(|s| &s.data_points);
        for point in gauge.chain(sum) {
            let done = self.number(point);
            self.note(done);
        }
        for point in metric.histogram.iter().flat_map(|h| &h.data_points) {
            let done = if self.settings.custom_buckets {
                self.custom(point)
            } else {
                self.classic(point)
            };
            self.note(done);
        }
        for point in metric.exponential_histogram.iter().flat_map(|h| &h.data_points) {
            let done = self.exponential(point);
            self.note(done);
        }
        for point in metric.summary.iter().flat_map(|s| &s.data_points) {
            let done = self.summary(point);
            self.note(done);
        }
    }

    fn note(&mut self, done: Result<(), String>) {
        self.faults.extend(done.err());
    }

    fn labels(&self, attributes: &[super::message::KeyValue]) -> Result<LabelMap, String> {
        self.shared.labels(attributes, &[], self.settings.namer)
    }

    fn widen(&mut self, time: i64) {
        let (oldest, newest) = self.span.unwrap_or((time, time));
        *self.span = Some((oldest.min(time), newest.max(time)));
    }

    fn float(&mut self, labels: &Labels, times: Times, flags: u32, value: f64) {
        self.widen(times.time);
        let value = if flags & NO_VALUE != 0 { stale_nan() } else { value };
        self.batch.push_float_labelled(labels, times.time, value);
        self.batch.set_start_time(times.start);
        self.batch.push_metadata_labelled(labels, self.metadata.clone());
    }

    fn native(&mut self, labels: &Labels, times: Times, value: HistogramValue) {
        self.widen(times.time);
        self.batch.push_histogram_labelled(labels, times.time, value);
        self.batch.set_start_time(times.start);
        self.batch.push_metadata_labelled(labels, self.metadata.clone());
    }

    fn number(&mut self, point: &NumberPoint) -> Result<(), String> {
        let labels = self.labels(&point.attributes)?;
        let series = attributes::series(&labels, self.name, None);
        let times = Times::new(point.time_unix_nano, point.start_time_unix_nano);
        let value = match (point.as_double, point.as_int) {
            (Some(double), _) => double,
            (None, whole) => whole.unwrap_or(0) as f64,
        };
        self.float(&series, times, point.flags, value);
        self.exemplars(&series, &point.exemplars)
    }

    fn classic(&mut self, point: &HistogramPoint) -> Result<(), String> {
        let labels = self.labels(&point.attributes)?;
        let times = Times::new(point.time_unix_nano, point.start_time_unix_nano);
        let flags = point.flags;
        let series = |ending: &str, more: Option<(&str, &str)>| {
            attributes::series(&labels, &format!("{}{ending}", self.name), more)
        };
        let mut buckets: Vec<(f64, Labels, f64)> = Vec::with_capacity(point.explicit_bounds.len() + 1);
        let mut below = 0_u64;
        for (bound, count) in point.explicit_bounds.iter().zip(&point.bucket_counts) {
            below = below.wrapping_add(*count);
            let le = plain(*bound);
            buckets.push((*bound, series("_bucket", Some(("le", &le))), below as f64));
        }
        let infinite = series("_bucket", Some(("le", "+Inf")));
        buckets.push((f64::INFINITY, infinite, point.count as f64));
        let (sum, count) = (series("_sum", None), series("_count", None));
        if let Some(value) = point.sum {
            self.float(&sum, times, flags, value);
        }
        self.float(&count, times, flags, point.count as f64);
        for (_, series, value) in &buckets {
            self.float(series, times, flags, *value);
        }
        buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        for exemplar in &point.exemplars {
            let exemplar = self.exemplar(exemplar)?;
            if let Some((_, series, _)) = buckets.iter().find(|(bound, ..)| exemplar.value <= *bound) {
                self.batch.push_exemplar_labelled(series, exemplar);
            }
        }
        Ok(())
    }

    fn custom(&mut self, point: &HistogramPoint) -> Result<(), String> {
        let value = histograms::custom(point, self.delta)?;
        let labels = self.labels(&point.attributes)?;
        let times = Times::new(point.time_unix_nano, point.start_time_unix_nano);
        self.with_exemplars(&labels, times, value, &point.exemplars)
    }

    fn exponential(&mut self, point: &ExponentialPoint) -> Result<(), String> {
        let value = histograms::exponential(point, self.delta)?;
        let labels = self.labels(&point.attributes)?;
        let times = Times::new(point.time_unix_nano, point.start_time_unix_nano);
        self.with_exemplars(&labels, times, value, &point.exemplars)
    }

    fn with_exemplars(
        &mut self,
        labels: &LabelMap,
        times: Times,
        value: HistogramValue,
        exemplars: &[ExemplarMessage],
    ) -> Result<(), String> {
        let series = attributes::series(labels, self.name, None);
        self.native(&series, times, value);
        self.exemplars(&series, exemplars)
    }

    fn exemplars(&mut self, series: &Labels, exemplars: &[ExemplarMessage]) -> Result<(), String> {
        for exemplar in exemplars {
            let exemplar = self.exemplar(exemplar)?;
            self.batch.push_exemplar_labelled(series, exemplar);
        }
        Ok(())
    }

    fn summary(&mut self, point: &SummaryPoint) -> Result<(), String> {
        let labels = self.labels(&point.attributes)?;
        let times = Times::new(point.time_unix_nano, point.start_time_unix_nano);
        for (ending, value) in [("_sum", point.sum), ("_count", point.count as f64)] {
            let series = attributes::series(&labels, &format!("{}{ending}", self.name), None);
            self.float(&series, times, point.flags, value);
        }
        for quantile in &point.quantile_values {
            let text = plain(quantile.quantile);
            let series = attributes::series(&labels, self.name, Some(("quantile", &text)));
            self.float(&series, times, point.flags, quantile.value);
        }
        Ok(())
    }

    fn exemplar(&self, message: &ExemplarMessage) -> Result<Exemplar, String> {
        let value = match (message.as_double, message.as_int) {
            (Some(double), _) => double,
            (None, Some(whole)) => whole as f64,
            (None, None) => return Err(format!("{}: an exemplar has no value", self.name)),
        };
        let mut pairs: Vec<(&str, String)> = Vec::new();
        for (name, id) in [("trace_id", &message.trace_id), ("span_id", &message.span_id)] {
            if id.iter().any(|byte| *byte != 0) {
                pairs.push((name, id.iter().map(|byte| format!("{byte:02x}")).collect()));
            }
        }
        let chars = |pairs: &[(&str, String)]| -> usize {
            pairs
                .iter()
                .map(|(n, v)| n.chars().count() + v.chars().count())
                .sum()
        };
        let more: Vec<(&str, String)> = message
            .filtered_attributes
            .iter()
            .map(|pair| (pair.key.as_str(), attributes::text(pair.value.as_ref())))
            .collect();
        if chars(&pairs) + chars(&more) <= Batch::EXEMPLAR_CHARS_MAX {
            pairs.extend(more);
        }
        Ok(Exemplar {
            labels: Labels::from_pairs(pairs),
            value,
            time: millis(message.time_unix_nano),
        })
    }
}
