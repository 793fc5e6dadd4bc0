//! Whether an HTTP/2 connection gets on: answers that nobody reads, and connections on which nobody asks.
//!
//! Over HTTP/1 the socket tells: a client that does not read lets it stand still. Over HTTP/2 a client may hold back a
//! single stream, and keep its answer in memory for as long as it likes.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use parking_lot::Mutex;
use tokio::time::Instant;

use super::body::Body;

/// The requests of one connection.
#[derive(Debug)]
pub(crate) struct Activity(Mutex<State>);

#[derive(Debug)]
struct State {
    next: u64,
    /// When the client was last given a piece of an answer that it has not asked on for; None while it waits for us.
    unread: HashMap<u64, Option<Instant>>,
    idle_since: Instant,
}

/// One request of a connection; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Ticket {
    activity: Arc<Activity>,
    number: u64,
}

impl Activity {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(State {
            next: 0,
            unread: HashMap::new(),
            idle_since: Instant::now(),
        })))
    }

    /// A request begins.
    pub(crate) fn begin(self: &Arc<Self>) -> Ticket {
        let mut state = self.0.lock();
        state.next += 1;
        let number = state.next;
        state.unread.insert(number, None);
        Ticket {
            activity: Arc::clone(self),
            number,
        }
    }

    /// Whether an answer has not been read for `limit`, or nothing was asked for that long.
    pub(crate) fn stands_still(&self, limit: Duration) -> bool {
        let state = self.0.lock();
        if state.unread.is_empty() {
            return state.idle_since.elapsed() >= limit;
        }
        let mut since = state.unread.values().flatten();
        since.any(|since| since.elapsed() >= limit)
    }
}

impl Ticket {
    fn set(&self, since: Option<Instant>) {
        self.activity.0.lock().unread.insert(self.number, since);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut state = self.activity.0.lock();
        state.unread.remove(&self.number);
        state.idle_since = Instant::now();
    }
}

/// An answer whose reading is followed.
pub(crate) struct Followed {
    body: Body,
    ticket: Ticket,
}

impl Followed {
    pub(crate) fn new(body: Body, ticket: Ticket) -> Self {
        Self { body, ticket }
    }
}

impl HttpBody for Followed {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        let given = matches!(polled, Poll::Ready(Some(_)));
        self.ticket.set(given.then(Instant::now));
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_is_not_read_or_not_asked_stands_still() {
        let limit = Duration::from_secs(10);
        let wait = || tokio::time::advance(limit);
        let activity = Activity::new();
        assert!(!activity.stands_still(limit));
        wait().await;
        assert!(activity.stands_still(limit), "nobody asked");
        let mut body = Followed::new(Body::whole("x"), activity.begin());
        wait().await;
        assert!(!activity.stands_still(limit), "the client waits for us");
        assert!(body.frame().await.is_some());
        assert!(!activity.stands_still(limit));
        wait().await;
        assert!(activity.stands_still(limit), "the client does not read on");
        assert!(body.frame().await.is_none());
        assert!(!activity.stands_still(limit));
        drop(body);
        assert!(!activity.stands_still(limit), "it may ask again");
    }
}
