//! The embedded database as a store under test, on a disk in memory.

use std::sync::Arc;

use narthex_model::{Labels, SampleValue, SeriesSource};
use narthex_tsdb::disk::MemoryDisk;
use narthex_tsdb::{Batch, Db, Options};

use crate::store::{Sample, Store};

/// A database that takes samples of any time in any order.
pub struct TsdbSource {
    db: Option<Db>,
}

/// 100 years in milliseconds.
const CENTURY_MS: i64 = 100 * 365 * 86_400_000;

impl TsdbSource {
    /// An empty database.
    ///
    /// # Errors
    /// What the database says.
    pub fn new() -> Result<Self, String> {
        let mut source = Self { db: None };
        source.clear()?;
        Ok(source)
    }
}

impl Store for TsdbSource {
    fn name(&self) -> &'static str {
        "tsdb"
    }

    fn clear(&mut self) -> Result<(), String> {
        if let Some(db) = self.db.take() {
            db.close().map_err(|e| e.to_string())?;
        }
        let options = Options {
            out_of_order_window_ms: CENTURY_MS,
            in_order_window_ms: CENTURY_MS,
            max_future_ms: CENTURY_MS,
            retention_ms: 0,
            ..Options::default()
        };
        let db = Db::open_on(Arc::new(MemoryDisk::new()), "scripts", options).map_err(|e| e.to_string())?;
        self.db = Some(db);
        Ok(())
    }

    fn append(&mut self, series: &[(Labels, Vec<Sample>)]) -> Result<(), String> {
        let db = self.db.as_ref().ok_or("the database is closed")?;
        // By time across all series, as samples arrive in life.
        let mut samples: Vec<(&Labels, &Sample)> = series
            .iter()
            .flat_map(|(labels, samples)| samples.iter().map(move |sample| (labels, sample)))
            .collect();
        samples.sort_by_key(|(_, sample)| sample.time);
        for batch_samples in samples.chunk_by(|(_, a), (_, b)| a.time == b.time) {
            let time = batch_samples.first().map_or(0, |(_, sample)| sample.time);
            let mut batch = Batch::new(time);
            for (labels, sample) in batch_samples {
                match &sample.value {
                    SampleValue::Float(value) => batch.push_float_labelled(labels, time, *value),
                    SampleValue::Histogram(value) => {
                        batch.push_histogram_labelled(labels, time, value.clone())
                    }
                }
                batch.set_start_time(sample.start_time);
            }
            let commit = db.append(&batch, time).map_err(|e| e.to_string())?;
            if let Some(rejected) = commit.rejected.first()
                && let Some((labels, _)) = batch_samples.get(rejected.index)
            {
                return Err(format!("{labels} at {time}: {}", rejected.reason));
            }
        }
        Ok(())
    }

    fn source(&self) -> Box<dyn SeriesSource + '_> {
        match &self.db {
            Some(db) => Box::new(db.snapshot()),
            None => Box::new(Closed),
        }
    }
}

/// What a database that could not be opened again has to say.
struct Closed;

impl SeriesSource for Closed {
    fn select<'s>(
        &'s self,
        _: &narthex_model::Selection<'_>,
    ) -> Result<Box<dyn narthex_model::SeriesSet + 's>, narthex_model::SourceError> {
        Err(narthex_model::SourceError {
            kind: narthex_model::SourceErrorKind::Closed,
            message: "the database is closed".into(),
        })
    }
}
