//! Accepts connections, at most so many at once, and answers what they ask until the server stops.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;

use super::app::App;
use super::request_line::HEAD_BYTES;
use super::router;
use super::stream::ClientStream;
use crate::shutdown::Shutdown;

/// hyper refuses a longer request head with 431. A little less than what the stream holds back, so that a head that
/// passes there unchanged is refused here at once.
const HYPER_HEAD_BYTES: usize = HEAD_BYTES - 4096;
/// How many header fields a request may have.
const MOST_HEADERS: usize = 256;
/// How long answers in progress may take once the server stops.
const GRACE: Duration = Duration::from_secs(10);
/// Pause after the operating system refused a connection, as it does when it has no file descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Answers on `listeners` until `shutdown`; then lets the answers in progress end, but not for long.
pub async fn serve(listeners: Vec<TcpListener>, app: Arc<App>, shutdown: Shutdown) {
    let places = Arc::new(Semaphore::new(
        app.options.max_connections.clamp(1, Semaphore::MAX_PERMITS),
    ));
    let mut accepting = JoinSet::new();
    for listener in listeners {
        accepting.spawn(accept(
            listener,
            Arc::clone(&app),
            Arc::clone(&places),
            shutdown.clone(),
        ));
    }
    while accepting.join_next().await.is_some() {}
}

async fn accept(listener: TcpListener, app: Arc<App>, places: Arc<Semaphore>, shutdown: Shutdown) {
    let mut connections = JoinSet::new();
    let mut stop = shutdown.clone();
    loop {
        let next = tokio::select! {
            next = next_connection(&listener, &places) => next,
            () = stop.stopped() => break,
        };
        if let Some((stream, place)) = next {
            connections.spawn(connection(stream, Arc::clone(&app), shutdown.clone(), place));
        }
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    let ended = async { while connections.join_next().await.is_some() {} };
    // What is not done by then is cut off when the set is dropped.
    let _ = tokio::time::timeout(GRACE, ended).await;
}

/// The next connection, once there is a place for it.
async fn next_connection(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => Some((stream, place)),
        Err(error) => {
            tracing::warn!(%error, "a connection could not be accepted");
            tokio::time::sleep(ACCEPT_PAUSE).await;
            None
        }
    }
}

async fn connection(stream: TcpStream, app: Arc<App>, mut shutdown: Shutdown, _place: OwnedSemaphorePermit) {
    // Answers are written in large pieces: waiting for more to send with them only delays the last one.
    let _ = stream.set_nodelay(true);
    let timeout = app.options.read_timeout;
    let io = TokioIo::new(ClientStream::new(stream, timeout));
    let service = service_fn(move |request| {
        let app = Arc::clone(&app);
        async move { Ok::<_, Infallible>(router::answer(app, request).await) }
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(timeout)
        .max_buf_size(HYPER_HEAD_BYTES)
        .max_headers(MOST_HEADERS)
        .serve_connection(io, service);
    tokio::pin!(serving);
    let ended = tokio::select! {
        ended = serving.as_mut() => ended,
        () = shutdown.stopped() => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection broke off");
    }
}
