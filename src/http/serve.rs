//! Accepts connections, at most so many at once, and answers what they ask until the server stops.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::activity::{Activity, Followed};
use super::app::App;
use super::body::Reply;
use super::guard::WebFile;
use super::request_line::HEAD_BYTES;
use super::router;
use super::stream::ClientStream;
use crate::shutdown::Shutdown;

/// hyper refuses a longer request head with 431. A little less than what the stream holds back, so that a head that
/// passes there unchanged is refused here at once.
const HYPER_HEAD_BYTES: usize = HEAD_BYTES - 4096;
/// How many header fields a request may have.
const MOST_HEADERS: usize = 256;
/// How many requests an HTTP/2 connection may have under way, and how long their heads may be: a URI longer than 64 KiB
/// cannot be held anyway, and one connection must not hold hundreds of long ones.
const MOST_STREAMS: u32 = 128;
const HTTP2_HEAD_BYTES: u32 = 96 * 1024;
/// How long answers in progress may take once the server stops.
const GRACE: Duration = Duration::from_secs(10);
/// How long a connection on which nobody asks may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(1);
/// Pause after the operating system refused a connection, as it does when it has no file descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// What a client hears that speaks plain HTTP to a port with TLS.
const NO_TLS: &[u8] = b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";

/// What every connection needs.
struct House {
    app: Arc<App>,
    door: Arc<WebFile>,
}

/// Answers on `listeners` until `shutdown`; then lets the answers in progress end, but not for long. `door` says who
/// is let in and whether connections are encrypted.
pub async fn serve(listeners: Vec<TcpListener>, app: Arc<App>, door: Arc<WebFile>, shutdown: Shutdown) {
    let places = Arc::new(Semaphore::new(
        app.options.max_connections.clamp(1, Semaphore::MAX_PERMITS),
    ));
    let house = Arc::new(House { app, door });
    let mut accepting = JoinSet::new();
    for listener in listeners {
        accepting.spawn(accept(
            listener,
            Arc::clone(&house),
            Arc::clone(&places),
            shutdown.clone(),
        ));
    }
    while accepting.join_next().await.is_some() {}
}

async fn accept(listener: TcpListener, house: Arc<House>, places: Arc<Semaphore>, shutdown: Shutdown) {
    let mut connections = JoinSet::new();
    let mut stop = shutdown.clone();
    loop {
        let next = tokio::select! {
            next = next_connection(&listener, &places) => next,
            () = stop.stopped() => break,
        };
        if let Some((stream, place)) = next {
            connections.spawn(connection(stream, Arc::clone(&house), shutdown.clone(), place));
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

/// Counts a connection as long as it is open.
struct Open(Arc<App>);

impl Open {
    fn new(app: &Arc<App>) -> Self {
        app.metrics.accepted.inc();
        Self(Arc::clone(app))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.metrics.closed.inc();
    }
}

async fn connection(
    stream: TcpStream,
    house: Arc<House>,
    mut shutdown: Shutdown,
    _place: OwnedSemaphorePermit,
) {
    // Answers are written in large pieces: waiting for more to send with them only delays the last one.
    let _ = stream.set_nodelay(true);
    let _open = Open::new(&house.app);
    let ended = if house.door.speaks_tls() {
        let shaken = tokio::select! {
            shaken = shake_hands(stream, &house) => shaken,
            () = shutdown.stopped() => return,
        };
        match shaken {
            Ok(stream) if stream.get_ref().1.alpn_protocol() == Some(b"h2") => {
                speak_http2(stream, house, shutdown).await
            }
            Ok(stream) => speak_http1(stream, house, shutdown).await,
            Err(error) => Err(error),
        }
    } else {
        speak_http1(stream, house, shutdown).await
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection broke off");
    }
}

type Fault = Box<dyn std::error::Error + Send + Sync>;

/// TLS with the certificate as it is now.
async fn shake_hands(mut stream: TcpStream, house: &House) -> Result<TlsStream<TcpStream>, Fault> {
    let limit = house.app.options.read_timeout;
    let mut first = [0];
    tokio::time::timeout(limit, stream.peek(&mut first)).await??;
    // A handshake begins with 22; the name of a method with a capital letter.
    if first.first().is_some_and(u8::is_ascii_uppercase) {
        tokio::time::timeout(limit, stream.write_all(NO_TLS)).await??;
        stream.shutdown().await?;
        // What the client still sends is read away: a socket that is closed before would take the answer back.
        let mut rest = [0; 4096];
        let drain = async { while stream.read(&mut rest).await.is_ok_and(|n| n > 0) {} };
        let _ = tokio::time::timeout(GOODBYE, drain).await;
        return Err("the client does not speak TLS".into());
    }
    let rules = house.door.rules()?;
    let tls = rules
        .tls
        .clone()
        .ok_or("TLS is no longer in the web configuration file")?;
    Ok(tokio::time::timeout(limit, TlsAcceptor::from(tls).accept(stream)).await??)
}

async fn speak_http1<S>(stream: S, house: Arc<House>, mut shutdown: Shutdown) -> Result<(), Fault>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let timeout = house.app.options.read_timeout;
    let io = TokioIo::new(ClientStream::new(stream, timeout));
    let service = service_fn(move |request| {
        let house = Arc::clone(&house);
        async move { Ok::<_, Infallible>(answer(&house, request).await) }
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(timeout)
        .max_buf_size(HYPER_HEAD_BYTES)
        .max_headers(MOST_HEADERS)
        .serve_connection(io, service);
    tokio::pin!(serving);
    tokio::select! {
        ended = serving.as_mut() => Ok(ended?),
        () = shutdown.stopped() => {
            serving.as_mut().graceful_shutdown();
            Ok(serving.await?)
        }
    }
}

async fn speak_http2(
    stream: TlsStream<TcpStream>,
    house: Arc<House>,
    mut shutdown: Shutdown,
) -> Result<(), Fault> {
    let timeout = house.app.options.read_timeout;
    let activity = Activity::new();
    let followed = Arc::clone(&activity);
    let service = service_fn(move |request| {
        let (house, ticket) = (Arc::clone(&house), followed.begin());
        async move {
            let reply = answer(&house, request).await;
            let reply: Response<Followed> = reply.map(|body| Followed::new(body, ticket));
            Ok::<_, Infallible>(reply)
        }
    });
    let serving = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .max_concurrent_streams(MOST_STREAMS)
        .max_header_list_size(HTTP2_HEAD_BYTES)
        .keep_alive_interval(timeout)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(serving);
    let mut look = tokio::time::interval((timeout / 4).max(Duration::from_millis(10)));
    loop {
        tokio::select! {
            ended = serving.as_mut() => return Ok(ended?),
            () = shutdown.stopped() => {
                serving.as_mut().graceful_shutdown();
                return Ok(serving.await?);
            }
            _ = look.tick() => if activity.stands_still(timeout) {
                serving.as_mut().graceful_shutdown();
                return Ok(tokio::time::timeout(GOODBYE, serving).await??);
            },
        }
    }
}

/// Lets a request in, or not, and answers it.
async fn answer(house: &House, request: Request<Incoming>) -> Reply {
    let headers = match house.door.admit(request.headers()).await {
        Ok(headers) => headers,
        Err(refusal) => return refusal,
    };
    let mut reply = router::answer(Arc::clone(&house.app), request).await;
    for (name, value) in headers {
        reply.headers_mut().entry(name).or_insert(value);
    }
    reply
}
