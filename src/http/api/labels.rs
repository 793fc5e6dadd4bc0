//! `/api/v1/labels`: names of labels.

use super::super::body::Reply;
use super::super::call::Call;
use super::super::params::{limit, lookup_range, matcher_sets, well_formed};
use super::super::problem::Problem;
use super::data::{snapshot, store, texts};

/// Answers.
pub(crate) async fn labels(mut call: Call) -> Result<Reply, Problem> {
    let form = call.form().await?;
    well_formed(&form)?;
    let most = limit(&form)?;
    let range = lookup_range(&form)?;
    let sets = matcher_sets(&form).map_err(Problem::bad_data)?;
    let store = store(&call.app)?;
    let found = call
        .app
        .queries
        .read(move |stop| snapshot(&store, stop).label_names(&sets, range, most))
        .await??;
    Ok(texts(found.items, found.truncated))
}
