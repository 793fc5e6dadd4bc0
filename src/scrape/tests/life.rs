//! Loops over time, with tokio's clock paused and pages that come from nowhere.

use std::sync::Arc;
use std::time::Duration;

use narthex_model::Labels;
use parking_lot::Mutex;
use tokio::runtime::Handle;

use super::super::fetch::{Fetch, FetchError, Fetched, Query};
use super::super::pool::{Pool, Surroundings};
use super::super::settings::ScrapeOptions;
use super::super::status::Health;
use super::{Store, metrics, store};
use crate::clock::Clock;
use crate::config::{ScrapeConfig, TargetGroup};

const T0: i64 = 1_700_000_000_000;

/// Answers with the same page, always, after a while.
#[derive(Default)]
struct Pages {
    page: Mutex<String>,
    delay: Mutex<Duration>,
    asked: Mutex<Vec<String>>,
}

impl Fetch for Pages {
    async fn fetch(&self, query: &Query, _: Vec<u8>) -> Result<Fetched, FetchError> {
        self.asked.lock().push(query.url.clone());
        let delay = *self.delay.lock();
        tokio::time::sleep(delay).await;
        let page = self.page.lock().clone();
        Ok(Fetched {
            body: page.into_bytes(),
            content_type: "text/plain".to_owned(),
        })
    }
}

struct Fixture {
    store: Store,
    pages: Arc<Pages>,
    around: Surroundings<Pages>,
    pool: Pool<Pages>,
}

fn config(change: impl FnOnce(&mut ScrapeConfig)) -> Arc<ScrapeConfig> {
    let mut config = ScrapeConfig::new("j");
    config.scrape_interval = narthex_model::Duration::from_millis(15_000);
    change(&mut config);
    Arc::new(config)
}

fn fixture(change: impl FnOnce(&mut ScrapeConfig)) -> Fixture {
    let (_, metrics) = metrics();
    let store = store();
    let pages = Arc::new(Pages::default());
    *pages.page.lock() = "a 1\n".to_owned();
    let for_pool = Arc::clone(&pages);
    let around = Surroundings {
        db: store.db.clone(),
        clock: Clock::of_runtime(T0),
        options: ScrapeOptions::default(),
        metrics,
        runtime: Handle::current(),
        make_fetcher: Box::new(move |_| Ok(Arc::clone(&for_pool))),
    };
    Fixture {
        pool: Pool::new(config(change), 0, &around),
        store,
        pages,
        around,
    }
}

fn groups(addresses: &[&str]) -> Vec<Arc<TargetGroup>> {
    vec![Arc::new(TargetGroup {
        source: "0".into(),
        targets: addresses
            .iter()
            .map(|a| Labels::from_pairs([("__address__", *a)]))
            .collect(),
        labels: Labels::empty(),
    })]
}

impl Fixture {
    fn sync(&mut self, addresses: &[&str]) {
        self.pool.sync(&groups(addresses), &self.around);
    }

    /// Lets time pass; timers fire in order.
    async fn pass(&self, seconds: u64) {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }

    /// Times and values of the only series that is no report.
    fn samples(&self) -> Vec<(i64, String)> {
        let lines = self.store.dump(false);
        assert!(lines.len() <= 1, "{lines:?}");
        let samples = lines.first().and_then(|l| l.split_once("} "));
        samples
            .map_or("", |(_, s)| s)
            .split_whitespace()
            .filter_map(|s| s.split_once(':'))
            .map(|(t, v)| (t.parse().unwrap(), v.to_owned()))
            .collect()
    }
}

#[tokio::test(start_paused = true)]
async fn a_target_is_scraped_in_its_slot_and_every_interval() {
    let mut f = fixture(|_| {});
    f.sync(&["h:1"]);
    assert_eq!(f.pool.status().active[0].health, Health::Unknown);
    f.pass(61).await;
    let samples = f.samples();
    assert_eq!(samples.len(), 4);
    assert!(
        samples.windows(2).all(|w| w[1].0 - w[0].0 == 15_000),
        "{samples:?}"
    );
    let status = f.pool.status();
    assert_eq!(status.active[0].health, Health::Up);
    assert_eq!(status.active[0].scrape_url, "http://h:1/metrics");
    assert_eq!(status.active[0].scrape_interval, "15s");
    // The same target in the same slot after a restart.
    let slot = samples[0].0 % 15_000;
    let mut again = fixture(|_| {});
    again.pass(7).await;
    again.sync(&["h:1"]);
    again.pass(16).await;
    assert_eq!(again.samples()[0].0 % 15_000, slot);
}

