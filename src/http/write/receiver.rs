//! Takes write requests: unpacks them within bounds, commits each as one batch, whole or not at all.

use std::sync::Arc;

use bytes::Bytes;
use narthex_tsdb::{Db, Error, Reason};
use tokio::sync::Semaphore;

use super::request::{Lookup, decode};
use super::request_v2;
use super::series_cache::SeriesCache;
use super::wire::WireError;
use crate::telemetry::metrics::{Counter, Registry};

/// Largest request as it is sent.
pub(crate) const PACKED_BYTES: usize = 32 << 20;
/// Largest request unpacked.
pub(super) const UNPACKED_BYTES: usize = 128 << 20;
/// What all unpacked requests may take, in KiB.
const UNPACKED_KIB: usize = 256 << 10;
/// How many requests are decoded and committed at once.
const MOST_COMMITS: usize = 8;

/// Why a write request was not kept.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WriteFault {
    /// The compression is broken.
    #[error("s2: corrupt input")]
    Corrupt,
    /// The request is larger than we take.
    #[error(
        "write request of {0} bytes exceeds the limit of {UNPACKED_BYTES} bytes: send fewer samples in one request"
    )]
    TooLarge(usize),
    /// The message is broken.
    #[error("{0}")]
    Malformed(String),
    /// The store did not take it.
    #[error("{0}")]
    Store(Error),
    /// The commit broke off; the log has more.
    #[error("{0}")]
    Broken(String),
}

impl From<WireError> for WriteFault {
    fn from(error: WireError) -> Self {
        Self::Malformed(error.to_string())
    }
}

/// What was kept of a request of version 2.0.
#[derive(Debug, Default)]
pub(crate) struct Written {
    pub(crate) samples: usize,
    pub(crate) histograms: usize,
    pub(crate) exemplars: usize,
    /// What was left out, and why.
    pub(crate) faults: Vec<String>,
}

/// Takes write requests.
#[derive(Debug, Clone)]
pub(crate) struct WriteReceiver {
    cache: Arc<SeriesCache>,
    unpacked: Arc<Semaphore>,
    commits: Arc<Semaphore>,
    invalid: Counter,
    /// Series carry their type and unit as labels.
    metadata_labels: bool,
}

impl WriteReceiver {
    pub(crate) fn new(registry: &Registry, metadata_labels: bool) -> Self {
        Self {
            metadata_labels,
            cache: Arc::new(SeriesCache::default()),
            unpacked: Arc::new(Semaphore::new(UNPACKED_KIB)),
            commits: Arc::new(Semaphore::new(MOST_COMMITS)),
            invalid: registry.counter(
                "prometheus_api_remote_write_invalid_labels_samples_total",
                "The total number of received remote write samples which contain invalid labels.",
            ),
        }
    }

    /// Unpacks and commits a request of version 1.0. When this returns, the operating system has its samples.
    pub(crate) async fn take(&self, packed: Bytes, store: Db, now_ms: i64) -> Result<(), WriteFault> {
        self.unpack(packed, move |receiver, request| {
            receiver.commit(request, &store, now_ms)
        })
        .await
    }

    /// Unpacks and commits what can be kept of a request of version 2.0.
    pub(crate) async fn take_v2(&self, packed: Bytes, store: Db, now_ms: i64) -> Result<Written, WriteFault> {
        self.unpack(packed, move |receiver, request| {
            receiver.commit_v2(request, &store, now_ms)
        })
        .await
    }

