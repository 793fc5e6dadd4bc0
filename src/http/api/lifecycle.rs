//! `/-/healthy`, `/-/ready`, `/-/reload`, `/-/quit`.

use hyper::{Method, StatusCode};
use tokio::sync::oneshot;

use super::super::body::{Reply, reply_error, reply_text};
use super::super::call::Call;
use super::super::router::not_ready;

/// The process lives, also while the store is being opened.
pub(crate) async fn healthy(_: Call) -> Reply {
    reply_text(StatusCode::OK, "Prometheus Server is Healthy.\n")
}

/// The server answers queries.
pub(crate) async fn ready(call: Call) -> Reply {
    if call.app.is_ready() {
        reply_text(StatusCode::OK, "Prometheus Server is Ready.\n")
    } else {
        not_ready(&call.app)
    }
}

/// Reads the configuration again.
pub(crate) async fn reload(call: Call) -> Reply {
    if let Some(refusal) = refused(&call) {
        return refusal;
    }
    let (answer, answered) = oneshot::channel();
    let failed = |reason: &str| {
        reply_error(
            StatusCode::INTERNAL_SERVER_ERROR,
            &format!("failed to reload config: {reason}"),
        )
    };
    if call.app.reload.send(answer).await.is_err() {
        return failed("the server is stopping");
    }
    match answered.await {
        Ok(Ok(())) => reply_text(StatusCode::OK, ""),
        Ok(Err(reason)) => failed(&reason),
        Err(_) => failed("the server is stopping"),
    }
}

/// Stops the server.
pub(crate) async fn quit(call: Call) -> Reply {
    if let Some(refusal) = refused(&call) {
        return refusal;
    }
    if call.app.quit.stop() {
        reply_text(StatusCode::OK, "Requesting termination... Goodbye!")
    } else {
        reply_text(StatusCode::OK, "Termination already in progress.")
    }
}

fn refused(call: &Call) -> Option<Reply> {
    if ![Method::POST, Method::PUT].contains(call.method()) {
        return Some(reply_text(
            StatusCode::METHOD_NOT_ALLOWED,
            "Only POST or PUT requests allowed",
        ));
    }
    (!call.app.options.enable_lifecycle)
        .then(|| reply_error(StatusCode::FORBIDDEN, "Lifecycle API is not enabled."))
}
