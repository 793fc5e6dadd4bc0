//! One page in, one batch to the store: all of a scrape becomes visible together, or nothing of it.

use std::cell::RefCell;

use narthex_model::Labels;
use narthex_tsdb::{Batch, Commit, Db, Exemplar, Reason};
use parking_lot::Mutex;

use super::cache::{Destination, EntryId, SeriesCache};
use super::metadata::MetadataCache;
use super::metrics::ScrapeMetrics;
use super::report::{Report, ReportSeries};
use super::series::{self, SeriesFault};
use super::settings::AppendSettings;
use super::stale;
use crate::clock::Clock;
use crate::exposition::{Event, Format, LabelList, Parser, Sample};

/// Samples up to which a thread keeps a batch's memory for the next scrape.
const KEPT_BATCH_SAMPLES: usize = 1 << 16;

/// Characters that an exemplar's labels may have. Source: OpenMetrics 1.0.
const EXEMPLAR_CHARS_MAX: usize = 128;

thread_local! {
    /// Scrapes fill their batch without waiting for anything, so that a thread needs one.
    static BATCH: RefCell<Batch> = RefCell::default();
}

/// What a target sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Page<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) format: Format,
}

/// A scrape whose page has arrived, or has not.
pub(super) struct Arrival<'a> {
    pub(super) time_ms: i64,
    pub(super) page: Result<Page<'a>, String>,
    pub(super) body_bytes: i64,
    /// Seconds since the scrape began.
    pub(super) elapsed: &'a dyn Fn() -> f64,
    pub(super) metadata: &'a Mutex<MetadataCache>,
}

/// Takes in the pages of one target.
#[derive(Debug)]
pub(super) struct Appender {
    db: Db,
    clock: Clock,
    metrics: ScrapeMetrics,
    settings: AppendSettings,
    group: u64,
    cache: SeriesCache,
    report: ReportSeries,
    /// Whether anything was ever written, so that there is something to end.
    has_written: bool,
}

/// The running scrape.
struct Run<'a> {
    batch: &'a mut Batch,
    counts: Report,
    /// Keys that are new, with the labels of their series; ascending.
    pending: Vec<(EntryId, Labels)>,
    pushed: u64,
    duplicates: usize,
    over_limit: bool,
}

impl Appender {
    pub(super) fn new(
        db: Db,
        clock: Clock,
        metrics: ScrapeMetrics,
        settings: AppendSettings,
        group: u64,
    ) -> Self {
        Self {
            db,
            clock,
            metrics,
            settings,
            group,
            cache: SeriesCache::default(),
            report: ReportSeries::default(),
            has_written: false,
        }
    }

    /// Takes over what the target's former loop knew, as far as it still holds.
    pub(super) fn inherit(&mut self, former: Self) {
        if former.settings.series == self.settings.series && former.group == self.group {
            self.cache = former.cache;
        }
        if former.settings.extra_scrape_metrics == self.settings.extra_scrape_metrics {
            self.report = former.report;
        }
        self.has_written = former.has_written;
    }

    /// Takes in a scrape.
    ///
    /// # Errors
    /// Why the scrape counts as failed. What is due in that case has been written.
    pub(super) fn take(&mut self, arrival: &Arrival<'_>) -> Result<(), String> {
        BATCH.with_borrow_mut(|kept| {
            let mut batch = std::mem::take(kept).with_group(self.group);
            let (mut result, references_hold) = self.attempt(arrival, &mut batch);
            if !references_hold {
                // The store has dropped series that this target now has again. Samples that were accepted
                // are repeated exactly and thereby accepted again.
                self.metrics.cache_flush_forced.inc();
                self.cache.clear();
                self.report.clear();
                result = self.attempt(arrival, &mut batch).0;
            }
            if batch.len() <= KEPT_BATCH_SAMPLES {
                batch.reset(0);
                *kept = batch;
            }
            result
        })
    }

