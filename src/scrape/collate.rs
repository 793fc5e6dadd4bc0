//! Lines of classic histograms, gathered: the lines of one label set become one native histogram.

use narthex_model::{HistogramValue, Labels, METRIC_NAME};

use super::line::GivenExemplar;
use crate::exposition::{ClassicBuckets, LabelList, MetricKind};

/// Distinguishes keys of gathered histograms from those of lines, which begin with a printable character.
const KEY_START: u8 = 0xff;

/// A histogram whose lines have all been seen.
#[derive(Debug)]
pub(super) struct Collated {
    pub(super) key: Vec<u8>,
    pub(super) labels: Labels,
    pub(super) value: HistogramValue,
    pub(super) timestamp: Option<i64>,
    pub(super) exemplars: Vec<GivenExemplar>,
}

/// Gathers the lines of one page.
#[derive(Debug, Default)]
pub(super) struct Collator {
    /// The family that is gathered, if it is one of histograms.
    family: Option<String>,
    /// Labels of the lines that are gathered, without `le`, under the family's name.
    labels: Option<Labels>,
    buckets: ClassicBuckets,
    timestamp: Option<i64>,
    exemplars: Vec<GivenExemplar>,
}

/// A part of a histogram.
enum Part {
    Bucket(f64),
    Sum,
    Count,
}

impl Collator {
    /// A family begins.
    pub(super) fn family(&mut self, name: &str, kind: MetricKind) {
        self.family = (kind == MetricKind::Histogram).then(|| name.to_owned());
    }

    /// Whether the lines that come may be parts.
    pub(super) fn is_gathering(&self) -> bool {
        self.family.is_some()
    }

    /// Takes a line if it is a part; says whether it was, and hands out the histogram that it does not belong to.
    pub(super) fn offer(
        &mut self,
        line: &LabelList<'_>,
        value: f64,
        timestamp: Option<i64>,
        exemplar: Option<GivenExemplar>,
    ) -> (bool, Option<Collated>) {
        let part = self.part(line);
        let Some((part, family)) = part.zip(self.family.as_deref()) else {
            return (false, self.finish());
        };
        let labels = line.iter().filter(|(name, _)| *name != "le");
        let labels = Labels::from_pairs(labels.map(|(name, text)| match name {
            METRIC_NAME => (name, family),
            name => (name, text),
        }));
        let done = match &self.labels {
            Some(running) if *running == labels => None,
            _ => self.finish(),
        };
        self.labels = Some(labels);
        match part {
            Part::Bucket(bound) => self.buckets.set_bucket(bound, value),
            Part::Sum => self.buckets.set_sum(value),
            Part::Count => self.buckets.set_count(value),
        }
        self.timestamp = timestamp;
        self.exemplars.extend(exemplar);
        (true, done)
    }

    fn part(&self, line: &LabelList<'_>) -> Option<Part> {
        let family = self.family.as_deref()?;
        let label = |wanted| {
            line.iter()
                .find(|(name, _)| *name == wanted)
                .map(|(_, value)| value)
        };
        match label(METRIC_NAME)?.strip_prefix(family)? {
            "_bucket" => label("le")?.parse().ok().map(Part::Bucket),
            "_sum" => Some(Part::Sum),
            "_count" => Some(Part::Count),
            _ => None,
        }
    }

    /// The histogram whose lines end here; none if there is none, or its lines contradict each other.
    pub(super) fn finish(&mut self) -> Option<Collated> {
        let labels = self.labels.take()?;
        let value = self.buckets.histogram(false);
        self.buckets.clear();
        let mut exemplars = std::mem::take(&mut self.exemplars);
        exemplars.sort_by_key(|exemplar| exemplar.time);
        let mut key = vec![KEY_START];
        key.extend_from_slice(labels.as_key().as_bytes());
        Some(Collated {
            key,
            labels,
            value: value?,
            timestamp: self.timestamp.take(),
            exemplars,
        })
    }
}
