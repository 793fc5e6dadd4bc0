//! From the log to items: follows the log, names the series, and leaves out what this endpoint does not get.

use std::sync::Arc;

use narthex_model::Labels;
use narthex_model::histogram::CUSTOM_BUCKETS_SCHEMA;
use narthex_tsdb::{LogPosition, Tail, TailBatch, TailStep};

use rustc_hash::FxHashMap;

use super::batch::{Counts, Item, ItemValue, Message};
use super::ledger::Ledger;
use super::series::{Named, Naming};

/// Items after which a reader rests.
const BURST: usize = 4_096;
/// Records after which it does, whatever they hold.
const BURST_RECORDS: usize = 1_024;

/// What of the log goes to an endpoint.
#[derive(Debug, Clone, Copy)]
pub(super) struct Selection {
    pub(super) message: Message,
    pub(super) exemplars: bool,
    pub(super) histograms: bool,
}

/// Reads the log for one endpoint.
#[derive(Debug)]
pub(super) struct Reader {
    tail: Tail,
    named: Named,
    naming: Naming,
    selection: Selection,
    /// Up to where the log had been written when reading began again: what is before it may have been sent.
    doubtful_until: Option<LogPosition>,
}

/// What a reader found in one go.
#[derive(Debug, Default)]
pub(super) struct Burst {
    pub(super) items: Vec<(u32, Item)>,
    /// Records that were read.
    pub(super) records: usize,
    /// Segment of the log that was read last.
    pub(super) segment: u64,
    /// Whether the log ended.
    pub(super) at_end: bool,
    /// Stretches of log that are gone or damaged.
    pub(super) lost: Vec<String>,
    pub(super) left_out: LeftOut,
}

/// What was not handed on.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct LeftOut {
    /// Items of series that relabelling dropped.
    pub(super) dropped: Counts,
    /// Items of series whose names are gone.
    pub(super) nameless: Counts,
    /// Histograms with custom buckets, which version 1.0 cannot say.
    pub(super) custom_buckets: usize,
}

impl Reader {
    pub(super) fn new(tail: Tail, naming: Naming, selection: Selection) -> Self {
        let doubtful_until = (!tail.is_new()).then(|| tail.end());
        Self {
            tail,
            named: Named::default(),
            naming,
            selection,
            doubtful_until,
        }
    }

    /// Reads on, until the log ends or there is enough; each record is entered in the ledger. Blocks.
    pub(super) fn burst(&mut self, ledger: &Ledger) -> Result<Burst, narthex_tsdb::Error> {
        let mut burst = Burst::default();
        for _ in 0..BURST_RECORDS {
            if burst.items.len() >= BURST {
                break;
            }
            match self.tail.read() {
                Ok(TailStep::Batch(batch)) => {
                    burst.records += 1;
                    let first = burst.items.len();
                    self.take(batch, &mut burst);
                    let record = ledger.enter(burst.items.len() - first, self.tail.position());
                    let items = burst.items.iter_mut().skip(first);
                    items.for_each(|(_, item)| item.record = record);
                }
                Ok(TailStep::Lost(what)) => burst.lost.push(what),
                Ok(TailStep::End) => {
                    ledger.enter(0, self.tail.position());
                    burst.at_end = true;
                    break;
                }
                // What has been read is handed on first.
                Err(_) if !burst.items.is_empty() => break,
                Err(error) => return Err(error),
            }
        }
        burst.segment = self.tail.position().segment();
        Ok(burst)
    }

    fn take(&mut self, batch: TailBatch, burst: &mut Burst) {
        let first = burst.items.len();
        for sample in batch.floats {
            let value = ItemValue::Float(sample.value);
            self.put(sample.series, (sample.time, sample.start_time), value, burst);
        }
        let histograms = self.selection.histograms.then_some(batch.histograms);
        for sample in histograms.into_iter().flatten() {
            if self.selection.message == Message::V1 && sample.value.schema() == CUSTOM_BUCKETS_SCHEMA {
                burst.left_out.custom_buckets += 1;
                continue;
            }
            let value = ItemValue::Histogram(sample.value);
            self.put(sample.series, (sample.time, sample.start_time), value, burst);
        }
        if !self.selection.exemplars || batch.exemplars.is_empty() {
            return;
        }
        let items = burst.items.iter_mut().skip(first);
        let mut by_series: FxHashMap<u32, &mut Item> = items.map(|(series, item)| (*series, item)).collect();
        for (series, exemplar) in batch.exemplars {
            match by_series.get_mut(&series) {
                Some(item) => item.exemplars.push(exemplar),
                None => burst.left_out.dropped.exemplars += 1,
            }
        }
    }

    fn put(
        &mut self,
        series: u32,
        (time, start_time): (i64, Option<i64>),
        value: ItemValue,
        burst: &mut Burst,
    ) {
        let doubtful = self
            .doubtful_until
            .is_some_and(|until| self.tail.position().is_within(until));
        if let Some(labels) = self.labels(series, &value, &mut burst.left_out) {
            let item = Item {
                record: 0,
                labels,
                time,
                start_time,
                value,
                exemplars: Vec::new(),
                doubtful,
            };
            burst.items.push((series, item));
        }
    }

    fn labels(&mut self, series: u32, value: &ItemValue, left_out: &mut LeftOut) -> Option<Arc<Labels>> {
        let Self {
            tail, named, naming, ..
        } = self;
        let mut nameless = false;
        let labels = named.of(series, || match tail.labels(series) {
            Some(labels) => naming.name(labels),
            None => {
                nameless = true;
                None
            }
        });
        if labels.is_none() {
            let counts = if nameless {
                &mut left_out.nameless
            } else {
                &mut left_out.dropped
            };
            counts.note(value);
        }
        labels
    }
}
