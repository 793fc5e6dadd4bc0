//! `/api/v1/notifications`: what goes on, as a list and as a stream of events.

use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::{CACHE_CONTROL, HeaderValue};
use tokio::sync::mpsc;

use super::super::app::App;
use super::super::body::{Body, Reply, reply, reply_empty};
use super::super::call::Call;
use super::super::encode::json::write_value;
use super::super::notifications::{Listener, Notification, STOPPING};
use super::super::problem::Problem;
use super::data::value;

/// What goes on now.
pub(crate) async fn notifications(call: Call) -> Result<Reply, Problem> {
    note_stop(&call.app);
    Ok(value(&call.app.notifications.active()))
}

/// What goes on now and every change of it, until the client leaves or the server stops. When all places are taken
/// there is nothing to read: clients then ask for the list every 10 s.
pub(crate) async fn live(call: Call) -> Reply {
    let Some(listener) = call.app.notifications.listen() else {
        return reply_empty(StatusCode::NO_CONTENT);
    };
    let (sender, frames) = mpsc::channel(1);
    let app = std::sync::Arc::clone(&call.app);
    tokio::spawn(tell(app, listener, sender));
    let mut answer = reply(StatusCode::OK, "text/event-stream", Body::frames(frames));
    answer
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    answer
}

async fn tell(
    app: std::sync::Arc<App>,
    mut listener: Listener,
    sender: mpsc::Sender<std::io::Result<Bytes>>,
) {
    let mut stopping = app.stopping.clone();
    loop {
        let next = tokio::select! {
            next = listener.next() => next,
            () = stopping.stopped() => break,
            () = sender.closed() => return,
        };
        let Some(notification) = next else { return };
        if sender.send(Ok(event(&notification))).await.is_err() {
            return;
        }
    }
    note_stop(&app);
    if let Some(last) = app.notifications.active().iter().find(|n| n.text == STOPPING) {
        // The client may have left.
        let _ = sender.send(Ok(event(last))).await;
    }
}

/// The stop is noted by whoever looks first: the word to stop is given elsewhere.
fn note_stop(app: &App) {
    let known = || app.notifications.active().iter().any(|n| n.text == STOPPING);
    if app.stopping.is_stopped() && !known() {
        app.notifications.begin(STOPPING);
    }
}

fn event(notification: &Notification) -> Bytes {
    let mut out = b"data: ".to_vec();
    write_value(&mut out, notification);
    out.extend_from_slice(b"\n\n");
    out.into()
}
