//! `/api/v1/targets`, `/api/v1/scrape_pools`: what is scraped, what is not, and how it goes.

use std::collections::BTreeMap;

use narthex_model::Annotations;

use super::super::app::App;
use super::super::body::Reply;
use super::super::call::Call;
use super::super::encode::chunks::Whole;
use super::super::encode::number::write_json;
use super::super::encode::object::{Object, write_list};
use super::super::encode::text::write_text;
use super::super::encode::time::{NEVER, rfc3339_millis};
use super::super::global_url::global_url;
use super::super::problem::Problem;
use super::data::{streamed, value};
use crate::scrape::{PoolStatus, TargetStatus};

/// Targets, active and dropped.
pub(crate) async fn targets(call: Call) -> Result<Reply, Problem> {
    let form = call.url_form();
    let state = form.get("state").to_lowercase();
    let (active, dropped) = match state.as_str() {
        "" | "any" => (true, true),
        "active" => (true, false),
        "dropped" => (false, true),
        _ => (false, false),
    };
    let wanted = form.get("scrapePool");
    let pools = pools(&call.app);
    let chosen = || {
        pools
            .iter()
            .filter(|pool| wanted.is_empty() || pool.name == wanted)
    };
    let app = &call.app;
    let mut out = Vec::new();
    let mut object = Object::new(&mut out);
    object.member("activeTargets", |out| {
        let all = chosen()
            .filter(|_| active)
            .flat_map(|pool| pool.active.iter().map(|t| (pool.name.as_str(), t)));
        write_list(out, all, |out, (pool, target)| {
            write_active(out, app, pool, target)
        });
    });
    object.member("droppedTargets", |out| {
        let all = chosen()
            .filter(|_| dropped)
            .flat_map(|pool| pool.dropped.iter().map(|t| (pool.name.as_str(), t)));
        write_list(out, all, |out, (pool, target)| {
            Object::new(out)
                .labels("discoveredLabels", &target.discovered_labels)
                .text("scrapePool", pool)
                .end();
        });
    });
    let counts: Option<BTreeMap<&str, usize>> =
        dropped.then(|| pools.iter().map(|p| (p.name.as_str(), p.dropped_count)).collect());
    object.value("droppedTargetCounts", &counts).end();
    Ok(streamed(Box::new(Whole(out)), &Annotations::default()))
}

fn pools(app: &App) -> Vec<PoolStatus> {
    let mut pools = app.scrape().map(|s| s.status()).unwrap_or_default();
    for pool in &mut pools {
        pool.active.sort_by(|a, b| a.labels.cmp(&b.labels));
    }
    pools
}

fn write_active(out: &mut Vec<u8>, app: &App, pool: &str, target: &TargetStatus) {
    let last = target
        .last_scrape_ms
        .map_or_else(|| NEVER.to_owned(), rfc3339_millis);
    Object::new(out)
        .labels("discoveredLabels", &target.discovered_labels)
        .labels("labels", &target.labels)
        .text("scrapePool", pool)
        .text("scrapeUrl", &target.scrape_url)
        .text("globalUrl", &global_url(&target.scrape_url, &app.options))
        .text("lastError", &target.last_error)
        .text("lastScrape", &last)
        .member("lastScrapeDuration", |out| {
            write_json(out, target.last_duration_seconds);
        })
        .text("health", target.health.word())
        .text("scrapeInterval", &target.scrape_interval)
        .text("scrapeTimeout", &target.scrape_timeout)
        .end();
}

/// Names of all jobs.
pub(crate) async fn scrape_pools(call: Call) -> Result<Reply, Problem> {
    let mut names = call.app.scrape().map(|s| s.pools()).unwrap_or_default();
    names.sort_unstable();
    let mut out = Vec::new();
    Object::new(&mut out)
        .list("scrapePools", names, |out, name| write_text(out, &name))
        .end();
    Ok(streamed(Box::new(Whole(out)), &Annotations::default()))
}

/// The configuration of one job.
pub(crate) async fn scrape_pool_config(call: Call) -> Result<Reply, Problem> {
    let form = call.url_form();
    let name = form.get("scrapePool");
    if name.is_empty() {
        return Err(Problem::bad_data("no scrapePool parameter provided"));
    }
    let config = call.app.loaded().config;
    let job = config.job(name).ok_or_else(|| {
        Problem::bad_data(format!(
            "error retrieving scrape config: scrape pool \"{name}\" not found"
        ))
    })?;
    Ok(value(&BTreeMap::from([("yaml", job.to_yaml())])))
}
