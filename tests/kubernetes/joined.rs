//! Discovery and scraping joined as the server joins them, and their targets as lines.

use std::sync::Arc;

use narthex::clock::Clock;
use narthex::discovery::{Found, Patience};
use narthex::model::Labels;
use narthex::scrape::{ScrapeManager, ScrapeOptions};
use narthex::telemetry::metrics::Registry;
use narthex::tsdb::{Db, Options};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::api_server::ApiServer;
use super::world::{LIMIT, World, config, world};

fn map(labels: &Labels) -> Value {
    labels.iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect()
}

/// Active and dropped targets as lines, sorted.
fn lines(scrape: &ScrapeManager) -> Vec<String> {
    let mut lines = Vec::new();
    for pool in scrape.status() {
        lines.push(format!("dropped of {}: {}", pool.name, pool.dropped_count));
        for target in &pool.active {
            let line = json!([
                pool.name,
                target.scrape_url,
                map(&target.labels),
                map(&target.discovered_labels)
            ]);
            lines.push(format!("active {line}"));
        }
        for target in &pool.dropped {
            lines.push(format!(
                "dropped {}",
                json!([pool.name, map(&target.discovered_labels)])
            ));
        }
    }
    lines.sort();
    lines
}

/// Discovery and scraping joined as the server joins them.
pub(super) struct Joined {
    pub(super) world: World,
    pub(super) scrape: ScrapeManager,
    last: Found,
    _folder: tempfile::TempDir,
}

impl Joined {
    fn hand_over(&mut self) {
        let now = self.world.discovery.found().borrow().clone();
        for (job, groups) in now.iter() {
            if self
                .last
                .get(job)
                .is_none_or(|before| !Arc::ptr_eq(before, groups))
            {
                self.scrape.apply_targets(job, groups);
            }
        }
        self.last = now;
    }

    /// Returns once exactly these URLs are scraped.
    pub(super) async fn until_urls(&mut self, wanted: &[String]) {
        let mut found = self.world.discovery.found();
        let limit = Instant::now() + LIMIT;
        loop {
            found.mark_unchanged();
            self.hand_over();
            let status = self.scrape.status();
            let active = status.iter().flat_map(|pool| &pool.active);
            let mut urls: Vec<String> = active.map(|target| target.scrape_url.clone()).collect();
            urls.sort();
            if urls == wanted {
                return;
            }
            if tokio::time::timeout_at(limit, found.changed()).await.is_err() {
                panic!("{urls:#?}");
            }
        }
    }

    /// Returns once the targets are these; `look` sees each state on the way.
    pub(super) async fn until(
        &mut self,
        step: &str,
        wanted: &[String],
        mut look: impl FnMut(&ScrapeManager),
    ) {
        let mut found = self.world.discovery.found();
        let limit = Instant::now() + LIMIT;
        loop {
            found.mark_unchanged();
            self.hand_over();
            look(&self.scrape);
            let now = lines(&self.scrape);
            if now == wanted {
                return;
            }
            if tokio::time::timeout_at(limit, found.changed()).await.is_err() {
                let missing: Vec<_> = wanted.iter().filter(|line| !now.contains(line)).take(2).collect();
                let extra: Vec<_> = now.iter().filter(|line| !wanted.contains(line)).take(2).collect();
                panic!("{step}: missing {missing:#?}\nnot wanted {extra:#?}");
            }
        }
    }
}

/// Discovery of the cluster that `api` serves, with scraping behind it, under this configuration.
pub(super) async fn joined(text: &str, api: ApiServer) -> Joined {
    let world = world(api, Patience::default());
    let folder = tempfile::tempdir().unwrap();
    let db = Db::open(folder.path(), Options::default()).unwrap();
    let registry = Registry::new();
    let scrape = ScrapeManager::new(db, Clock::system(), ScrapeOptions::default(), &registry);
    let config = config(text);
    scrape.apply_config(&config);
    world.discovery.apply(&config).await;
    Joined {
        world,
        scrape,
        last: Found::default(),
        _folder: folder,
    }
}
