//! `/api/v1/admin/tsdb/*`: what changes the store by hand; only with the flag.

use super::super::body::Reply;
use super::super::call::Call;
use super::super::params::{boolean, lookup_range, matcher_sets, well_formed};
use super::super::problem::Problem;

fn allowed(call: &Call) -> Result<(), Problem> {
    if call.app.options.enable_admin_api {
        Ok(())
    } else {
        Err(Problem::unavailable("admin APIs disabled"))
    }
}

fn not_yet(what: &str) -> Problem {
    Problem::unavailable(format!(
        "the store of this version cannot {what} yet; nothing was changed"
    ))
}

/// Deletes samples.
pub(crate) async fn delete_series(mut call: Call) -> Result<Reply, Problem> {
    allowed(&call)?;
    let form = call.form().await?;
    well_formed(&form)?;
    if form.all("match[]").next().is_none() {
        return Err(Problem::bad_data("no match[] parameter provided"));
    }
    lookup_range(&form)?;
    matcher_sets(&form).map_err(|reason| Problem::invalid("match[]", reason))?;
    Err(not_yet("delete series"))
}

/// Frees the space of deleted samples.
pub(crate) async fn clean_tombstones(call: Call) -> Result<Reply, Problem> {
    allowed(&call)?;
    Err(not_yet("clean tombstones"))
}

/// Copies the store beside itself.
pub(crate) async fn snapshot(mut call: Call) -> Result<Reply, Problem> {
    allowed(&call)?;
    boolean(&call.form().await?, "skip_head", false)?;
    Err(not_yet("take snapshots"))
}
