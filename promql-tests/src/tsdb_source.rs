//! The embedded database as a store under test, on a disk in memory: its head, its segments, its blocks.

use std::collections::BTreeMap;
use std::sync::Arc;

use narthex_model::{Labels, SampleValue, SeriesSource};
use narthex_tsdb::disk::MemoryDisk;
use narthex_tsdb::{Batch, Db, Options};

use crate::store::{Sample, Store};

/// Where the samples lie when queries are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// In memory.
    Head,
    /// In sealed segments.
    Sealed,
    /// In blocks of a quarter of an hour and more.
    Block,
}

/// A database that takes samples of any time in any order.
pub struct TsdbSource {
    stage: Stage,
    db: Option<Db>,
    /// Everything that was loaded: blocks are made of all of it at once, as samples arrive in order in life.
    loaded: BTreeMap<Labels, BTreeMap<i64, Sample>>,
}

/// 100 years in milliseconds.
const CENTURY_MS: i64 = 100 * 365 * 86_400_000;
/// Length of the windows that become blocks, in milliseconds.
///
/// Of the first histogram in a block nothing is known: Prometheus's store too says "unknown" of the first one in each
/// chunk, whatever it knows of what lies before (`chunkenc.counterResetHint`: that may be gone, or other data may come
/// between later), and no chunk of it reaches from one block into the next. Its scripts ask for hints ("not reset" ten
/// minutes after the first sample, in native_histograms.test) that hold as long as a run lies in one chunk, as it does
/// where they come from. Windows of a quarter of an hour begin where no script looks, and still cut most of them.
const BLOCK_MS: i64 = 900_000;

impl TsdbSource {
    /// An empty database.
    ///
    /// # Errors
    /// What the database says.
    pub fn new(stage: Stage) -> Result<Self, String> {
        let mut source = Self {
            stage,
            db: None,
            loaded: BTreeMap::new(),
        };
        source.clear()?;
        Ok(source)
    }

    /// An empty database that takes samples up to `late_ms` too late.
    fn reopen(&mut self, late_ms: i64) -> Result<&Db, String> {
        if let Some(db) = self.db.take() {
            db.close().map_err(|e| e.to_string())?;
        }
        let options = Options {
            out_of_order_window_ms: late_ms,
            in_order_window_ms: CENTURY_MS,
            max_future_ms: CENTURY_MS,
            retention_ms: 0,
            block_interval_ms: BLOCK_MS,
            ..Options::default()
        };
        let db = Db::open_on(Arc::new(MemoryDisk::new()), "scripts", options).map_err(|e| e.to_string())?;
        Ok(self.db.insert(db))
    }

    /// The database.
    ///
    /// # Errors
    /// When it could not be opened again.
    pub fn db(&self) -> Result<&Db, String> {
        self.db
            .as_ref()
            .ok_or_else(|| "the database is closed".to_owned())
    }

    /// A new database with all samples in blocks.
    fn cut_blocks(&mut self) -> Result<(), String> {
        let series: Vec<(Labels, Vec<Sample>)> = self
            .loaded
            .iter()
            .map(|(labels, samples)| (labels.clone(), samples.values().cloned().collect()))
            .collect();
        let times = || self.loaded.values().flat_map(BTreeMap::keys).copied();
        let (Some(first), Some(last)) = (times().min(), times().max()) else {
            return Ok(());
        };
        let db = self.reopen(0)?;
        push(db, &series)?;
        db.seal().map_err(|e| e.to_string())?;
        // Windows become blocks when there are samples well behind them.
        let time = last + (last - first) + 8 * BLOCK_MS;
        let marker = Sample {
            time,
            start_time: 0,
            value: SampleValue::Float(0.0),
        };
        push(
            db,
            &[(
                Labels::from_pairs([("__name__", "behind_everything")]),
                vec![marker],
            )],
        )?;
        db.seal().map_err(|e| e.to_string())?;
        db.compact().map_err(|e| e.to_string())?;
        match db.stats() {
            stats if stats.blocks == 0 => Err(format!("no block was cut: {stats:?}")),
            _ => Ok(()),
        }
    }
}

/// Appends by time across all series, as samples arrive in life.
fn push(db: &Db, series: &[(Labels, Vec<Sample>)]) -> Result<(), String> {
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
                SampleValue::Histogram(value) => batch.push_histogram_labelled(labels, time, value.clone()),
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

impl Store for TsdbSource {
    fn name(&self) -> &'static str {
        match self.stage {
            Stage::Head => "head",
            Stage::Sealed => "sealed",
            Stage::Block => "block",
        }
    }

    fn clear(&mut self) -> Result<(), String> {
        self.loaded.clear();
        self.reopen(CENTURY_MS).map(|_| ())
    }

    fn append(&mut self, series: &[(Labels, Vec<Sample>)]) -> Result<(), String> {
        if self.stage != Stage::Block {
            return push(self.db()?, series);
        }
        for (labels, samples) in series {
            let own = self.loaded.entry(labels.clone()).or_default();
            for sample in samples {
                own.entry(sample.time).or_insert_with(|| sample.clone());
            }
        }
        Ok(())
    }

    fn settle(&mut self) -> Result<(), String> {
        match self.stage {
            Stage::Head => Ok(()),
            Stage::Sealed => self.db()?.seal().map_err(|e| e.to_string()),
            Stage::Block => self.cut_blocks(),
        }
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