    /// The result, and whether the store knew all references.
    fn attempt(&mut self, arrival: &Arrival<'_>, batch: &mut Batch) -> (Result<(), String>, bool) {
        let time = arrival.time_ms;
        batch.reset(time);
        self.cache.begin();
        let mut run = Run {
            batch,
            counts: Report::default(),
            pending: Vec::new(),
            pushed: 0,
            duplicates: 0,
            over_limit: false,
        };
        let mut result = match &arrival.page {
            Ok(page) if page.bytes.is_empty() => Ok(()),
            Ok(page) => self.read(*page, arrival.metadata, &mut run),
            Err(error) => Err(error.clone()),
        };
        let Run {
            batch,
            counts,
            mut pending,
            duplicates,
            ..
        } = run;
        if result.is_ok() {
            stale::push(self.cache.vanished(), batch);
        } else {
            batch.reset(time);
            pending.clear();
            stale::push(self.cache.present(), batch);
        }
        let samples = batch.len();
        let report = Report {
            is_up: result.is_ok(),
            duration_seconds: (arrival.elapsed)(),
            body_bytes: arrival.body_bytes,
            ..counts
        };
        let committed = self
            .report
            .push(&report, &self.settings, &self.db, batch)
            .and_then(|()| self.db.append(batch, self.clock.now_ms()));
        let commit = match committed {
            Ok(commit) => commit,
            Err(error) => {
                self.cache.end_bad(false);
                return (Err(format!("storing the scrape failed: {error}")), true);
            }
        };
        self.has_written = true;
        let known = self.count_rejected(&commit, samples, duplicates);
        for (id, labels) in pending {
            match self.db.resolve(&labels) {
                Ok(series) => self.cache.settle(id, series),
                Err(error) => result = Err(format!("storing the scrape failed: {error}")),
            }
        }
        if result.is_ok() {
            self.cache.end_good();
        } else {
            self.cache.end_bad(true);
        }
        (result, known)
    }

    fn read(
        &mut self,
        page: Page<'_>,
        metadata: &Mutex<MetadataCache>,
        run: &mut Run<'_>,
    ) -> Result<(), String> {
        let mut parser = Parser::new(page.bytes, page.format);
        let mut labels = LabelList::new();
        let mut metadata = metadata.lock();
        loop {
            let event = parser.next_event(self.cache.expected());
            match event.map_err(|error| error.to_string())? {
                Some(Event::Sample(sample)) => self.sample(&parser, &sample, &mut labels, run)?,
                Some(Event::Type { name, kind }) => metadata.set_kind(&name, kind),
                Some(Event::Help { name, text }) => metadata.set_help(&name, &text),
                Some(Event::Unit { name, unit }) => metadata.set_unit(&name, &unit),
                Some(Event::Comment(_)) => {}
                None => break,
            }
        }
        metadata.end_scrape();
        if run.over_limit {
            self.metrics.refused.exceeded_sample_limit.inc();
            return Err("sample limit exceeded".to_owned());
        }
        Ok(())
    }

