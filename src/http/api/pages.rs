//! The page for people, and the old addresses that lead to it.

use hyper::StatusCode;

use super::super::body::{Body, Reply, redirect, reply};
use super::super::call::Call;

const PAGE: &str = include_str!("../page.html");

/// `/` and `/graph`: to `/query`, with everything behind the question mark.
pub(crate) async fn to_query(call: Call) -> Reply {
    let path = call.app.options.external_path();
    let location = match call.query() {
        "" => format!("{path}/query"),
        query => format!("{path}/query?{query}"),
    };
    redirect(StatusCode::FOUND, &location)
}

/// One page for all addresses; its script shows the part that the address names.
pub(crate) async fn page(call: Call) -> Reply {
    let title = call
        .app
        .options
        .page_title
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    reply(
        StatusCode::OK,
        "text/html; charset=utf-8",
        Body::whole(PAGE.replace("{{title}}", &title)),
    )
}
