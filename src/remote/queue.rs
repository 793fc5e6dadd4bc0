//! The queue of one endpoint: reads the log, spreads the items over shards, and remembers how far it has come.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use narthex_tsdb::{Db, Intake, TailMark};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::batch::{Counts, Item};
use super::reader::{Burst, LeftOut, Reader};
use super::send::Post;
use super::shard::{self, Shared};
use super::shards::{LOOK, Load, ShardCount};
use crate::shutdown::{self, Shutdown, ShutdownTrigger};

/// How often the log is looked at when it has nothing new.
const POLL: Duration = Duration::from_millis(100);
/// How often it is remembered how far the queue has come.
const REMEMBER: Duration = Duration::from_secs(1);
/// How long to wait when the log cannot be read.
const PAUSE: Duration = Duration::from_secs(5);

/// A queue that runs until it is told to stop.
#[derive(Debug)]
pub(super) struct Queue<P> {
    pub(super) shared: Arc<Shared<P>>,
    pub(super) count: ShardCount,
    /// Items that a shard holds.
    pub(super) capacity: usize,
    /// How long shards may go on sending when it is time to stop.
    pub(super) flush: Duration,
    pub(super) stop: Shutdown,
    pub(super) mark: TailMark,
    pub(super) db: Db,
}

/// The shards at work.
#[derive(Debug)]
struct Shards {
    senders: Vec<mpsc::Sender<Item>>,
    tasks: Vec<JoinHandle<()>>,
    stop: ShutdownTrigger,
}

impl Shards {
    fn start<P: Post>(shared: &Arc<Shared<P>>, count: usize, capacity: usize) -> Self {
        let (trigger, stop) = shutdown::channel();
        let mut shards = Self {
            senders: Vec::with_capacity(count),
            tasks: Vec::with_capacity(count),
            stop: trigger,
        };
        for _ in 0..count {
            let (sender, receiver) = mpsc::channel(capacity);
            shards.senders.push(sender);
            shards.tasks.push(tokio::spawn(shard::run(
                Arc::clone(shared),
                receiver,
                stop.clone(),
            )));
        }
        shared.metrics.shards.set(count as f64);
        shards
    }

    /// Waits until everything has been sent, or until it is time to stop.
    async fn drain(self, stop: &mut Shutdown) {
        drop(self.senders);
        let mut tasks = self.tasks.into_iter();
        for mut task in tasks.by_ref() {
            tokio::select! {
                // A panic has been logged by the hook; the log still has what the shard had.
                _ = &mut task => {}
                () = stop.stopped() => {
                    self.stop.stop();
                    let _ = task.await;
                }
            }
        }
    }

    /// Lets the shards send what they have as long as it is taken, but not for longer than `flush`.
    async fn finish(self, flush: Duration) {
        drop(self.senders);
        self.stop.stop();
        let stop = tokio::time::sleep(flush);
        tokio::pin!(stop);
        for mut task in self.tasks {
            tokio::select! {
                _ = &mut task => {}
                () = &mut stop => task.abort(),
            }
        }
    }
}

/// What is due now and then.
struct Due {
    remembered: Instant,
    looked: Instant,
    /// What the store had taken then.
    intake: Intake,
    /// Items since then that do not go to this endpoint.
    dropped: usize,
    failing: bool,
}

impl<P: Post> Queue<P> {
    /// Runs until it is told to stop.
    pub(super) async fn run(mut self, reader: Reader) {
        let metrics = &self.shared.metrics;
        metrics.shards_min.set(self.count.min() as f64);
        metrics.shards_max.set(self.count.max() as f64);
        metrics.shard_capacity.set(self.capacity as f64);
        metrics
            .max_samples_per_send
            .set(self.shared.settings.batch as f64);
        let now = self.shared.clock.monotonic();
        let mut due = Due {
            remembered: now,
            looked: now,
            intake: self.db.intake(),
            dropped: 0,
            failing: false,
        };
        let mut shards = Shards::start(&self.shared, self.count.min(), self.capacity);
        let mut reader = reader;
        while !self.stop.is_stopped() {
            let shared = Arc::clone(&self.shared);
            let reading = tokio::task::spawn_blocking(move || {
                let burst = reader.burst(&shared.ledger);
                (reader, burst)
            });
            let Ok((back, burst)) = reading.await else {
                tracing::error!(
                    remote_name = self.shared.name,
                    "Reading the log broke off; nothing more is sent until the configuration is loaded again"
                );
                shards.finish(self.flush).await;
                return;
            };
            reader = back;
            let pause = match burst {
                Ok(burst) => {
                    due.failing = false;
                    let at_end = burst.at_end;
                    if !self.hand_on(burst, &shards, &mut due).await {
                        break;
                    }
                    if at_end { POLL } else { Duration::ZERO }
                }
                Err(error) => {
                    if !std::mem::replace(&mut due.failing, true) {
                        tracing::error!(remote_name = self.shared.name, %error, "The log cannot be read; it is tried again");
                    }
                    PAUSE
                }
            };
            if !pause.is_zero() {
                tokio::select! {
                    () = tokio::time::sleep(pause) => {}
                    () = self.stop.stopped() => break,
                }
            }
            self.remember(&mut due).await;
            shards = self.reshard(shards, &mut due).await;
        }
        if !self.stop.is_stopped() {
            // The hook has logged the panic that ended it; what it had is still in the log.
            tracing::error!(
                remote_name = self.shared.name,
                "A shard ended by itself; nothing more is sent until the configuration or the process is started anew"
            );
        }
        shards.finish(self.flush).await;
        self.write_position().await;
    }