    async fn unpack<T: Send + 'static>(
        &self,
        packed: Bytes,
        commit: impl FnOnce(&Self, &[u8]) -> Result<T, WriteFault> + Send + 'static,
    ) -> Result<T, WriteFault> {
        let length = snap::raw::decompress_len(&packed).map_err(|_| WriteFault::Corrupt)?;
        if length > UNPACKED_BYTES {
            return Err(WriteFault::TooLarge(length));
        }
        let receiver = self.clone();
        self.held(length, move || {
            let request = snap::raw::Decoder::new()
                .decompress_vec(&packed)
                .map_err(|_| WriteFault::Corrupt)?;
            drop(packed);
            commit(&receiver, &request)
        })
        .await
    }

    /// Works off the runtime's threads, holding a share of the memory for `bytes` unpacked bytes and one of the places
    /// for commits.
    pub(super) async fn held<T: Send + 'static>(
        &self,
        bytes: usize,
        work: impl FnOnce() -> Result<T, WriteFault> + Send + 'static,
    ) -> Result<T, WriteFault> {
        // The limits on single requests keep every share below the budget.
        let kib = u32::try_from(bytes / 1024 + 1).unwrap_or(u32::MAX);
        let memory = Arc::clone(&self.unpacked).acquire_many_owned(kib).await.ok();
        let place = Arc::clone(&self.commits).acquire_owned().await.ok();
        tokio::task::spawn_blocking(move || {
            let _held = (memory, place);
            work()
        })
        .await
        .unwrap_or_else(|e| Err(WriteFault::Broken(e.to_string())))
    }

    fn commit(&self, request: &[u8], store: &Db, now_ms: i64) -> Result<(), WriteFault> {
        match self.try_commit(request, store, now_ms, false) {
            // The store has dropped a series that we remembered: look up again what the request names.
            Err(WriteFault::Store(Error::Refused(rejected)))
                if rejected.iter().any(|r| r.reason == Reason::UnknownSeries) =>
            {
                self.try_commit(request, store, now_ms, true)
            }
            // The sender is told too, but whoever runs the server looks here.
            Err(WriteFault::Store(error)) if !matches!(error, Error::Refused(_)) => {
                tracing::error!(%error, "samples of a write request could not be stored");
                Err(WriteFault::Store(error))
            }
            other => other,
        }
    }

    fn commit_v2(&self, request: &[u8], store: &Db, now_ms: i64) -> Result<Written, WriteFault> {
        let mut decoded = request_v2::decode(request, store, now_ms, self.metadata_labels)?;
        if decoded.invalid > 0 {
            self.invalid.add(decoded.invalid as f64);
        }
        let append = |decoded: &request_v2::DecodedV2| {
            let appended = (!decoded.is_empty()).then(|| store.append(&decoded.batch, now_ms));
            let appended = appended.transpose().map_err(WriteFault::Store)?;
            Ok::<_, WriteFault>(appended.map_or_else(Vec::new, |commit| commit.rejected))
        };
        let mut rejected = append(&decoded)?;
        // A series left the store between being looked up and being written to; what was kept is there already.
        if rejected.iter().any(|r| r.reason == Reason::UnknownSeries) {
            decoded = request_v2::decode(request, store, now_ms, self.metadata_labels)?;
            rejected = append(&decoded)?;
        }
        let mut lost = [0, 0];
        for rejected in rejected {
            let Some((series, is_histogram)) = decoded.samples.get(rejected.index).copied() else {
                continue;
            };
            if let Some(lost) = lost.get_mut(usize::from(is_histogram)) {
                *lost += 1;
            }
            decoded.fault(&rejected.reason, series);
        }
        let histograms = decoded.samples.iter().filter(|(_, is)| *is).count();
        let [lost_floats, lost_histograms] = lost;
        Ok(Written {
            samples: (decoded.samples.len() - histograms).saturating_sub(lost_floats),
            histograms: histograms.saturating_sub(lost_histograms),
            exemplars: decoded.exemplars,
            faults: decoded.faults,
        })
    }

    fn try_commit(&self, request: &[u8], store: &Db, now_ms: i64, afresh: bool) -> Result<(), WriteFault> {
        let lookup = Lookup {
            cache: &self.cache,
            store,
            afresh,
        };
        let decoded = decode(request, lookup, now_ms)?;
        if !decoded.batch.is_empty() {
            store.append(&decoded.batch, now_ms).map_err(WriteFault::Store)?;
        }
        if decoded.invalid > 0 {
            self.invalid.add(decoded.invalid as f64);
            tracing::warn!(
                samples = decoded.invalid,
                "a write request held series with invalid labels; they were left out"
            );
        }
        Ok(())
    }
}
