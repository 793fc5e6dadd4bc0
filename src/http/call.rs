//! One request on its way through a handler: its parameters, its body read within bounds.

use std::io::Cursor;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderName};
use hyper::http::request::Parts;
use hyper::{HeaderMap, Method};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::app::App;
use super::form::{Form, media_type};
use super::problem::Problem;

/// Largest form body.
const FORM_BYTES: usize = 10 << 20;
/// Largest multipart body.
const MULTIPART_BYTES: usize = 32 << 20;

/// A body of up to this size is read at once; what is larger takes its share of the memory as it comes.
const SMALL_BYTES: usize = 64 << 10;
/// What all larger bodies may take together, in KiB.
const BODIES_KIB: usize = 256 << 10;

/// Where the connection puts a query string that is longer than a URI may be: see `stream.rs`.
pub(crate) const LONG_QUERY: HeaderName = HeaderName::from_static("x-narthex-long-query");

/// A request.
pub(crate) struct Call {
    pub(crate) app: Arc<App>,
    parts: Parts,
    body: Option<Incoming>,
    captures: Vec<String>,
    /// This body's share of the memory, given back when the request is answered.
    share: Share,
}

/// What a body takes of the memory for bodies. It grows with what has come, not with what is announced: clients that
/// announce much and send nothing keep no place from others.
struct Share {
    budget: Arc<Semaphore>,
    held: Option<OwnedSemaphorePermit>,
    room: usize,
}

impl Share {
    /// Makes room for a body that has become `length` bytes long. A body without a share waits for one; one that has
    /// a share does not wait for more, or bodies in progress could wait for each other.
    async fn grow(&mut self, length: usize) -> Result<(), BodyFault> {
        if length <= self.room {
            return Ok(());
        }
        let room = length.max(self.room * 2);
        let kib = u32::try_from((room - self.room).div_ceil(1024)).unwrap_or(u32::MAX);
        let budget = Arc::clone(&self.budget);
        match &mut self.held {
            None => self.held = budget.acquire_many_owned(kib).await.ok(),
            Some(held) => held.merge(
                budget
                    .try_acquire_many_owned(kib)
                    .map_err(|_| BodyFault::Crowded)?,
            ),
        }
        self.room = room;
        Ok(())
    }
}

/// The memory that bodies may take.
pub(crate) fn body_budget() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(BODIES_KIB))
}

/// A body that could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyFault {
    /// It is longer than this endpoint takes.
    #[error("http: request body too large")]
    TooLarge,
    /// The client was too slow.
    #[error("i/o timeout")]
    TooSlow,
    /// The client went away, or did not keep to the protocol.
    #[error("unexpected EOF")]
    Broken,
    /// Large bodies in progress fill the memory that they may take.
    #[error("too many large request bodies at once: send it again later")]
    Crowded,
}

impl Call {
    pub(crate) fn new(app: Arc<App>, parts: Parts, body: Incoming, captures: Vec<String>) -> Self {
        let share = Share {
            budget: Arc::clone(&app.bodies),
            held: None,
            room: SMALL_BYTES,
        };
        Self {
            app,
            parts,
            body: Some(body),
            captures,
            share,
        }
    }

    pub(crate) fn method(&self) -> &Method {
        &self.parts.method
    }

    /// A header as text, or `""`.
    pub(crate) fn header(&self, name: &str) -> &str {
        header_text(&self.parts.headers, name)
    }

    /// The query string, or `""`.
    pub(crate) fn query(&self) -> &str {
        query_of(&self.parts)
    }

    /// What stands in the path where the route has its `:name` or `*rest`, not decoded.
    pub(crate) fn capture(&self) -> &str {
        self.captures.first().map(String::as_str).unwrap_or_default()
    }

    /// Parameters of the URL alone.
    pub(crate) fn url_form(&self) -> Form {
        Form::new(Form::default(), self.query(), Vec::new())
    }

    /// Parameters of URL and form body.
    pub(crate) async fn form(&mut self) -> Result<Form, Problem> {
        self.read_form(false).await
    }

    /// Parameters of URL, form body and multipart body.
    pub(crate) async fn form_or_multipart(&mut self) -> Result<Form, Problem> {
        self.read_form(true).await
    }