#[tokio::test(start_paused = true)]
async fn a_slow_scrape_is_followed_by_the_next_at_once_and_by_no_more() {
    let mut f = fixture(|_| {});
    *f.pages.delay.lock() = Duration::from_secs(20);
    f.sync(&["h:1"]);
    f.pass(120).await;
    let times: Vec<i64> = f.samples().iter().map(|(time, _)| *time).collect();
    assert!(times.len() >= 3);
    assert!(
        times
            .windows(2)
            .all(|w| (19_999..=20_001).contains(&(w[1] - w[0]))),
        "{times:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_target_that_goes_ends_its_series_at_the_first_tick_it_misses() {
    let mut f = fixture(|_| {});
    f.sync(&["h:1"]);
    f.pass(31).await;
    let before = f.samples();
    f.sync(&[]);
    // One interval to the next tick, another one, and a tenth: nothing is written before.
    f.pass(15).await;
    assert_eq!(f.samples(), before);
    f.pass(32).await;
    let last = f.samples().last().cloned().unwrap();
    assert_eq!(last, (before.last().unwrap().0 + 15_000, "stale".to_owned()));
    assert_eq!(f.samples().len(), before.len() + 1);
    assert!(f.store.report("up").ends_with(":stale"));
    assert!(!f.pool.is_ending());
}

#[tokio::test(start_paused = true)]
async fn a_target_that_comes_back_goes_on() {
    let mut f = fixture(|_| {});
    f.sync(&["h:1"]);
    f.pass(31).await;
    f.sync(&[]);
    f.pass(1).await;
    f.sync(&["h:1"]);
    f.pass(90).await;
    assert!(
        f.samples().iter().all(|(_, value)| value == "1"),
        "{:?}",
        f.samples()
    );
}

#[tokio::test(start_paused = true)]
async fn a_server_that_stops_ends_no_series() {
    let mut f = fixture(|_| {});
    *f.pages.delay.lock() = Duration::from_secs(5);
    f.sync(&["h:1", "h:2"]);
    f.pass(40).await;
    f.sync(&["h:1"]);
    for task in f.pool.stop() {
        task.await.unwrap();
    }
    f.pass(120).await;
    assert!(!f.store.dump(true).iter().any(|line| line.contains("stale")));
}

#[tokio::test(start_paused = true)]
async fn other_targets_do_not_notice_and_another_interval_takes_over_what_is_known() {
    let mut f = fixture(|_| {});
    f.sync(&["h:1"]);
    f.pass(31).await;
    f.sync(&["h:1", "h:2"]);
    f.pass(1).await;
    f.sync(&["h:1"]);
    f.pass(28).await;
    let asked = f
        .pages
        .asked
        .lock()
        .iter()
        .filter(|url| url.contains("h:1"))
        .count();
    assert_eq!(asked, 4);
    // Another timeout: the loop is another one, its series go on without a marker and none counts as new.
    let slower = config(|c| c.scrape_timeout = narthex_model::Duration::from_millis(5_000));
    f.pool.reload(slower, 0, &f.around);
    f.pass(60).await;
    assert_eq!(
        f.pages
            .asked
            .lock()
            .iter()
            .filter(|url| url.contains("h:1"))
            .count(),
        8
    );
    let lines = f.store.dump(true);
    let added = lines
        .iter()
        .find(|l| l.contains("scrape_series_added") && l.contains("h:1"))
        .unwrap();
    assert_eq!(
        added.matches(":1 ").count() + usize::from(added.ends_with(":1")),
        1,
        "{added}"
    );
    assert!(
        !lines
            .iter()
            .any(|line| line.contains("h:1") && line.contains("stale"))
    );
}

#[tokio::test(start_paused = true)]
async fn too_many_targets_all_fail() {
    let mut f = fixture(|c| c.limits.target_limit = 1);
    f.sync(&["h:1", "h:2", "h:2"]);
    f.pass(16).await;
    let status = f.pool.status();
    assert_eq!(status.active.len(), 2);
    for target in &status.active {
        assert_eq!(
            target.last_error,
            "target_limit exceeded (number of targets: 2, limit: 1)"
        );
    }
    f.sync(&["h:1"]);
    f.pass(16).await;
    assert_eq!(f.pool.status().active[0].last_error, "");
}

#[tokio::test(start_paused = true)]
async fn dropped_targets_are_remembered_as_far_as_asked_for() {
    let mut drop_all = crate::config::RelabelConfig::with_action(crate::config::RelabelAction::Drop).unwrap();
    drop_all.source_labels = vec!["job".into()];
    for (limit, remembered) in [(0, 3), (2, 2)] {
        let rules = vec![drop_all.clone()];
        let mut f = fixture(|c| {
            c.relabel_configs = rules;
            c.limits.keep_dropped_targets = limit;
        });
        f.sync(&["h:1", "h:2", "h:3"]);
        let status = f.pool.status();
        assert_eq!((status.dropped.len(), status.dropped_count), (remembered, 3));
        assert_eq!(status.active.len(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn of_equal_targets_the_last_is_shown_and_known_groups_are_not_built_again() {
    let group = |source: &str, zones: &[&str]| {
        Arc::new(TargetGroup {
            source: source.to_owned(),
            targets: zones
                .iter()
                .map(|zone| Labels::from_pairs([("__address__", "h:1"), ("__meta_zone", zone)]))
                .collect(),
            labels: Labels::empty(),
        })
    };
    let mut f = fixture(|_| {});
    let shown = |f: &Fixture| {
        let status = f.pool.status();
        assert_eq!((status.active.len(), status.dropped_count), (1, 0));
        status.active[0]
            .discovered_labels
            .get("__meta_zone")
            .unwrap()
            .to_owned()
    };
    let (a, b) = (group("a", &["1", "2"]), group("b", &["3"]));
    f.pool.sync(&[Arc::clone(&a)], &f.around);
    assert_eq!(shown(&f), "2");
    f.pool.sync(&[Arc::clone(&a), Arc::clone(&b)], &f.around);
    assert_eq!(shown(&f), "3");
    f.pool.sync(&[Arc::clone(&a)], &f.around);
    assert_eq!(shown(&f), "2");
    f.pass(16).await;
    assert_eq!(f.pages.asked.lock().len(), 1);
}
