//! `/api/v1/series`: the series that selectors find.

use narthex_model::Labels;
use narthex_tsdb::Snapshot;

use super::super::body::Reply;
use super::super::call::Call;
use super::super::encode::answer::write_labels;
use super::super::encode::chunks::List;
use super::super::params::{limit, lookup_range, matcher_sets, well_formed};
use super::super::problem::Problem;
use super::data::{look_up, streamed, truncation};

/// Answers.
pub(crate) async fn series(mut call: Call) -> Result<Reply, Problem> {
    let form = call.form().await?;
    well_formed(&form)?;
    if form.all("match[]").next().is_none() {
        return Err(Problem::bad_data("no match[] parameter provided"));
    }
    let most = limit(&form)?;
    let range = lookup_range(&form)?;
    let sets = matcher_sets(&form).map_err(|reason| Problem::invalid("match[]", reason))?;
    let read = move |store: &Snapshot, sets: &[_]| store.series(sets, range, most);
    let few = |store: &Snapshot, sets: &[_]| store.finds_few(sets, range);
    let found = look_up(&call.app, sets, few, read).await?;
    Ok(streamed(
        Box::new(List::new(found.items, |out: &mut Vec<u8>, labels: Labels| {
            write_labels(out, &labels);
        })),
        &truncation(found.truncated),
    ))
}
