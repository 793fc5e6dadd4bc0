//! Bodies of answers: whole with a bound, or line by line as they arrive.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Body, Incoming};

use crate::client::error_text;

/// Bytes that an event may have: several times what the API takes for an object.
const LINE_BYTES_MAX: usize = 16 << 20;

/// Bytes that a page of a list may have.
const PAGE_BYTES_MAX: usize = 256 << 20;

/// Lines of a body.
#[derive(Debug)]
pub(super) struct Lines<B = Incoming> {
    body: B,
    held: Vec<u8>,
    /// Bytes of `held` that hold no line's end, as far as was looked.
    looked: usize,
}

impl<B: Body<Data = Bytes, Error = hyper::Error> + Unpin> Lines<B> {
    pub(super) fn new(body: B) -> Self {
        Self {
            body,
            held: Vec::new(),
            looked: 0,
        }
    }

    /// The next line without its end; none at the end of the body. What stands after the last line's end is no line.
    ///
    /// # Errors
    /// When the connection fails, or a line is too long.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<u8>>, String> {
        loop {
            if let Some(at) = self.held[self.looked..].iter().position(|byte| *byte == b'\n') {
                let rest = self.held.split_off(self.looked + at + 1);
                let mut line = std::mem::replace(&mut self.held, rest);
                line.pop();
                self.looked = 0;
                return Ok(Some(line));
            }
            self.looked = self.held.len();
            if self.held.len() > LINE_BYTES_MAX {
                return Err(format!("an event has more than {LINE_BYTES_MAX} bytes"));
            }
            match self.body.frame().await {
                None => return Ok(None),
                Some(Err(error)) => return Err(error_text(&error)),
                Some(Ok(frame)) => {
                    if let Some(data) = frame.data_ref() {
                        self.held.extend_from_slice(data);
                    }
                }
            }
        }
    }
}

/// A whole body; `quiet` is how long may pass between two parts.
///
/// # Errors
/// When the connection fails or falls silent, or the body is too long.
pub(super) async fn whole(mut body: Incoming, quiet: Duration) -> Result<Vec<u8>, String> {
    let mut held = Vec::new();
    loop {
        match tokio::time::timeout(quiet, body.frame()).await {
            Err(_) => return Err("the answer stopped halfway".to_owned()),
            Ok(None) => return Ok(held),
            Ok(Some(Err(error))) => return Err(error_text(&error)),
            Ok(Some(Ok(frame))) => {
                if let Some(data) = frame.data_ref() {
                    held.extend_from_slice(data);
                }
            }
        }
        if held.len() > PAGE_BYTES_MAX {
            return Err(format!("the list has more than {PAGE_BYTES_MAX} bytes a page"));
        }
    }
}
