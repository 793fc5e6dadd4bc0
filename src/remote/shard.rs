//! A shard: gathers items into batches and sends each until it is taken or refused for good.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;

use super::batch::{Counts, Item, Message, request};
use super::ledger::Ledger;
use super::metadata::Declared;
use super::metrics::QueueMetrics;
use super::send::{Post, Verdict, judge};
use crate::clock::Clock;
use crate::shutdown::Shutdown;

/// How a shard sends.
#[derive(Debug, Clone, Copy)]
pub(super) struct ShardSettings {
    pub(super) message: Message,
    pub(super) batch: usize,
    pub(super) deadline: Duration,
    pub(super) backoff_min: Duration,
    pub(super) backoff_max: Duration,
    pub(super) retry_on_429: bool,
    /// Age above which samples are given up; zero for never.
    pub(super) age_max_ms: i64,
    pub(super) log_failures: bool,
}

/// What the shards of a queue share.
#[derive(Debug)]
pub(super) struct Shared<P> {
    pub(super) post: P,
    pub(super) settings: ShardSettings,
    pub(super) ledger: Ledger,
    pub(super) metrics: QueueMetrics,
    pub(super) declared: Declared,
    pub(super) clock: Clock,
    /// Nanoseconds that shards have spent sending.
    pub(super) busy_nanos: AtomicU64,
    /// Items that were sent, refused or given up.
    pub(super) settled: AtomicU64,
    /// Where to: for the log.
    pub(super) name: String,
}

/// How a batch ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    /// Taken, refused or given up: it need not be sent again.
    Settled,
    /// It is time to stop.
    Stopped,
}

/// Sends what comes through `items` until it ends, or until it is time to stop and the receiver does not take it.
pub(super) async fn run<P: Post>(
    shared: Arc<Shared<P>>,
    mut items: mpsc::Receiver<Item>,
    mut stop: Shutdown,
) {
    let most = shared.settings.batch;
    let mut batch = Vec::with_capacity(most.min(4_096));
    while items.recv_many(&mut batch, most).await > 0 {
        let deadline = tokio::time::sleep(shared.settings.deadline);
        tokio::pin!(deadline);
        while batch.len() < most {
            let room = most - batch.len();
            tokio::select! {
                more = items.recv_many(&mut batch, room) => if more == 0 { break },
                () = &mut deadline => break,
            }
        }
        let counts = Counts::of(&batch);
        let ended = deliver(&shared, &batch, &mut stop).await;
        shared.metrics.pending.add(counts, -1.0);
        if ended == Ended::Stopped {
            // The log has it, and the ledger knows.
            return;
        }
        batch.clear();
    }
}

/// Delivers a batch, in parts if the receiver refuses what it may have had before.
async fn deliver<P: Post>(shared: &Shared<P>, batch: &[Item], stop: &mut Shutdown) -> Ended {
    let mut parts = vec![batch];
    while let Some(part) = parts.pop() {
        let started = shared.clock.monotonic();
        let outcome = deliver_part(shared, part, stop).await;
        let spent = shared.clock.elapsed(started);
        shared
            .busy_nanos
            .fetch_add(spent.as_nanos() as u64, Ordering::Relaxed);
        match outcome {
            Outcome::Settled => {
                let items: usize = part.iter().map(|item| 1 + item.exemplars.len()).sum();
                shared.settled.fetch_add(items as u64, Ordering::Relaxed);
                shared.ledger.settle(part.iter().map(|item| item.record));
            }
            Outcome::Split => {
                let (first, second) = part.split_at(part.len() / 2);
                parts.push(second);
                parts.push(first);
            }
            Outcome::Stopped => return Ended::Stopped,
        }
    }
    Ended::Settled
}

#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Settled,
    /// Refused, but parts of it may be taken.
    Split,
    Stopped,
}

