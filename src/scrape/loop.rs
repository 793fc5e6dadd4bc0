//! The life of one target: wait for the slot, fetch, take in, again and again, and an orderly end.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::RwLock;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::watch;
use tokio::time::{Interval, MissedTickBehavior};

use super::append::{Appender, Arrival, Page};
use super::fetch::{Fetch, FetchError, Fetched, Query};
use super::metrics::ScrapeMetrics;
use super::negotiate::{self, PageFormat};
use super::schedule::{Slots, until_slot};
use super::stale;
use super::status::Health;
use super::target::Target;
use crate::clock::Clock;
use crate::config::ScrapeProtocol;

/// Bytes from which on a page takes so long that other loops should not wait for it: some milliseconds.
const LARGE_PAGE_BYTES: usize = 1 << 20;

/// What a loop shall do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Command {
    /// Go on.
    Run,
    /// The target is gone: end its series once it is clear that it does not come back.
    Vanish,
    /// Another loop takes over: hand back what is known.
    HandOver,
    /// The server stops: end at once and write nothing more.
    Stop,
}

/// An error that makes all scrapes of a job fail, while there is one.
pub(super) type ForcedError = Arc<RwLock<Option<String>>>;

/// Everything a loop needs.
pub(super) struct ScrapeLoop<F> {
    pub(super) target: Arc<Target>,
    pub(super) fetcher: Result<Arc<F>, String>,
    pub(super) appender: Appender,
    pub(super) clock: Clock,
    pub(super) metrics: ScrapeMetrics,
    pub(super) forced_error: ForcedError,
    pub(super) fallback: Option<ScrapeProtocol>,
    /// Moves this server's slots away from those of other servers.
    pub(super) seed: u64,
    pub(super) tolerance_ms: i64,
    /// Size of the last page, which the next one is likely to have.
    pub(super) last_body_bytes: usize,
}

impl<F: Fetch> ScrapeLoop<F> {
    /// Scrapes until told otherwise; hands back what is known of the target's series.
    pub(super) async fn run(mut self, mut commands: watch::Receiver<Command>) -> Appender {
        let interval = self.target.interval.to_std();
        let now_nanos = self.clock.now_nanos();
        let wait = until_slot(self.target.hash, self.seed, interval, now_nanos);
        let slot_ms = (now_nanos + wait.as_nanos() as i128).div_euclid(1_000_000);
        let mut slots = Slots::new(slot_ms as i64, interval.as_millis() as i64, self.tolerance_ms);
        let mut ticker = tokio::time::interval_at(tokio::time::Instant::now() + wait, interval);
        ticker.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let lengths = self
            .metrics
            .interval_length
            .with(&[&self.target.interval.to_string()]);
        let mut last: Option<Instant> = None;
        loop {
            tokio::select! {
                biased;
                () = told(&mut commands) => break,
                _ = ticker.tick() => {}
            }
            let now = self.clock.monotonic();
            if let Some(last) = last.replace(now) {
                lengths.observe(now.saturating_duration_since(last).as_secs_f64());
            }
            let time_ms = slots.time(self.clock.now_ms());
            tokio::select! {
                biased;
                () = told_to_stop(&mut commands) => break,
                () = self.scrape(time_ms) => {}
            }
        }
        if *commands.borrow() == Command::Vanish && last.is_some() {
            self.end(&mut ticker, &mut slots, interval, &mut commands).await;
        }
        self.appender
    }

    /// One scrape whose samples carry `time_ms`.
    pub(super) async fn scrape(&mut self, time_ms: i64) {
        let started_ms = self.clock.now_ms();
        let started = self.clock.monotonic();
        let forced = self.forced_error.read().clone();
        let fetched = match (forced, &self.fetcher) {
            (Some(error), _) => Err(FetchError::Failed(error)),
            (None, Err(error)) => Err(FetchError::Failed(error.clone())),
            (None, Ok(fetcher)) => {
                let query = Query {
                    url: self.target.url.clone(),
                    timeout: self.target.timeout.to_std(),
                };
                // With some room, so that the end is seen without growing.
                let body = Vec::with_capacity(self.last_body_bytes + self.last_body_bytes / 16 + 32);
                fetcher.fetch(&query, body).await
            }
        };
        let result = self.take_in(time_ms, started, fetched);
        let mut state = self.target.state.lock();
        state.last_scrape_ms = Some(started_ms);
        state.last_duration_seconds = self.clock.elapsed(started).as_secs_f64();
        state.health = if result.is_ok() { Health::Up } else { Health::Down };
        state.last_error = result.err().unwrap_or_default();
    }

    fn take_in(
        &mut self,
        time_ms: i64,
        started: Instant,
        fetched: Result<Fetched, FetchError>,
    ) -> Result<(), String> {
        let (fetched, error) = match fetched {
            Ok(fetched) => (fetched, None),
            Err(error) => (Fetched::default(), Some(error)),
        };
        if matches!(error, Some(FetchError::TooLarge(_))) {
            self.metrics.refused.exceeded_body_size_limit.inc();
        }
        self.last_body_bytes = fetched.body.len();
        let body_bytes = match error {
            Some(FetchError::TooLarge(_)) => -1,
            _ => i64::try_from(fetched.body.len()).unwrap_or(i64::MAX),
        };
        let page = match &error {
            Some(error) => Err(error.text().to_owned()),
            // An empty page is a good one whatever it calls itself.
            None if fetched.body.is_empty() => Ok(Page {
                bytes: &[],
                format: PageFormat::Protobuf,
            }),
            None => negotiate::format(&fetched.content_type, self.fallback).map(|format| Page {
                bytes: &fetched.body,
                format,
            }),
        };
        let clock = &self.clock;
        let arrival = Arrival {
            time_ms,
            page,
            body_bytes,
            elapsed: &|| clock.elapsed(started).as_secs_f64(),
            metadata: &self.target.metadata,
        };
        let has_spare_threads = Handle::current().runtime_flavor() == RuntimeFlavor::MultiThread;
        if has_spare_threads && fetched.body.len() >= LARGE_PAGE_BYTES {
            // Other loops of this thread go on meanwhile.
            return tokio::task::block_in_place(|| self.appender.take(&arrival));
        }
        self.appender.take(&arrival)
    }

    /// The target is gone: its series end at the first tick that it misses, unless it comes back meanwhile.
    async fn end(
        &mut self,
        ticker: &mut Interval,
        slots: &mut Slots,
        interval: Duration,
        commands: &mut watch::Receiver<Command>,
    ) {
        tokio::select! {
            biased;
            () = told_to_stop(commands) => return,
            _ = ticker.tick() => {}
        }
        let time_ms = slots.time(self.clock.now_ms());
        tokio::select! {
            biased;
            () = told_to_stop(commands) => return,
            () = tokio::time::sleep(stale::grace(interval)) => {}
        }
        self.appender.end_of_run(time_ms);
    }
}

/// Returns once there is another command than to go on, or nobody is left to give one.
async fn told(commands: &mut watch::Receiver<Command>) {
    // An error means that the sender is gone, which is a reason to end as well.
    let _ = commands.wait_for(|command| *command != Command::Run).await;
}

/// Returns once the command is to stop; a scrape that runs is not ended by any other.
async fn told_to_stop(commands: &mut watch::Receiver<Command>) {
    // As above.
    let _ = commands.wait_for(|command| *command == Command::Stop).await;
}
