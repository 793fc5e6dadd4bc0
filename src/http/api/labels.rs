//! `/api/v1/labels`: names of labels.

use narthex_tsdb::Snapshot;

use super::super::body::Reply;
use super::super::call::Call;
use super::super::params::{limit, lookup_range, matcher_sets, well_formed};
use super::super::problem::Problem;
use super::data::{look_up, texts};

/// Answers.
pub(crate) async fn labels(mut call: Call) -> Result<Reply, Problem> {
    let form = call.form().await?;
    well_formed(&form)?;
    let most = limit(&form)?;
    let range = lookup_range(&form)?;
    let sets = matcher_sets(&form).map_err(Problem::bad_data)?;
    let read = move |store: &Snapshot, sets: &[_]| store.label_names(sets, range, most);
    let few = |store: &Snapshot, sets: &[_]| store.finds_few(sets, range);
    let found = look_up(&call.app, sets, few, read).await?;
    Ok(texts(found.items, found.truncated))
}
