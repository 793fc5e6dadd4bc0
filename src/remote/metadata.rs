//! What targets declare about metric families: sent on by itself in version 1.0, with each series in version 2.0.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use narthex_tsdb::SeriesMetadata;
use parking_lot::RwLock;

use super::batch::{Message, pack};
use super::send::{Post, Verdict, judge};
use super::shard::Shared;
use crate::prompb::encode_metadata_v1;
use crate::shutdown::Shutdown;

/// Endings that series of a family may have behind the family's name.
const ENDINGS: [&str; 6] = ["_total", "_bucket", "_sum", "_count", "_created", "_info"];

/// Metric families by name.
#[derive(Debug, Default)]
pub(super) struct Families(HashMap<String, SeriesMetadata>);

impl Families {
    /// What is declared about the family that a series of this name belongs to.
    pub(super) fn of_series(&self, metric: &str) -> Option<&SeriesMetadata> {
        self.0.get(metric).or_else(|| {
            let family = ENDINGS.iter().find_map(|ending| metric.strip_suffix(ending))?;
            self.0.get(family)
        })
    }
}

/// What is declared, renewed now and then.
#[derive(Debug, Default)]
pub(super) struct Declared(RwLock<Arc<Families>>);

impl Declared {
    pub(super) fn all(&self) -> Arc<Families> {
        Arc::clone(&self.0.read())
    }

    fn set(&self, families: Families) {
        *self.0.write() = Arc::new(families);
    }
}

/// Where families come from: name and what is declared.
pub(super) type Source = Arc<dyn Fn() -> Vec<(String, SeriesMetadata)> + Send + Sync>;

/// How metadata is sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct MetadataSettings {
    pub(super) interval: Duration,
    pub(super) batch: usize,
}

/// Renews what is declared, and in version 1.0 sends it, every interval until it is time to stop.
pub(super) async fn run<P: Post>(
    shared: Arc<Shared<P>>,
    settings: MetadataSettings,
    source: Source,
    mut stop: Shutdown,
) {
    let mut look = tokio::time::interval(settings.interval.max(Duration::from_millis(100)));
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = look.tick() => {}
            () = stop.stopped() => return,
        }
        let families = Families(source().into_iter().collect());
        shared.declared.set(families);
        if shared.settings.message == Message::V2 {
            continue;
        }
        let all = shared.declared.all();
        let mut list: Vec<_> = all.0.iter().map(|(n, m)| (n.as_str(), m)).collect();
        list.sort_by_key(|(name, _)| *name);
        for part in list.chunks(settings.batch.max(1)) {
            if !send(&shared, part, settings.interval, &mut stop).await {
                break;
            }
        }
    }
}

/// Sends families until they are taken or refused, for at most as long as they are news; false to stop.
async fn send<P: Post>(
    shared: &Shared<P>,
    families: &[(&str, &SeriesMetadata)],
    within: Duration,
    stop: &mut Shutdown,
) -> bool {
    let packed = Bytes::from(pack(&encode_metadata_v1(families.iter().copied())));
    let settings = &shared.settings;
    let [sent, failed, retried] = &shared.metrics.metadata;
    let count = families.len() as f64;
    let until = tokio::time::Instant::now() + within;
    let (mut backoff, mut attempt) = (settings.backoff_min, 0);
    loop {
        let result = shared.post.post(packed.clone(), settings.message, attempt).await;
        let (pause, error) = match judge(result, settings.retry_on_429) {
            Verdict::Taken(_) => {
                sent.add(count);
                shared.metrics.metadata_bytes.add(packed.len() as f64);
                return true;
            }
            Verdict::Refused(_, _, error) => {
                failed.add(count);
                tracing::error!(
                    remote_name = shared.name,
                    count,
                    err = error,
                    "non-recoverable error while sending metadata"
                );
                return true;
            }
            Verdict::Again(pause, error) => (pause.unwrap_or(backoff), error),
        };
        if tokio::time::Instant::now() + pause > until {
            failed.add(count);
            tracing::warn!(
                remote_name = shared.name,
                count,
                err = error,
                "Metadata was not taken in time"
            );
            return true;
        }
        retried.add(count);
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = stop.stopped() => return false,
        }
        backoff = (backoff * 2).min(settings.backoff_max);
        attempt += 1;
    }
}
