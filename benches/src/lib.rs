//! Shared data for the benches: a fleet of targets whose series are counters, gauges and constants.
#![expect(
    clippy::unwrap_used,
    reason = "a bench that cannot set itself up has nothing to say"
)]

use std::path::Path;

use narthex_model::Labels;
use narthex_tsdb::{Batch, Db, Options, SeriesRef};

/// Targets of the fleet.
pub const TARGETS: usize = 20;
/// Series of a target.
pub const SERIES: usize = 500;
/// Scrapes, one every 15 seconds.
pub const SCRAPES: usize = 480;

/// The labels of a target's series.
#[must_use]
pub fn labels(target: usize, id: usize) -> Labels {
    Labels::from_pairs([
        ("__name__", format!("metric_{}_total", id % 50).as_str()),
        ("instance", &format!("10.0.0.{target}:9100")),
        ("job", "node"),
        ("device", &format!("disk{}", id / 50)),
        ("mode", ["idle", "system", "user"][id % 3]),
    ])
}

/// Its value in a scrape.
#[must_use]
pub fn value(id: usize, scrape: usize) -> f64 {
    match id % 4 {
        0 => 42.0,
        1 => (scrape * 7 * (id % 100 + 1)) as f64,
        2 => ((scrape * 31 + id) % 1_000) as f64 / 10.0,
        _ => (scrape / 8) as f64,
    }
}

/// References of a target's series.
///
/// # Panics
/// When the store takes no series.
#[must_use]
pub fn series(db: &Db, target: usize) -> Vec<SeriesRef> {
    let resolve = |id| db.resolve(&labels(target, id)).unwrap();
    (0..SERIES).map(resolve).collect()
}

/// The batch of one scrape of a target whose series these are.
#[must_use]
pub fn scraped(target: usize, series: &[SeriesRef], scrape: usize) -> Batch {
    let time = scrape as i64 * 15_000;
    let mut batch = Batch::new(time).with_group(target as u64);
    for (id, series) in series.iter().enumerate() {
        batch.push_float(*series, time, value(id, scrape));
    }
    batch
}

/// A store in this folder with all scrapes of the fleet.
///
/// # Panics
/// When the store cannot be filled.
#[must_use]
pub fn filled(folder: &Path) -> Db {
    let db = Db::open(folder, Options::default()).unwrap();
    let refs: Vec<Vec<SeriesRef>> = (0..TARGETS).map(|target| series(&db, target)).collect();
    for scrape in 0..SCRAPES {
        let time = scrape as i64 * 15_000;
        for (target, refs) in refs.iter().enumerate() {
            db.append(&scraped(target, refs, scrape), time).unwrap();
        }
        db.tick(time).unwrap();
    }
    db
}
