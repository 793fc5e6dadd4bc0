//! A limit to how long a connection may take, TLS included.

use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::Uri;
use tower::Service;

use super::dial::DialError;

/// Makes connections as `S` does, and gives up after a while.
#[derive(Debug, Clone)]
pub(super) struct Patient<S> {
    inner: S,
    timeout: Option<Duration>,
}

type BoxError = Box<dyn Error + Send + Sync>;

impl<S> Patient<S> {
    pub(super) fn new(inner: S, timeout: Option<Duration>) -> Self {
        Self { inner, timeout }
    }
}

impl<S> Service<Uri> for Patient<S>
where
    S: Service<Uri, Error = BoxError>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connected = self.inner.call(uri);
        let Some(timeout) = self.timeout else {
            return Box::pin(connected);
        };
        Box::pin(async move {
            match tokio::time::timeout(timeout, connected).await {
                Ok(connected) => connected,
                Err(_) => Err(DialError::new("dial tcp: i/o timeout").into()),
            }
        })
    }
}
