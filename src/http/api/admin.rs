//! `/api/v1/admin/tsdb/*`: what changes the store by hand; only with the flag.

use std::hash::{BuildHasher, RandomState};

use hyper::StatusCode;
use narthex_tsdb::{Db, Error};
use serde::Serialize;

use super::super::body::{Reply, reply_empty};
use super::super::call::Call;
use super::super::encode::time::rfc3339_millis;
use super::super::params::{boolean, lookup_range, matcher_sets, well_formed};
use super::super::problem::Problem;
use super::data::{store, value};

fn allowed(call: &Call) -> Result<(), Problem> {
    if call.app.options.enable_admin_api {
        Ok(())
    } else {
        Err(Problem::unavailable("admin APIs disabled"))
    }
}

/// Works on the store away from the async threads.
async fn work<T: Send + 'static>(
    db: Db,
    work: impl FnOnce(&Db) -> Result<T, Error> + Send + 'static,
) -> Result<T, Problem> {
    match tokio::task::spawn_blocking(move || work(&db)).await {
        Ok(done) => done.map_err(|error| Problem::internal(error.to_string())),
        Err(panic) => Err(Problem::internal(panic.to_string())),
    }
}

/// Deletes samples.
pub(crate) async fn delete_series(mut call: Call) -> Result<Reply, Problem> {
    allowed(&call)?;
    let form = call.form().await?;
    well_formed(&form)?;
    if form.all("match[]").next().is_none() {
        return Err(Problem::bad_data("no match[] parameter provided"));
    }
    let range = lookup_range(&form)?;
    let sets = matcher_sets(&form).map_err(|reason| Problem::invalid("match[]", reason))?;
    let delete = move |db: &Db| sets.iter().try_for_each(|set| db.delete(set, range));
    work(store(&call.app)?, delete).await?;
    Ok(reply_empty(StatusCode::NO_CONTENT))
}

/// Frees the space of deleted samples.
pub(crate) async fn clean_tombstones(call: Call) -> Result<Reply, Problem> {
    allowed(&call)?;
    work(store(&call.app)?, Db::clean_tombstones).await?;
    Ok(reply_empty(StatusCode::NO_CONTENT))
}

#[derive(Serialize)]
struct Copy {
    name: String,
}

/// Copies the store beside itself.
pub(crate) async fn snapshot(mut call: Call) -> Result<Reply, Problem> {
    allowed(&call)?;
    let skip_head = boolean(&call.form().await?, "skip_head", false)?;
    let name = copy_name(call.app.clock.now_ms());
    let made = name.clone();
    work(store(&call.app)?, move |db| db.copy(&made, !skip_head))
        .await
        .map_err(|problem| Problem::internal(format!("create snapshot: {}", problem.text)))?;
    Ok(value(&Copy { name }))
}

/// `20060102T150405Z-` and 16 hex digits.
fn copy_name(now_ms: i64) -> String {
    let time = rfc3339_millis(now_ms.div_euclid(1_000) * 1_000);
    let time: String = time.chars().filter(|c| !matches!(c, '-' | ':')).collect();
    format!("{time}-{:016x}", RandomState::new().hash_one(now_ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_prometheus_names() {
        let name = copy_name(1_136_214_245_678);
        assert_eq!(name.len(), 33);
        assert!(name.starts_with("20060102T150405Z-"), "{name}");
    }
}
