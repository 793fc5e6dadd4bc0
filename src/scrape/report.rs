//! The series that say how a scrape went. They are written whatever happens, past all rules and limits.

use narthex_model::Labels;
use narthex_tsdb::{Batch, Db, Error, SeriesRef};

use super::series;
use super::settings::AppendSettings;

const NAMES: [&str; 5] = [
    "up",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
    "scrape_samples_post_metric_relabeling",
    "scrape_series_added",
];
const EXTRA_NAMES: [&str; 3] = [
    "scrape_timeout_seconds",
    "scrape_sample_limit",
    "scrape_body_size_bytes",
];

/// How a scrape went.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Report {
    pub(super) is_up: bool,
    pub(super) duration_seconds: f64,
    /// Lines with a value.
    pub(super) scraped: usize,
    /// Those of them that no rule dropped.
    pub(super) kept: usize,
    /// Those of them whose series was not there in the scrapes before.
    pub(super) series_added: usize,
    /// Bytes of the page, -1 when they were too many.
    pub(super) body_bytes: i64,
}

/// The references of a target's report series, found once.
#[derive(Debug, Default)]
pub(super) struct ReportSeries(Vec<SeriesRef>);

impl ReportSeries {
    /// Adds the report to the batch.
    ///
    /// # Errors
    /// When the store gives out no reference.
    pub(super) fn push(
        &mut self,
        report: &Report,
        settings: &AppendSettings,
        db: &Db,
        batch: &mut Batch,
    ) -> Result<(), Error> {
        if self.0.is_empty() {
            self.0 = find(&settings.series.target, settings.extra_scrape_metrics, db)?;
        }
        let values = [
            f64::from(u8::from(report.is_up)),
            report.duration_seconds,
            report.scraped as f64,
            report.kept as f64,
            report.series_added as f64,
            settings.timeout_seconds,
            settings.sample_limit as f64,
            report.body_bytes as f64,
        ];
        let time = batch.time();
        for (series, value) in self.0.iter().zip(values) {
            batch.push_float(*series, time, value);
        }
        Ok(())
    }

    /// The series that have been written.
    pub(super) fn iter(&self) -> impl Iterator<Item = SeriesRef> {
        self.0.iter().copied()
    }

    /// Forgets the references.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

fn find(target: &Labels, extra: bool, db: &Db) -> Result<Vec<SeriesRef>, Error> {
    let extra_names = if extra { &EXTRA_NAMES[..] } else { &[] };
    NAMES
        .iter()
        .chain(extra_names)
        .map(|name| db.resolve(&series::report(name, target)))
        .collect()
}
