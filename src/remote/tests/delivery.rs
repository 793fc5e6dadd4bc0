//! Queues against a receiver that fails, hangs, refuses and forgets, and against a store that is killed.

use std::sync::Arc;
use std::time::Duration;

use narthex_model::Labels;
use narthex_tsdb::disk::{Disk, MemoryDisk};
use narthex_tsdb::{Batch, Db, Exemplar, MetadataKind, Options, SeriesMetadata};

use super::super::manager::{RemoteManager, RemoteOptions};
use super::super::metrics::RemoteMetrics;
use super::receiver::{Mood, Receiver};
use crate::clock::Clock;
use crate::config::RemoteWriteConfig;
use crate::shutdown::ShutdownTrigger;
use crate::telemetry::metrics::{PointValue, Registry};

const NOW: i64 = 1_800_000_000_000;

/// A store, a queue and a receiver.
struct World {
    disk: MemoryDisk,
    db: Db,
    registry: Arc<Registry>,
    manager: RemoteManager,
    receiver: Receiver,
    running: Option<(ShutdownTrigger, Vec<tokio::task::JoinHandle<()>>)>,
}

fn parse(text: &str) -> crate::config::Config {
    crate::config::load(text, std::path::Path::new("prometheus.yml"), &|_| None)
        .unwrap()
        .config
}

fn config(change: impl FnOnce(&mut RemoteWriteConfig)) -> RemoteWriteConfig {
    let text = "remote_write: [{url: 'http://receiver/write', name: r}]\n";
    let loaded = parse(text);
    let mut config = loaded.remote_write[0].clone();
    change(&mut config);
    config
}

fn declared() -> Vec<(String, SeriesMetadata)> {
    let about = |kind, help: &str| SeriesMetadata {
        kind,
        unit: String::new(),
        help: help.to_owned(),
    };
    vec![
        ("m".to_owned(), about(MetadataKind::Counter, "help of m")),
        ("other".to_owned(), about(MetadataKind::Gauge, "help of other")),
    ]
}

impl World {
    fn new() -> Self {
        Self::on(MemoryDisk::new(), Receiver::new())
    }

    fn on(disk: MemoryDisk, receiver: Receiver) -> Self {
        let options = Options {
            wal_segment_bytes: 2_000,
            seal_interval_ms: 60_000,
            max_exemplars: 100,
            ..Options::default()
        };
        let db = Db::open_on(Arc::new(disk.clone()) as Arc<dyn Disk>, "data", options).unwrap();
        let registry = Registry::new();
        let options = RemoteOptions {
            flush_deadline: Duration::from_secs(60),
            user_agent: "test".to_owned(),
        };
        let clock = Clock::of_runtime(NOW);
        let manager = RemoteManager::new(db.clone(), clock, options, &registry, declared);
        Self {
            disk,
            db,
            registry,
            manager,
            receiver,
            running: None,
        }
    }

    fn start(&mut self, config: &RemoteWriteConfig, external: &Labels) {
        let tail = self.db.tail("queue-test").unwrap();
        let metrics = RemoteMetrics::new(&self.registry).of("r", &config.url);
        let post = self.receiver.clone();
        let running = self.manager.run(config, external, tail, metrics, "r", post);
        self.running = Some(running);
    }

    async fn stop(&mut self) {
        let (trigger, tasks) = self.running.take().unwrap();
        trigger.stop();
        for task in tasks {
            task.await.unwrap();
        }
    }

    /// The process dies, and another one finds what the disk has.
    fn kill(&mut self) {
        for task in self.running.take().unwrap().1 {
            task.abort();
        }
        *self = Self::on(self.disk.fork(), self.receiver.clone());
    }

    fn scrape(&self, time: i64) {
        let mut batch = Batch::new(NOW + time).with_group(1);
        for instance in ["a", "b", "c"] {
            let labels = Labels::from_pairs([("__name__", "m_total"), ("instance", instance)]);
            batch.push_float_labelled(&labels, NOW + time, time as f64);
        }
        let commit = self.db.append(&batch, NOW + 10_000_000).unwrap();
        assert_eq!(commit.rejected, []);
    }

    fn metric(&self, name: &str) -> f64 {
        let families = self.registry.gather();
        let name = format!("prometheus_remote_storage_{name}");
        let family = families.iter().find(|f| f.name == name).unwrap();
        family
            .points
            .iter()
            .map(|point| match point.value {
                PointValue::Number(number) => number,
                _ => 0.0,
            })
            .sum()
    }

