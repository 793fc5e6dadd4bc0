//! Items on their way to one endpoint, and a request made of them.

use std::sync::Arc;

use narthex_model::{HistogramValue, Labels};
use narthex_tsdb::{Exemplar, SeriesMetadata};
use rustc_hash::FxHashMap;

use super::ledger::RecordNumber;
use crate::prompb::{OutSeries, TimedSample, encode_v1, encode_v2};

/// Something to be sent.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) record: RecordNumber,
    pub(super) labels: Arc<Labels>,
    pub(super) time: i64,
    pub(super) start_time: Option<i64>,
    pub(super) value: ItemValue,
    /// Exemplars that came with it.
    pub(super) exemplars: Vec<Exemplar>,
    /// Whether it may have been sent before a restart.
    pub(super) doubtful: bool,
}

#[derive(Debug, Clone)]
pub(super) enum ItemValue {
    Float(f64),
    Histogram(HistogramValue),
}

/// Which message is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Message {
    V1,
    V2,
}

/// How many items of each kind there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Counts {
    pub(super) samples: usize,
    pub(super) histograms: usize,
    pub(super) exemplars: usize,
}

impl Counts {
    pub(super) fn of<'i>(items: impl IntoIterator<Item = &'i Item>) -> Self {
        let mut counts = Self::default();
        items.into_iter().for_each(|item| counts.add(item));
        counts
    }

    pub(super) fn add(&mut self, item: &Item) {
        self.note(&item.value);
        self.exemplars += item.exemplars.len();
    }

    /// Adds a value without exemplars.
    pub(super) fn note(&mut self, value: &ItemValue) {
        match value {
            ItemValue::Float(_) => self.samples += 1,
            ItemValue::Histogram(_) => self.histograms += 1,
        }
    }

    /// What is left of these counts without others.
    pub(super) fn without(self, others: Self) -> Self {
        Self {
            samples: self.samples.saturating_sub(others.samples),
            histograms: self.histograms.saturating_sub(others.histograms),
            exemplars: self.exemplars.saturating_sub(others.exemplars),
        }
    }

    /// Items of all kinds.
    pub(super) const fn total(self) -> usize {
        self.samples + self.histograms + self.exemplars
    }

    pub(super) const fn is_empty(self) -> bool {
        self.samples == 0 && self.histograms == 0 && self.exemplars == 0
    }
}

/// The request with these items, packed.
pub(super) fn request<'m>(
    items: &[Item],
    message: Message,
    metadata: impl Fn(&str) -> Option<&'m SeriesMetadata>,
) -> Vec<u8> {
    let series = by_series(items, metadata);
    let plain = match message {
        Message::V1 => encode_v1(&series),
        Message::V2 => encode_v2(&series),
    };
    pack(&plain)
}

/// The bytes in snappy's block form.
pub(super) fn pack(plain: &[u8]) -> Vec<u8> {
    // Only what exceeds 4 GiB cannot be packed.
    snap::raw::Encoder::new().compress_vec(plain).unwrap_or_default()
}

/// Gathers what belongs to one series as long as its times rise; a series holds floats or histograms, not both.
fn by_series<'a, 'm: 'a>(
    items: &'a [Item],
    metadata: impl Fn(&str) -> Option<&'m SeriesMetadata>,
) -> Vec<OutSeries<'a>> {
    let mut found: Vec<OutSeries<'a>> = Vec::new();
    let mut places: FxHashMap<*const Labels, usize> = FxHashMap::default();
    for item in items {
        let key = Arc::as_ptr(&item.labels);
        let place = places.get(&key).copied().filter(|at| {
            found.get(*at).is_some_and(|series| match item.value {
                ItemValue::Float(_) => {
                    series.histograms.is_empty() && series.floats.last().is_none_or(|s| s.time < item.time)
                }
                ItemValue::Histogram(_) => {
                    series.floats.is_empty() && series.histograms.last().is_none_or(|s| s.time < item.time)
                }
            })
        });
        let place = place.unwrap_or_else(|| {
            found.push(OutSeries {
                metadata: metadata(item.labels.metric_name()),
                labels: (*item.labels).clone(),
                ..OutSeries::default()
            });
            places.insert(key, found.len() - 1);
            found.len() - 1
        });
        let Some(series) = found.get_mut(place) else {
            continue;
        };
        let (time, start_time) = (item.time, item.start_time);
        match &item.value {
            ItemValue::Float(value) => series.floats.push(TimedSample {
                time,
                start_time,
                value: *value,
            }),
            ItemValue::Histogram(value) => series.histograms.push(TimedSample {
                time,
                start_time,
                value,
            }),
        }
        series.exemplars.extend(&item.exemplars);
    }
    found
}