    async fn read_form(&mut self, take_multipart: bool) -> Result<Form, Problem> {
        if ![Method::POST, Method::PUT, Method::PATCH].contains(&self.parts.method) {
            return Ok(self.url_form());
        }
        let content_type = self.header(CONTENT_TYPE.as_str()).to_owned();
        let multipart = media_type(&content_type).eq_ignore_ascii_case("multipart/form-data");
        let most = if multipart { MULTIPART_BYTES } else { FORM_BYTES };
        let body = self.bytes(most).await.map_err(|fault| match fault {
            BodyFault::TooLarge => Problem::bad_data("error parsing form values: http: POST too large"),
            BodyFault::Crowded => Problem::unavailable(fault.to_string()),
            fault => Problem::bad_data(format!("error parsing form values: {fault}")),
        })?;
        let parts = if multipart && take_multipart {
            multipart_pairs(&content_type, body.clone()).await?
        } else {
            Vec::new()
        };
        Ok(Form::new(
            Form::of_body(&content_type, &body),
            self.query(),
            parts,
        ))
    }

    /// The body, if it is no longer than `most` and comes in time.
    pub(crate) async fn bytes(&mut self, most: usize) -> Result<Bytes, BodyFault> {
        let Some(mut body) = self.body.take() else {
            return Ok(Bytes::new());
        };
        let limit = self.app.options.read_timeout;
        let share = &mut self.share;
        let read = async {
            let mut all = BytesMut::new();
            while let Some(frame) = body.frame().await {
                let Ok(data) = frame.map_err(|_| BodyFault::Broken)?.into_data() else {
                    continue;
                };
                if all.len() + data.len() > most {
                    return Err(BodyFault::TooLarge);
                }
                share.grow(all.len() + data.len()).await?;
                all.extend_from_slice(&data);
            }
            Ok(all.freeze())
        };
        tokio::time::timeout(limit, read)
            .await
            .unwrap_or(Err(BodyFault::TooSlow))
    }
}

/// A header as text, or `""`.
pub(crate) fn header_text<'h>(headers: &'h HeaderMap, name: &str) -> &'h str {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

/// The query string of a request, wherever it was put.
pub(crate) fn query_of(parts: &Parts) -> &str {
    match parts.uri.query() {
        Some(query) => query,
        None => header_text(&parts.headers, LONG_QUERY.as_str()),
    }
}

async fn multipart_pairs(content_type: &str, body: Bytes) -> Result<Vec<(String, String)>, Problem> {
    let wrong = |e: multer::Error| Problem::bad_data(format!("error parsing form values: {e}"));
    let boundary = multer::parse_boundary(content_type).map_err(wrong)?;
    let mut parts = multer::Multipart::with_reader(Cursor::new(body), boundary);
    let mut pairs = Vec::new();
    while let Some(field) = parts.next_field().await.map_err(wrong)? {
        let Some(name) = field.name().map(str::to_owned) else {
            continue;
        };
        pairs.push((name, field.text().await.map_err(wrong)?));
    }
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_body_takes_memory_as_it_comes() {
        let budget = Arc::new(Semaphore::new(256));
        let share = || Share {
            budget: Arc::clone(&budget),
            held: None,
            room: SMALL_BYTES,
        };
        let (mut one, mut two) = (share(), share());
        one.grow(SMALL_BYTES).await.unwrap();
        assert_eq!(budget.available_permits(), 256, "a small body takes nothing");
        one.grow(SMALL_BYTES + 1).await.unwrap();
        one.grow(2 * SMALL_BYTES).await.unwrap();
        assert_eq!(budget.available_permits(), 256 - 64);
        two.grow(4 * SMALL_BYTES).await.unwrap();
        assert_eq!(budget.available_permits(), 0);
        assert!(matches!(one.grow(5 * SMALL_BYTES).await, Err(BodyFault::Crowded)));
        drop(two);
        one.grow(3 * SMALL_BYTES).await.unwrap();
        assert_eq!(budget.available_permits(), 256 - 64 - 128);
        drop(one);
        assert_eq!(budget.available_permits(), 256);
    }
}
