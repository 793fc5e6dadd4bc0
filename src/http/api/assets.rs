//! `/user/*`: files of the folder that `--web.user-assets` names.

use std::path::{Component, Path};

use hyper::StatusCode;

use super::super::body::{Body, Reply, reply, reply_error};
use super::super::call::Call;
use super::super::form::unescape_segment;
use super::super::router::not_found;

/// A file above this size is no asset of a page.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// A file, if there is one of that name. There are no lists of folders.
pub(crate) async fn asset(call: Call) -> Reply {
    let folder = call.app.options.user_assets.clone();
    let Some(name) = unescape_segment(call.capture()) else {
        return not_found();
    };
    let plain = Path::new(&name)
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    if folder.as_os_str().is_empty() || name.is_empty() || !plain {
        return not_found();
    }
    let path = folder.join(&name);
    match tokio::fs::metadata(&path).await {
        Ok(meta) if meta.is_file() && meta.len() <= FILE_BYTES_MAX => {}
        Ok(meta) if meta.is_file() => {
            let text = format!("the file is larger than {} MiB", FILE_BYTES_MAX >> 20);
            return reply_error(StatusCode::INTERNAL_SERVER_ERROR, &text);
        }
        _ => return not_found(),
    }
    match tokio::fs::read(&path).await {
        Ok(bytes) => reply(StatusCode::OK, content_type(&path), Body::whole(bytes)),
        Err(_) => not_found(),
    }
}

fn content_type(path: &Path) -> &'static str {
    match path.extension().and_then(|e| e.to_str()).unwrap_or_default() {
        "css" => "text/css; charset=utf-8",
        "gif" => "image/gif",
        "htm" | "html" => "text/html; charset=utf-8",
        "ico" => "image/x-icon",
        "jpeg" | "jpg" => "image/jpeg",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "json" => "application/json",
        "png" => "image/png",
        "svg" => "image/svg+xml",
        "txt" => "text/plain; charset=utf-8",
        "woff2" => "font/woff2",
        _ => "application/octet-stream",
    }
}
