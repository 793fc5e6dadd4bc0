//! Scraping as a whole: pages in, series read back from a store.

mod http;
mod jobs;
mod life;
mod pages;
mod server;

use narthex_model::{Labels, SampleBuffer, Selection, SeriesSource, TimeRange, is_stale};
use narthex_tsdb::{Db, Options};
use tempfile::TempDir;

use super::metrics::ScrapeMetrics;
use crate::telemetry::metrics::{PointValue, Registry};

/// A store in a folder that goes with it.
struct Store {
    db: Db,
    _folder: TempDir,
}

fn store() -> Store {
    let folder = tempfile::tempdir().unwrap();
    let options = Options {
        max_exemplars: 100,
        ..Options::default()
    };
    Store {
        db: Db::open(folder.path(), options).unwrap(),
        _folder: folder,
    }
}

impl Store {
    /// Every series with its samples: `{labels} time:value ...`, `stale` for markers; report series only if asked for.
    fn dump(&self, with_report: bool) -> Vec<String> {
        let snapshot = self.db.snapshot();
        let selection = Selection {
            matchers: &[],
            range: TimeRange::ALL,
        };
        let set = snapshot.select(&selection).unwrap();
        let mut buffer = SampleBuffer::new();
        let mut lines = Vec::new();
        for index in 0..set.len() {
            let labels = set.labels(index);
            let name = labels.metric_name().to_owned();
            let is_report = name == "up" || name.starts_with("scrape_");
            set.read(index, &mut buffer).unwrap();
            if (is_report && !with_report) || buffer.times().is_empty() {
                continue;
            }
            let samples: Vec<String> = buffer
                .times()
                .iter()
                .zip(buffer.values())
                .map(|(time, value)| match is_stale(*value) {
                    true => format!("{time}:stale"),
                    false => format!("{time}:{value}"),
                })
                .collect();
            lines.push(format!("{labels} {}", samples.join(" ")));
        }
        lines
    }

    /// Samples of the report series of that name of the only target.
    fn report(&self, name: &str) -> String {
        let start = format!("{{__name__=\"{name}\"");
        let line = self.dump(true).into_iter().find(|line| line.starts_with(&start));
        line.and_then(|line| line.split_once("} ").map(|(_, samples)| samples.to_owned()))
            .unwrap_or_default()
    }
}

fn metrics() -> (std::sync::Arc<Registry>, ScrapeMetrics) {
    let registry = Registry::new();
    let metrics = ScrapeMetrics::new(&registry);
    (registry, metrics)
}

/// The value of one of the server's own counters without labels.
fn counter(registry: &Registry, name: &str) -> f64 {
    let family = registry.gather().into_iter().find(|family| family.name == name);
    match family
        .and_then(|family| family.points.into_iter().next())
        .map(|point| point.value)
    {
        Some(PointValue::Number(value)) => value,
        other => panic!("{name}: {other:?}"),
    }
}

fn target_labels() -> Labels {
    Labels::from_pairs([("instance", "h:1"), ("job", "j")])
}