    /// Lets time pass until the receiver has so many samples.
    async fn until(&self, count: usize) {
        for _ in 0..10_000 {
            if self.receiver.count() >= count {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let state = self.receiver.state.lock();
        let lengths: Vec<_> = state.series.values().map(Vec::len).collect();
        assert_eq!(
            lengths.iter().sum::<usize>(),
            count,
            "{lengths:?}, refused {}, failed {}, pending {}, read {}, shards {}; {:?}",
            state.refused,
            self.metric("samples_failed_total"),
            self.metric("samples_pending"),
            self.metric("samples_in_total"),
            self.metric("shards"),
            state.series.values().next()
        );
    }
}

async fn pass(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

fn quick(config: &mut RemoteWriteConfig) {
    config.queue_config.batch_send_deadline = narthex_model::Duration::from_millis(50);
    config.queue_config.max_samples_per_send = 7;
    config.metadata_config.send = false;
}

#[tokio::test(start_paused = true)]
async fn everything_after_the_start_arrives_in_order_with_its_labels() {
    let mut world = World::new();
    world.scrape(0);
    let external = Labels::from_pairs([("cluster", "x"), ("instance", "never")]);
    world.start(&config(quick), &external);
    for time in 1..=20 {
        world.scrape(time);
    }
    world.until(60).await;
    {
        let state = world.receiver.state.lock();
        assert_eq!(state.series.len(), 3);
        let (name, samples) = state.series.first_key_value().unwrap();
        assert_eq!(
            name,
            r#"{"__name__": "m_total", "cluster": "x", "instance": "a"}"#
        );
        let expected: Vec<_> = (1..=20).map(|t| (NOW + t, (t as f64).to_bits())).collect();
        assert_eq!(*samples, expected);
    }
    pass(5).await;
    world.stop().await;
    assert_eq!(world.metric("samples_total"), 60.0);
    assert_eq!(world.metric("samples_pending"), 0.0);
    assert_eq!(
        world.metric("samples_in_total"),
        63.0,
        "what the store took, before the queue began as well"
    );
    assert_eq!(
        world.metric("queue_highest_sent_timestamp_seconds"),
        (NOW + 20) as f64 / 1_000.0
    );
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_every_kind_costs_nothing() {
    for mood in [
        Mood::Down,
        Mood::Hangs,
        Mood::Answers(500),
        Mood::Answers(503),
        Mood::Answers(429),
    ] {
        let mut world = World::new();
        let config = config(|c| {
            quick(c);
            c.queue_config.capacity = 10;
            c.queue_config.retry_on_http_429 = true;
        });
        world.start(&config, &Labels::empty());
        world.receiver.set(&[mood]);
        // Half an hour of data, with sealing: the queue holds ten samples, the log the rest.
        for time in 0..120 {
            world.scrape(time * 15_000);
            world.db.tick(NOW + time * 15_000).unwrap();
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert_eq!(world.receiver.count(), 0, "{mood:?}");
        assert!(world.db.stats().wal_kept_bytes > 0, "{mood:?}");
        world.receiver.set(&[Mood::Takes]);
        world.until(360).await;
        world.stop().await;
        assert_eq!(world.metric("samples_failed_total"), 0.0, "{mood:?}");
        assert!(world.metric("samples_retried_total") > 0.0, "{mood:?}");
        assert!(world.receiver.state.lock().attempts.iter().any(|a| *a > 0));
        // What has been taken is not kept.
        world.db.tick(NOW + 120 * 15_000).unwrap();
        assert_eq!(world.db.stats().wal_kept_bytes, 0, "{mood:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_killed_process_sends_the_rest_and_what_it_may_have_sent() {
    // At each of these moments the process is killed; the receiver is away for a while in between.
    for (sent_before, message) in [
        (0, "prometheus.WriteRequest"),
        (5, "prometheus.WriteRequest"),
        (11, "prometheus.WriteRequest"),
        (11, "io.prometheus.write.v2.Request"),
    ] {
        let mut world = World::new();
        let config = config(|c| {
            quick(c);
            c.protobuf_message = message.to_owned();
            c.queue_config.max_shards = 3;
            c.queue_config.min_shards = 3;
        });
        world.start(&config, &Labels::empty());
        for time in 0..sent_before {
            world.scrape(time);
        }
        world.until(sent_before as usize * 3).await;
        world.receiver.set(&[Mood::Down]);
        for time in sent_before..30 {
            world.scrape(time);
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        world.kill();
        world.receiver.set(&[Mood::Takes]);
        for time in 30..40 {
            world.scrape(time);
        }
        world.start(&config, &Labels::empty());
        world.until(120).await;
        for samples in world.receiver.state.lock().series.values() {
            assert_eq!(samples.len(), 40);
            assert!(samples.windows(2).all(|pair| pair[0].0 < pair[1].0));
        }
        world.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_taken_without_an_answer_is_cut_out() {
    let mut world = World::new();
    let config = config(quick);
    world.start(&config, &Labels::empty());
    // The receiver takes what it is sent, and the process dies before it hears so.
    world.receiver.set(&[Mood::TakesAndHangs]);
    for time in 0..2 {
        world.scrape(time);
    }
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert_eq!(world.receiver.count(), 6);
    for time in 2..9 {
        world.scrape(time);
    }
    world.kill();
    world.receiver.set(&[Mood::Takes]);
    world.start(&config, &Labels::empty());
    world.until(27).await;
    assert!(world.receiver.state.lock().refused > 0);
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_for_good_is_dropped_and_counted() {
    let mut world = World::new();
    world.start(&config(quick), &Labels::empty());
    for status in [400, 404, 413, 415, 429] {
        world.receiver.set(&[Mood::Answers(status), Mood::Takes]);
        world.scrape(i64::from(status));
        pass(2).await;
    }
    assert_eq!(world.receiver.count(), 0);
    world.scrape(1_000);
    world.until(3).await;
    world.stop().await;
    assert_eq!(world.metric("samples_failed_total"), 15.0);
    assert_eq!(world.metric("samples_total"), 3.0);
}

#[tokio::test(start_paused = true)]
async fn dropped_series_and_old_samples_are_not_sent() {
    let mut world = World::new();
    let config = config(|c| {
        quick(c);
        let rules = "remote_write:\n- url: http://x\n  write_relabel_configs:\n  - {source_labels: [instance], regex: b, \
                     action: drop}\n  - {regex: instance, action: labeldrop}\n";
        let other = parse(rules);
        c.write_relabel_configs = other.remote_write[0].write_relabel_configs.clone();
        c.queue_config.sample_age_limit = narthex_model::Duration::from_millis(60_000);
    });
    world.start(&config, &Labels::empty());
    world.receiver.set(&[Mood::Down]);
    let old = Labels::from_pairs([("__name__", "old"), ("instance", "z")]);
    let mut batch = Batch::new(NOW - 30_000);
    batch.push_float_labelled(&old, NOW - 30_000, 1.0);
    world.db.append(&batch, NOW).unwrap();
    pass(100).await;
    world.receiver.set(&[Mood::Takes]);
    let kept = Labels::from_pairs([("__name__", "m"), ("instance", "a")]);
    let dropped = Labels::from_pairs([("__name__", "m"), ("instance", "b")]);
    let mut batch = Batch::new(NOW + 100_000);
    batch.push_float_labelled(&kept, NOW + 100_000, 1.0);
    batch.push_float_labelled(&dropped, NOW + 100_000, 2.0);
    world.db.append(&batch, NOW + 100_000).unwrap();
    world.until(1).await;
    world.stop().await;
    assert_eq!(
        world.receiver.state.lock().series.keys().next().unwrap(),
        r#"{"__name__": "m"}"#
    );
    assert_eq!(world.metric("samples_dropped_total"), 2.0);
}

#[tokio::test(start_paused = true)]
async fn metadata_and_exemplars_go_along() {
    for message in ["prometheus.WriteRequest", "io.prometheus.write.v2.Request"] {
        let mut world = World::new();
        let config = config(|c| {
            c.send_exemplars = true;
            c.queue_config.batch_send_deadline = narthex_model::Duration::from_millis(50);
            c.protobuf_message = message.to_owned();
        });
        world.start(&config, &Labels::empty());
        pass(1).await;
        let labels = Labels::from_pairs([("__name__", "m_total")]);
        let mut batch = Batch::new(NOW);
        batch.push_float_labelled(&labels, NOW, 1.0);
        let exemplar = Exemplar {
            labels: Labels::from_pairs([("trace_id", "x")]),
            value: 0.5,
            time: NOW,
        };
        batch.push_exemplar_labelled(&labels, exemplar);
        world.db.append(&batch, NOW).unwrap();
        world.until(1).await;
        world.stop().await;
        let state = world.receiver.state.lock();
        assert_eq!(state.exemplars, 1, "{message}");
        let expected: &[&str] = match message {
            "prometheus.WriteRequest" => &["m 1", "other 2"],
            _ => &["help of m 1"],
        };
        assert_eq!(state.families, expected, "{message}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_does_not_wait_for_a_receiver_that_is_away() {
    let mut world = World::new();
    let config = config(quick);
    world.start(&config, &Labels::empty());
    world.receiver.set(&[Mood::Down]);
    world.scrape(1);
    pass(3).await;
    let began = tokio::time::Instant::now();
    world.stop().await;
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    world.receiver.set(&[Mood::Takes]);
    world.start(&config, &Labels::empty());
    world.until(3).await;
    world.stop().await;
}
