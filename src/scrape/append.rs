//! One page in, one batch to the store: all of a scrape becomes visible together, or nothing of it.

use std::borrow::Cow;
use std::cell::RefCell;

use narthex_model::{HistogramValue, Labels, SampleValue};
use narthex_tsdb::{Batch, Db, SeriesRef};
use parking_lot::Mutex;

use super::cache::{Destination, EntryId, SeriesCache};
use super::collate::{Collated, Collator};
use super::families;
use super::family::Family;
use super::line::{self, GivenExemplar, Line, Place};
use super::metadata::MetadataCache;
use super::metrics::ScrapeMetrics;
use super::negotiate::PageFormat;
use super::rejected;
use super::report::{Report, ReportSeries};
use super::resolution;
use super::series::{self, SeriesFault};
use super::settings::AppendSettings;
use super::stale;
use crate::clock::Clock;
use crate::exposition::{Event, LabelList, Parser, Sample};

/// Samples up to which a thread keeps a batch's memory for the next scrape.
const KEPT_BATCH_SAMPLES: usize = 1 << 16;

thread_local! {
    /// Scrapes fill their batch without waiting for anything, so that a thread needs one.
    static BATCH: RefCell<Batch> = RefCell::default();
}

/// What a target sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Page<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) format: PageFormat,
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
    pub(super) settings: AppendSettings,
    group: u64,
    cache: SeriesCache,
    report: ReportSeries,
    /// The family whose lines are read.
    pub(super) family: Family,
    /// Whether anything was ever written, so that there is something to end.
    has_written: bool,
}

