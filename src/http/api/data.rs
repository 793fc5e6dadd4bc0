//! What endpoints share in answering: data in its envelope, and the store if it is open.

use hyper::StatusCode;
use narthex_model::{Annotations, Matcher, Severity, SourceError};
use narthex_tsdb::{Db, Snapshot};
use serde::Serialize;

use super::super::app::App;
use super::super::body::{Body, Reply, reply};
use super::super::encode::chunks::{Chunks, List, Whole};
use super::super::encode::envelope::success;
use super::super::encode::json::write_value;
use super::super::encode::text::write_text;
use super::super::problem::Problem;
use crate::query::Stop;

/// The warning beside a list that was cut at `limit`.
const TRUNCATED: &str = "results truncated due to limit";

/// A success with data that is written as it is read.
pub(crate) fn streamed(data: Box<dyn Chunks>, annotations: &Annotations) -> Reply {
    reply(
        StatusCode::OK,
        "application/json",
        Body::pieces(Box::new(success(data, annotations))),
    )
}

/// A success with small data.
pub(crate) fn value<T: Serialize + ?Sized>(data: &T) -> Reply {
    let mut out = Vec::new();
    write_value(&mut out, data);
    streamed(Box::new(Whole(out)), &Annotations::default())
}

/// A success with a list of texts.
pub(crate) fn texts(items: Vec<String>, truncated: bool) -> Reply {
    streamed(
        Box::new(List::new(items, |out: &mut Vec<u8>, item: String| {
            write_text(out, &item)
        })),
        &truncation(truncated),
    )
}

/// The annotations of a list that was cut, or was not.
pub(crate) fn truncation(truncated: bool) -> Annotations {
    let mut annotations = Annotations::default();
    if truncated {
        annotations.add(Severity::Warning, TRUNCATED);
    }
    annotations
}

/// The store as it is now, for a read that can be stopped.
pub(crate) fn snapshot(store: &Db, stop: Stop) -> Snapshot {
    store.snapshot().until(move || stop.is_due())
}

/// Looks series up: at once if `few` knows that this takes next to nothing.
pub(crate) async fn look_up<T: Send + 'static>(
    app: &App,
    sets: Vec<Vec<Matcher>>,
    few: impl FnOnce(&Snapshot, &[Vec<Matcher>]) -> bool,
    read: impl FnOnce(&Snapshot, &[Vec<Matcher>]) -> Result<T, SourceError> + Send + 'static,
) -> Result<T, Problem> {
    let store = store(app)?;
    let few = few(&store.snapshot(), &sets);
    let read = move |stop| read(&snapshot(&store, stop), &sets);
    Ok(app.queries.read(few, read).await??)
}

/// The store; requests only come here when it is open.
pub(crate) fn store(app: &App) -> Result<Db, Problem> {
    app.store()
        .cloned()
        .ok_or_else(|| Problem::unavailable("TSDB not ready"))
}
