//! Answers remote reads: so many at once, each on a thread of its own that ends when the client goes away.

use std::sync::Arc;

use bytes::Bytes;
use narthex_model::{Labels, SampleBuffer, Selection, SeriesSource, SourceError};
use narthex_tsdb::{Db, Snapshot};
use prost::Message;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::frames::frames;
use super::message::{QueryResult, ReadRequest, ReadResponse, SeriesMessage, label_messages};
use super::query::{Wanted, wanted};
use super::samples::{chunks, messages};
use crate::telemetry::metrics::{Gauge, Registry};

/// Largest request unpacked. Source: Prometheus `storage/remote/codec.go`.
const UNPACKED_BYTES: usize = 32 << 20;
/// Frames that wait for a client that reads slowly.
const WAITING_FRAMES: usize = 4;

/// What bounds remote reads; the defaults are those of the flags.
#[derive(Debug, Clone, Copy)]
pub struct ReadLimits {
    /// Most samples of an answer that is not streamed (`--storage.remote.read-sample-limit`; 0: no limit).
    pub samples: u64,
    /// Most reads at once (`--storage.remote.read-concurrent-limit`).
    pub concurrent: usize,
    /// About the most bytes of a frame (`--storage.remote.read-max-bytes-in-frame`).
    pub frame_bytes: usize,
}

impl Default for ReadLimits {
    fn default() -> Self {
        Self {
            samples: 50_000_000,
            concurrent: 10,
            frame_bytes: 1 << 20,
        }
    }
}

/// Why a read was not answered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadFault {
    /// The request is wrong, or asks for too much.
    #[error("{0}")]
    Request(String),
    /// The store failed.
    #[error("{0}")]
    Store(String),
}

impl From<SourceError> for ReadFault {
    fn from(error: SourceError) -> Self {
        Self::Store(error.to_string())
    }
}

/// An answer.
#[derive(Debug)]
pub(crate) enum Answer {
    /// A packed message with all samples.
    Samples(Vec<u8>),
    /// Frames as they are made; an error breaks the connection off.
    Frames(mpsc::Receiver<std::io::Result<Bytes>>),
}

/// Answers remote reads.
#[derive(Debug)]
pub(crate) struct ReadService {
    limits: ReadLimits,
    gate: Arc<Semaphore>,
    running: Gauge,
}

/// A place at the gate, counted while it is held.
struct Place(Gauge, Option<OwnedSemaphorePermit>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.dec();
        self.1 = None;
    }
}

impl ReadService {
    pub(crate) fn new(registry: &Registry, limits: ReadLimits) -> Self {
        Self {
            limits,
            gate: Arc::new(Semaphore::new(
                limits.concurrent.clamp(1, Semaphore::MAX_PERMITS),
            )),
            running: registry.gauge(
                "prometheus_remote_read_handler_queries",
                "The current number of remote read queries that are either in execution or queued on the handler.",
            ),
        }
    }

    /// Answers a packed request. `external` are the server's own labels.
    pub(crate) async fn answer(
        &self,
        packed: Bytes,
        store: Db,
        external: Labels,
    ) -> Result<Answer, ReadFault> {
        self.running.inc();
        let mut place = Place(self.running.clone(), None);
        place.1 = Arc::clone(&self.gate).acquire_owned().await.ok();
        let request = decode(&packed)?;
        let mut all = Vec::with_capacity(request.queries.len());
        for query in &request.queries {
            all.push(wanted(query, &external).map_err(ReadFault::Request)?);
        }
        let limits = self.limits;
        // The first type that we know; a client that names none is of the time when there were only samples.
        let streams = request
            .accepted_response_types
            .iter()
            .find(|t| [0, 1].contains(*t));
        if streams == Some(&1) {
            let (sender, frames) = mpsc::channel(WAITING_FRAMES);
            tokio::task::spawn_blocking(move || {
                let _place = place;
                if let Err(error) = stream(&store.snapshot(), &all, &external, limits, &sender) {
                    tracing::error!(err = %error, "A remote read broke off");
                    // The client may be gone.
                    let _ = sender.blocking_send(Err(std::io::Error::other(error.to_string())));
                }
            });
            return Ok(Answer::Frames(frames));
        }
        if streams.is_none() && !request.accepted_response_types.is_empty() {
            let asked = &request.accepted_response_types;
            return Err(ReadFault::Request(format!(
                "server does not support any of the requested response types: {asked:?}; supported: map[SAMPLES:{{}} STREAMED_XOR_CHUNKS:{{}}]"
            )));
        }
        // Nobody receives any more once the client has gone: that ends the reading.
        let (sender, receiver) = tokio::sync::oneshot::channel();
        tokio::task::spawn_blocking(move || {
            let _place = place;
            let answer = whole(&store.snapshot(), &all, &external, limits, &|| sender.is_closed());
            // The client may be gone.
            let _ = sender.send(answer);
        });
        match receiver.await {
            Ok(answer) => answer.map(Answer::Samples),
            Err(_) => Err(ReadFault::Store("the read broke off; the log has more".into())),
        }
    }
}

