//! From a request to its handler and back: paths, methods, readiness, and what is done to every answer.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::header::{self, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, Request, StatusCode};

use super::app::App;
use super::body::{Body, Reply, redirect, reply_empty, reply_error};
use super::call::{Call, header_text, query_of};
use super::compress::{Compressor, negotiate};
use super::cors;
use super::paths::{Match, clean, find};
use super::routes::{Needs, Route};

/// A handler's answer in the making.
pub(crate) type Answering = Pin<Box<dyn Future<Output = Reply> + Send>>;

/// Where the API lives.
const API: &str = "/api/v1/";

/// Answers one request.
pub(crate) async fn answer(app: Arc<App>, request: Request<Incoming>) -> Reply {
    let begun = app.clock.monotonic();
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    if let Some(cleaned) = clean(&path) {
        return redirect(StatusCode::TEMPORARY_REDIRECT, &with_query(&cleaned, &parts));
    }
    let Some(path) = strip_prefix(&path, app.options.prefix()) else {
        return outside_prefix(&app, &path);
    };
    let origin = parts.headers.get(header::ORIGIN).cloned();
    let (mut reply, route) = match find(path, &parts.method) {
        Match::Route(route, captures) => {
            let offered = header_text(&parts.headers, header::ACCEPT_ENCODING.as_str()).to_owned();
            let reply = run(&app, route, parts, body, captures).await;
            (finish(reply, route, &offered), Some(route))
        }
        Match::Options(route) if route.pattern.starts_with(API) => {
            (reply_empty(StatusCode::NO_CONTENT), None)
        }
        Match::Options(route) => (allow(reply_empty(StatusCode::OK), route), None),
        Match::WrongMethod(route) => (
            allow(
                reply_error(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed"),
                route,
            ),
            None,
        ),
        Match::OtherSlash(path) => {
            let status = match parts.method {
                Method::GET => StatusCode::MOVED_PERMANENTLY,
                _ => StatusCode::TEMPORARY_REDIRECT,
            };
            let path = format!("{}{path}", app.options.external_path());
            (redirect(status, &with_query(&path, &parts)), None)
        }
        Match::Nothing if parts.method == Method::OPTIONS && path.starts_with(API) => {
            (reply_empty(StatusCode::NO_CONTENT), None)
        }
        Match::Nothing => (not_found(), None),
    };
    if path.starts_with(API) {
        cors::set_headers(reply.headers_mut(), &app.options.cors_origin, origin.as_ref());
    }
    if let Some(route) = route {
        let took = app.clock.elapsed(begun);
        app.metrics.count(route.pattern, reply.status().as_u16(), took);
        let meter = app.metrics.sizes.with(&[route.pattern]);
        reply = reply.map(|body| body.metered(meter));
    }
    reply
}

async fn run(app: &Arc<App>, route: &Route, parts: Parts, body: Incoming, captures: Vec<String>) -> Reply {
    if route.needs == Needs::Ready && !app.is_ready() {
        return not_ready(app);
    }
    (route.handler)(Call::new(Arc::clone(app), parts, body, captures)).await
}

/// "Try again later": the store is being opened, or the server stops.
pub(crate) fn not_ready(app: &App) -> Reply {
    let mut reply = reply_error(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable");
    let stopping = if app.stopping.is_stopped() {
        "true"
    } else {
        "false"
    };
    reply
        .headers_mut()
        .insert("x-prometheus-stopping", HeaderValue::from_static(stopping));
    reply
}

/// The text of an unknown path.
pub(crate) fn not_found() -> Reply {
    reply_error(StatusCode::NOT_FOUND, "404 page not found")
}

/// Compresses answers of the API and of federation, if the client can read that.
fn finish(mut reply: Reply, route: &Route, offered: &str) -> Reply {
    if !route.compresses() {
        return reply;
    }
    reply
        .headers_mut()
        .append(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    let empty = hyper::body::Body::is_end_stream(reply.body());
    if empty || reply.headers().contains_key(header::CONTENT_ENCODING) {
        return reply;
    }
    match negotiate(offered) {
        Some(name) => {
            reply
                .headers_mut()
                .insert(header::CONTENT_ENCODING, HeaderValue::from_static(name));
            reply.map(|body: Body| body.compressed(Compressor::new(name)))
        }
        None => reply,
    }
}

fn allow(mut reply: Reply, route: &Route) -> Reply {
    let mut methods: Vec<&str> = route.methods.to_vec();
    methods.push("OPTIONS");
    methods.sort_unstable();
    if let Ok(value) = HeaderValue::from_str(&methods.join(", ")) {
        reply.headers_mut().insert(header::ALLOW, value);
    }
    reply
}

fn strip_prefix<'p>(path: &'p str, prefix: &str) -> Option<&'p str> {
    let rest = path.strip_prefix(prefix)?;
    match rest {
        "" => Some("/"),
        rest => rest.starts_with('/').then_some(rest),
    }
}

/// With a prefix, the bare root leads to it and everything else is unknown.
fn outside_prefix(app: &App, path: &str) -> Reply {
    match path {
        "/" => redirect(StatusCode::FOUND, &format!("{}/", app.options.prefix())),
        _ => not_found(),
    }
}

fn with_query(path: &str, parts: &Parts) -> String {
    match query_of(parts) {
        "" => path.to_owned(),
        query => format!("{path}?{query}"),
    }
}