/// The running scrape.
pub(super) struct Run<'a> {
    batch: &'a mut Batch,
    counts: Report,
    /// Keys that are new, with the labels of their series; ascending.
    pending: Vec<(EntryId, Labels)>,
    pushed: u64,
    duplicates: usize,
    over_limit: bool,
    over_bucket_limit: bool,
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
            family: Family::new(settings.type_and_unit_labels),
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
        self.family.end();
        let mut run = Run {
            batch,
            counts: Report::default(),
            pending: Vec::new(),
            pushed: 0,
            duplicates: 0,
            over_limit: false,
            over_bucket_limit: false,
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
            result = self.mark_vanished(&pending, batch);
        }
        if result.is_err() {
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
        let target = &self.settings.series.target;
        let known = rejected::count(&commit, samples, duplicates, &self.metrics, target);
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

    /// Adds markers for what the page no longer has. A series that came back under another key, as it does when the
    /// target changes to another format, has not ended.
    fn mark_vanished(&self, pending: &[(EntryId, Labels)], batch: &mut Batch) -> Result<(), String> {
        if pending.is_empty() || self.cache.vanished().next().is_none() {
            stale::push(self.cache.vanished(), batch);
            return Ok(());
        }
        let mut arrived = pending
            .iter()
            .map(|(_, labels)| self.db.resolve(labels))
            .collect::<Result<Vec<SeriesRef>, _>>()
            .map_err(|error| format!("storing the scrape failed: {error}"))?;
        arrived.sort_unstable();
        let ended = self.cache.vanished();
        stale::push(
            ended.filter(|(series, _)| arrived.binary_search(series).is_err()),
            batch,
        );
        Ok(())
    }

    fn read(
        &mut self,
        page: Page<'_>,
        metadata: &Mutex<MetadataCache>,
        run: &mut Run<'_>,
    ) -> Result<(), String> {
        let mut metadata = metadata.lock();
        metadata.begin_scrape();
        match page.format {
            PageFormat::Text(format) => {
                self.read_text(Parser::new(page.bytes, format), &mut metadata, run)?;
            }
            PageFormat::Protobuf => families::read(page.bytes, self, &mut metadata, run)?,
        }
        metadata.end_scrape();
        if run.over_limit {
            self.metrics.refused.exceeded_sample_limit.inc();
            return Err("sample limit exceeded".to_owned());
        }
        if run.over_bucket_limit {
            self.metrics.refused.exceeded_bucket_limit.inc();
            return Err("histogram bucket limit exceeded".to_owned());
        }
        Ok(())
    }

    fn read_text(
        &mut self,
        mut parser: Parser<'_>,
        metadata: &mut MetadataCache,
        run: &mut Run<'_>,
    ) -> Result<(), String> {
        let mut labels = LabelList::new();
        let mut collator = self.settings.histograms.convert_classic.then(Collator::default);
        loop {
            let event = parser.next_event(self.cache.expected());
            match event.map_err(|error| error.to_string())? {
                Some(Event::Sample(sample)) => {
                    if let Some(collator) = &mut collator
                        && self.collate(&parser, &sample, &mut labels, collator, run)?
                    {
                        continue;
                    }
                    self.sample(&parser, &sample, &mut labels, run)?;
                }
                Some(Event::Type { name, kind }) => {
                    metadata.set_kind(&name, kind);
                    if let Some(collator) = &mut collator {
                        self.collated(collator.finish(), run)?;
                        collator.family(&name, kind);
                    }
                    self.family.set_kind(&name, kind);
                }
                Some(Event::Help { name, text }) => metadata.set_help(&name, &text),
                Some(Event::Unit { name, unit }) => {
                    metadata.set_unit(&name, &unit);
                    self.family.set_unit(&name, &unit);
                }
                Some(Event::Comment(_)) => {}
                None => break,
            }
        }
        match &mut collator {
            Some(collator) => self.collated(collator.finish(), run),
            None => Ok(()),
        }
    }

    /// Gives the line to the collator; says whether nothing else is to be done with it.
    fn collate<'a>(
        &mut self,
        parser: &Parser<'a>,
        sample: &Sample<'a>,
        labels: &mut LabelList<'a>,
        collator: &mut Collator,
        run: &mut Run<'_>,
    ) -> Result<bool, String> {
        if !collator.is_gathering() {
            return Ok(false);
        }
        let exemplar = self.exemplar(sample, labels);
        parser.labels(sample, labels).map_err(|error| error.to_string())?;
        let (is_part, done) = collator.offer(labels, sample.value, sample.timestamp, exemplar);
        self.collated(done, run)?;
        Ok(is_part && !self.settings.histograms.always_classic)
    }

    fn collated(&mut self, done: Option<Collated>, run: &mut Run<'_>) -> Result<(), String> {
        let Some(done) = done else { return Ok(()) };
        let line = Line {
            key: &done.key,
            value: SampleValue::Histogram(done.value),
            timestamp: done.timestamp,
            start_time: None,
            exemplars: done.exemplars,
        };
        self.line(line, &mut LabelList::new(), run, |labels| {
            for (name, value) in &done.labels {
                labels.push(Cow::Owned(name.to_owned()), Cow::Owned(value.to_owned()));
            }
            Ok(())
        })
    }

    fn sample<'a>(
        &mut self,
        parser: &Parser<'a>,
        sample: &Sample<'a>,
        labels: &mut LabelList<'a>,
        run: &mut Run<'_>,
    ) -> Result<(), String> {
        let line = Line {
            key: sample.key,
            value: SampleValue::Float(sample.value),
            timestamp: sample.timestamp,
            start_time: None,
            exemplars: self.exemplar(sample, labels).into_iter().collect(),
        };
        self.line(line, labels, run, |labels| {
            parser.labels(sample, labels).map_err(|error| error.to_string())
        })
    }

    /// Takes in one sample; `read` reads the labels of its series, which is done only when its key is new.
    pub(super) fn line<'a>(
        &mut self,
        line: Line<'_>,
        labels: &mut LabelList<'a>,
        run: &mut Run<'_>,
        read: impl FnOnce(&mut LabelList<'a>) -> Result<(), String>,
    ) -> Result<(), String> {
        run.counts.scraped += 1;
        let is_histogram = matches!(line.value, SampleValue::Histogram(_));
        let id = match self.cache.find(line.key) {
            Some(id) => id,
            None => {
                read(labels)?;
                self.family.add_to(labels);
                match self.add(line.key, is_histogram, labels, run)? {
                    Some(id) => id,
                    None => return Ok(()),
                }
            }
        };
        let (destination, again) = self.cache.see(id);
        if destination == Destination::Dropped {
            return Ok(());
        }
        run.counts.kept += 1;
        let explicit = line.timestamp.filter(|_| self.settings.honor_timestamps);
        if again && explicit.is_none() {
            run.duplicates += 1;
            return Ok(());
        }
        run.pushed += 1;
        if self.settings.sample_limit > 0 && run.pushed > self.settings.sample_limit {
            run.over_limit = true;
            return Ok(());
        }
        let value = match line.value {
            SampleValue::Float(value) => SampleValue::Float(value),
            SampleValue::Histogram(value) => match self.fit(value) {
                Some(value) => SampleValue::Histogram(value),
                None => {
                    run.over_bucket_limit = true;
                    return Ok(());
                }
            },
        };
        let time = explicit.unwrap_or(run.batch.time());
        let start_time = line
            .start_time
            .filter(|start| self.settings.start_times && *start < time);
        let to = match destination {
            Destination::Known(series) => Some(Place::Known(series)),
            Destination::Pending | Destination::Dropped => {
                let at = run.pending.binary_search_by_key(&id, |(pending, _)| *pending);
                at.ok()
                    .and_then(|at| run.pending.get(at))
                    .map(|(_, labels)| Place::New(labels))
            }
        };
        if let Some(to) = to {
            line::push(run.batch, to, time, value, start_time, line.exemplars);
        }
        if explicit.is_none() || self.settings.track_timestamps_staleness {
            self.cache.track(id);
        }
        Ok(())
    }

    fn fit(&self, value: HistogramValue) -> Option<HistogramValue> {
        resolution::fit(value, self.settings.finest_schema, self.settings.bucket_limit)
    }

    /// A key that is not known: where do its lines go? None if the scrape is lost anyway and they go nowhere.
    fn add(
        &mut self,
        key: &[u8],
        is_histogram: bool,
        labels: &LabelList<'_>,
        run: &mut Run<'_>,
    ) -> Result<Option<EntryId>, String> {
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
            return Ok(Some(self.cache.insert(key, Destination::Dropped, is_histogram)));
        };
        let id = self.cache.insert(key, Destination::Pending, is_histogram);
        run.pending.push((id, series));
        run.counts.series_added += 1;
        Ok(Some(id))
    }

    fn exemplar<'a>(&self, sample: &Sample<'a>, labels: &mut LabelList<'a>) -> Option<GivenExemplar> {
        let exemplar = sample.exemplar.filter(|_| self.settings.exemplars)?;
        exemplar.labels(labels).ok()?;
        GivenExemplar::new(labels, exemplar.value, exemplar.timestamp)
    }

    /// Ends all series of a target that is gone, at `time_ms`; series that have newer samples go on.
    pub(super) fn end_of_run(&mut self, time_ms: i64) {
        if !self.has_written {
            return;
        }
        let mut batch = Batch::new(time_ms).with_group(self.group);
        stale::push(self.cache.present(), &mut batch);
        stale::push(self.report.iter().map(|series| (series, false)), &mut batch);
        if let Err(error) = self.db.append(&batch, self.clock.now_ms()) {
            let target = &self.settings.series.target;
            tracing::warn!(%target, %error, "staleness markers of a target that is gone were not written");
        }
    }
}