    fn sample<'a>(
        &mut self,
        parser: &Parser<'a>,
        sample: &Sample<'a>,
        labels: &mut LabelList<'a>,
        run: &mut Run<'_>,
    ) -> Result<(), String> {
        run.counts.scraped += 1;
        let id = match self.cache.find(sample.key) {
            Some(id) => id,
            None => match self.add(parser, sample, labels, run)? {
                Some(id) => id,
                None => return Ok(()),
            },
        };
        let (destination, again) = self.cache.see(id);
        if destination == Destination::Dropped {
            return Ok(());
        }
        run.counts.kept += 1;
        let explicit = sample.timestamp.filter(|_| self.settings.honor_timestamps);
        if again && explicit.is_none() {
            run.duplicates += 1;
            return Ok(());
        }
        run.pushed += 1;
        if self.settings.sample_limit > 0 && run.pushed > self.settings.sample_limit {
            run.over_limit = true;
            return Ok(());
        }
        let time = explicit.unwrap_or(run.batch.time());
        let exemplar = self.exemplar(sample, time, labels);
        match destination {
            Destination::Known(series) => {
                run.batch.push_float(series, time, sample.value);
                if let Some(exemplar) = exemplar {
                    run.batch.push_exemplar(series, exemplar);
                }
            }
            Destination::Pending | Destination::Dropped => {
                let at = run.pending.binary_search_by_key(&id, |(pending, _)| *pending);
                if let Some((_, labels)) = at.ok().and_then(|at| run.pending.get(at)) {
                    run.batch.push_float_labelled(labels, time, sample.value);
                    if let Some(exemplar) = exemplar {
                        run.batch.push_exemplar_labelled(labels, exemplar);
                    }
                }
            }
        }
        if explicit.is_none() || self.settings.track_timestamps_staleness {
            self.cache.track(id);
        }
        Ok(())
    }

    /// A key that is not known: where do its lines go? None if the scrape is lost anyway and they go nowhere.
    fn add<'a>(
        &mut self,
        parser: &Parser<'a>,
        sample: &Sample<'a>,
        labels: &mut LabelList<'a>,
        run: &mut Run<'_>,
    ) -> Result<Option<EntryId>, String> {
        parser.labels(sample, labels).map_err(|error| error.to_string())?;
        let series = series::series(labels, &self.settings.series).map_err(|fault| {
            if matches!(fault, SeriesFault::Limit(_)) {
                self.metrics.refused.exceeded_label_limits.inc();
            }
            fault.text().to_owned()
        })?;
        if run.over_limit {
            // Only counted: a page that is too large shall not fill the cache.
            run.counts.kept += usize::from(series.is_some());
            return Ok(None);
        }
        let Some(series) = series else {
            return Ok(Some(self.cache.insert(sample.key, Destination::Dropped)));
        };
        let id = self.cache.insert(sample.key, Destination::Pending);
        run.pending.push((id, series));
        run.counts.series_added += 1;
        Ok(Some(id))
    }

    fn exemplar<'a>(&self, sample: &Sample<'a>, time: i64, labels: &mut LabelList<'a>) -> Option<Exemplar> {
        let exemplar = sample.exemplar.filter(|_| self.settings.exemplars)?;
        exemplar.labels(labels).ok()?;
        let chars: usize = labels
            .iter()
            .map(|(name, value)| name.chars().count() + value.chars().count())
            .sum();
        (chars <= EXEMPLAR_CHARS_MAX).then(|| Exemplar {
            labels: Labels::from_pairs(labels.iter()),
            value: exemplar.value,
            time: exemplar.timestamp.unwrap_or(time),
        })
    }

    /// Counts what the store left out of the first `samples` samples; says whether it knew all references.
    fn count_rejected(&self, commit: &Commit, samples: usize, duplicates: usize) -> bool {
        let (mut duplicates, mut out_of_order, mut out_of_bounds, mut known) = (duplicates, 0, 0, true);
        for rejected in &commit.rejected {
            let is_sample = rejected.index < samples;
            match rejected.reason {
                Reason::UnknownSeries => known = false,
                Reason::DuplicateTimestamp { .. } if is_sample => duplicates += 1,
                Reason::OutOfOrder | Reason::TooOld if is_sample => out_of_order += 1,
                Reason::OutOfBounds | Reason::TooFarInFuture if is_sample => out_of_bounds += 1,
                _ => {}
            }
        }
        for (count, counter, what) in [
            (
                duplicates,
                &self.metrics.refused.duplicate,
                "with different value but same timestamp",
            ),
            (out_of_order, &self.metrics.refused.out_of_order, "out of order"),
            (
                out_of_bounds,
                &self.metrics.refused.out_of_bounds,
                "too old or too far into the future",
            ),
        ] {
            if count > 0 {
                counter.add(count as f64);
                let target = &self.settings.series.target;
                tracing::warn!(%target, num_dropped = count, "samples {what} were left out");
            }
        }
        known
    }

    /// Ends all series of a target that is gone, at `time_ms`; series that have newer samples go on.
    pub(super) fn end_of_run(&mut self, time_ms: i64) {
        if !self.has_written {
            return;
        }
        let mut batch = Batch::new(time_ms).with_group(self.group);
        stale::push(self.cache.present(), &mut batch);
        stale::push(self.report.iter(), &mut batch);
        if let Err(error) = self.db.append(&batch, self.clock.now_ms()) {
            let target = &self.settings.series.target;
            tracing::warn!(%target, %error, "staleness markers of a target that is gone were not written");
        }
    }
}