    /// Hands items to their shards; false when it is time to stop.
    async fn hand_on(&mut self, burst: Burst, shards: &Shards, due: &mut Due) -> bool {
        let metrics = &self.shared.metrics;
        for lost in &burst.lost {
            tracing::warn!(
                remote_name = self.shared.name,
                lost,
                "Samples were not sent: their log is gone or damaged"
            );
        }
        metrics.segment.set(burst.segment as f64);
        metrics.records.add(burst.records as f64);
        metrics.damaged.add(burst.lost.len() as f64);
        let LeftOut {
            dropped,
            nameless,
            custom_buckets,
        } = burst.left_out;
        metrics.dropped_series.add(dropped);
        metrics.nameless.add(nameless);
        metrics.custom_buckets.add(custom_buckets as f64);
        due.dropped += dropped.total() + nameless.total();
        if let Some(newest) = burst.items.iter().map(|(_, item)| item.time).max() {
            metrics.note_read(newest);
        }
        let many = shards.senders.len().max(1);
        for (series, item) in burst.items {
            let Some(sender) = shards.senders.get(series as usize % many) else {
                return false;
            };
            let mut one = Counts::default();
            one.add(&item);
            self.shared.metrics.pending.add(one, 1.0);
            let item = match sender.try_send(item) {
                Ok(()) => continue,
                Err(mpsc::error::TrySendError::Full(item)) => item,
                Err(mpsc::error::TrySendError::Closed(_)) => return false,
            };
            self.shared.metrics.enqueue_retries.inc();
            let sending = sender.send(item);
            tokio::pin!(sending);
            loop {
                tokio::select! {
                    sent = &mut sending => match sent {
                        Ok(()) => break,
                        Err(_) => return false,
                    },
                    () = tokio::time::sleep(REMEMBER) => {}
                    () = self.stop.stopped() => return false,
                }
                self.remember(due).await;
            }
        }
        true
    }

    /// Remembers how far the queue has come, if that is due.
    async fn remember(&self, due: &mut Due) {
        if self.shared.clock.elapsed(due.remembered) >= REMEMBER {
            due.remembered = self.shared.clock.monotonic();
            self.write_position().await;
        }
    }

    /// A small file is written and synced.
    async fn write_position(&self) {
        let (mark, position) = (self.mark.clone(), self.shared.ledger.position());
        let written = tokio::task::spawn_blocking(move || mark.acknowledge(position)).await;
        let error = match written {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(panic) => panic.to_string(),
        };
        tracing::warn!(
            remote_name = self.shared.name,
            error,
            "How far the queue has come could not be written; after a restart more is sent twice"
        );
    }

    /// What has happened within `over`.
    fn load(&self, over: Duration, due: &mut Due) -> Load {
        let now = self.db.intake();
        let before = std::mem::replace(&mut due.intake, now);
        let taken = |intake: Intake| intake.floats + intake.histograms + intake.exemplars;
        let sent = self.shared.metrics.highest_sent.get();
        let newest = now.newest.map_or(0.0, |newest| newest as f64 / 1_000.0);
        Load {
            over,
            taken: taken(now).saturating_sub(taken(before)),
            dropped: std::mem::take(&mut due.dropped) as u64,
            settled: self.shared.settled.swap(0, Ordering::Relaxed),
            busy: Duration::from_nanos(self.shared.busy_nanos.swap(0, Ordering::Relaxed)),
            // Where nothing was sent yet there is nothing to be behind.
            delay: if sent > 0.0 { newest - sent } else { 0.0 },
        }
    }

    /// As many shards as the load asks for; those of before have sent what they had when the others begin.
    async fn reshard(&mut self, shards: Shards, due: &mut Due) -> Shards {
        let over = self.shared.clock.elapsed(due.looked);
        if over < LOOK {
            return shards;
        }
        due.looked = self.shared.clock.monotonic();
        let load = self.load(over, due);
        let now = shards.senders.len();
        let (desired, wanted) = self.count.decide(now, &load);
        if let Some(desired) = desired {
            self.shared.metrics.shards_desired.set(desired);
        }
        if wanted == now {
            return shards;
        }
        tracing::info!(
            remote_name = self.shared.name,
            from = now,
            to = wanted,
            "Remote storage resharding"
        );
        shards.drain(&mut self.stop).await;
        Shards::start(&self.shared, wanted, self.capacity)
    }
}