async fn deliver_part<P: Post>(shared: &Shared<P>, part: &[Item], stop: &mut Shutdown) -> Outcome {
    let Shared {
        settings, metrics, ..
    } = shared;
    let mut backoff = settings.backoff_min;
    let mut attempt = 0;
    let mut items = std::borrow::Cow::Borrowed(part);
    let mut packed = Bytes::new();
    loop {
        let fresh = without_old(shared, &items);
        if let Some(fresh) = fresh {
            items = std::borrow::Cow::Owned(fresh);
            packed = Bytes::new();
        }
        if items.is_empty() {
            return Outcome::Settled;
        }
        if packed.is_empty() {
            packed = Bytes::from(pack(shared, &items));
        }
        let counts = Counts::of(items.iter());
        let started = shared.clock.monotonic();
        let result = shared.post.post(packed.clone(), settings.message, attempt).await;
        metrics
            .seconds
            .observe(shared.clock.elapsed(started).as_secs_f64());
        let (pause, error) = match judge(result, settings.retry_on_429) {
            Verdict::Taken(written) => {
                taken(shared, &items, counts, written, packed.len());
                return Outcome::Settled;
            }
            Verdict::Refused(status, written, error) => {
                let whole = settings.message == Message::V1;
                if status == 400 && whole && items.len() > 1 && items.iter().any(|item| item.doubtful) {
                    return Outcome::Split;
                }
                refused(shared, counts, written, &error);
                return Outcome::Settled;
            }
            Verdict::Again(pause, error) => (pause, error),
        };
        if stop.is_stopped() {
            return Outcome::Stopped;
        }
        metrics.retried.add(counts);
        tracing::warn!(
            remote_name = shared.name,
            count = items.len(),
            err = error,
            "Failed to send batch, retrying"
        );
        let pause = pause.unwrap_or(backoff);
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = stop.stopped() => return Outcome::Stopped,
        }
        backoff = (backoff * 2).min(settings.backoff_max);
        attempt += 1;
    }
}

/// The items without those that are too old; `None` if there are none.
fn without_old<P: Post>(shared: &Shared<P>, items: &[Item]) -> Option<Vec<Item>> {
    let age_max = shared.settings.age_max_ms;
    if age_max <= 0 {
        return None;
    }
    let oldest = shared.clock.now_ms().saturating_sub(age_max);
    if items.iter().all(|item| item.time >= oldest) {
        return None;
    }
    let (fresh, old): (Vec<Item>, Vec<Item>) = items.iter().cloned().partition(|item| item.time >= oldest);
    shared.metrics.too_old.add(Counts::of(&old));
    Some(fresh)
}

fn pack<P: Post>(shared: &Shared<P>, items: &[Item]) -> Vec<u8> {
    let declared = match shared.settings.message {
        Message::V1 => None,
        Message::V2 => Some(shared.declared.all()),
    };
    request(items, shared.settings.message, |metric| {
        declared.as_ref().and_then(|all| all.of_series(metric))
    })
}

fn taken<P: Post>(shared: &Shared<P>, items: &[Item], counts: Counts, written: Option<Counts>, bytes: usize) {
    let metrics = &shared.metrics;
    metrics.bytes.add(bytes as f64);
    if shared.settings.message == Message::V2 && written.is_none_or(Counts::is_empty) {
        metrics.failed.add(counts);
        tracing::error!(
            remote_name = shared.name,
            "The server answered a request of version 2.0 with success, but does not say that it has written anything. \
             Most likely it speaks version 1.0 only: set protobuf_message to prometheus.WriteRequest"
        );
        return;
    }
    metrics.sent.add(counts);
    if let Some(newest) = items.iter().map(|item| item.time).max() {
        metrics.note_sent(newest);
    }
}

fn refused<P: Post>(shared: &Shared<P>, counts: Counts, written: Counts, error: &str) {
    let failed = counts.without(written);
    shared.metrics.sent.add(counts.without(failed));
    shared.metrics.failed.add(failed);
    if shared.settings.log_failures {
        tracing::error!(
            remote_name = shared.name,
            err = error,
            samples = counts.samples,
            histograms = counts.histograms,
            exemplars = counts.exemplars,
            message = ?shared.settings.message,
            "Request refused for good"
        );
    }
    tracing::error!(
        remote_name = shared.name,
        failed_sample_count = failed.samples,
        failed_histogram_count = failed.histograms,
        failed_exemplar_count = failed.exemplars,
        err = error,
        "non-recoverable error"
    );
}