fn decode(packed: &[u8]) -> Result<ReadRequest, ReadFault> {
    let corrupt = |_| ReadFault::Request("snappy: corrupt input".into());
    let length = snap::raw::decompress_len(packed).map_err(corrupt)?;
    if length > UNPACKED_BYTES {
        return Err(ReadFault::Request(format!(
            "snappy: decoded length {length} exceeds limit {UNPACKED_BYTES}"
        )));
    }
    let bytes = snap::raw::Decoder::new()
        .decompress_vec(packed)
        .map_err(corrupt)?;
    ReadRequest::decode(bytes.as_slice()).map_err(|e| ReadFault::Request(format!("proto: {e}")))
}

fn stream(
    snapshot: &Snapshot,
    all: &[Wanted],
    external: &Labels,
    limits: ReadLimits,
    sender: &mpsc::Sender<std::io::Result<Bytes>>,
) -> Result<(), SourceError> {
    let mut buffer = SampleBuffer::new();
    for (index, wanted) in all.iter().enumerate() {
        let set = snapshot.select(&Selection {
            matchers: &wanted.matchers,
            range: wanted.range,
        })?;
        for series in 0..set.len() {
            set.read(series, &mut buffer)?;
            set.check_whole()?;
            if buffer.times().is_empty() {
                if sender.is_closed() {
                    return Ok(());
                }
                continue;
            }
            let labels = set.labels(series);
            let chunks = chunks(&buffer);
            let send = |frame: Vec<u8>| sender.blocking_send(Ok(frame.into())).is_ok();
            if !frames(
                (&labels, external),
                chunks,
                index as i64,
                limits.frame_bytes,
                send,
            ) {
                return Ok(());
            }
        }
    }
    Ok(())
}

fn whole(
    snapshot: &Snapshot,
    all: &[Wanted],
    external: &Labels,
    limits: ReadLimits,
    is_unwanted: &dyn Fn() -> bool,
) -> Result<Vec<u8>, ReadFault> {
    let mut buffer = SampleBuffer::new();
    let mut response = ReadResponse::default();
    let mut read = 0;
    for wanted in all {
        let set = snapshot.select(&Selection {
            matchers: &wanted.matchers,
            range: wanted.range,
        })?;
        let mut result = QueryResult::default();
        for series in 0..set.len() {
            if is_unwanted() {
                return Ok(Vec::new());
            }
            set.read(series, &mut buffer)?;
            set.check_whole()?;
            read += buffer.times().len() as u64;
            if limits.samples > 0 && read > limits.samples {
                return Err(ReadFault::Request(format!(
                    "exceeded sample limit ({})",
                    limits.samples
                )));
            }
            if buffer.times().is_empty() {
                continue;
            }
            let (samples, histograms) = messages(&buffer);
            result.series.push(SeriesMessage {
                labels: label_messages(&set.labels(series), external),
                samples,
                histograms,
            });
        }
        response.results.push(result);
    }
    snap::raw::Encoder::new()
        .compress_vec(&response.encode_to_vec())
        .map_err(|e| ReadFault::Store(format!("the answer cannot be packed: {e}: ask for less")))
}
