//! `check healthy` and `check ready`: what a server says of itself.

use super::arguments::Given;
use super::client::Server;
use super::streams::{DONE, FAILED, Streams};
use hyper::Method;
use std::io;
use std::time::Duration;

/// Asks whether the server is healthy.
pub(super) fn healthy(given: &Given, streams: &mut Streams<'_>) -> io::Result<u8> {
    Ok(check(given, "/-/healthy", streams))
}

/// Asks whether the server is ready.
pub(super) fn ready(given: &Given, streams: &mut Streams<'_>) -> io::Result<u8> {
    Ok(check(given, "/-/ready", streams))
}

fn check(given: &Given, path: &str, streams: &mut Streams<'_>) -> u8 {
    let url = given.text("url");
    let asked = Server::new(url, &[], Duration::from_secs(10))
        .and_then(|server| server.ask(&Method::GET, path, None));
    match asked {
        Ok(answer) if answer.status == 200 => {
            // As promtool prints it: two blanks, and the body with its own line end.
            streams.complain(format!("  SUCCESS:  {}", String::from_utf8_lossy(&answer.body)));
            DONE
        }
        Ok(answer) => {
            streams.complain(format!("check failed: URL={url}, status={}", answer.status));
            FAILED
        }
        Err(fault) => {
            streams.complain(fault);
            FAILED
        }
    }
}
