//! Bodies of answers: whole, or written piece by piece as the client reads; compressed on the way if asked.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use hyper::header::{CONTENT_TYPE, HeaderValue, LOCATION};
use hyper::{Response, StatusCode};

use tokio::sync::mpsc;

use super::compress::Compressor;
use super::encode::chunks::{CHUNK_BYTES, Chunks};
use crate::telemetry::metrics::Histogram;

/// An answer.
pub(crate) type Reply = Response<Body>;

/// The body of an answer.
pub(crate) struct Body {
    source: Source,
    compressor: Option<Compressor>,
    sent: u64,
    meter: Option<Histogram>,
}

enum Source {
    Whole(Bytes),
    Pieces(Box<dyn Chunks>),
    Frames(mpsc::Receiver<io::Result<Bytes>>),
    End,
}

impl Body {
    /// No body.
    pub(crate) fn empty() -> Self {
        Self::whole(Bytes::new())
    }

    /// A body that is there already.
    pub(crate) fn whole(bytes: impl Into<Bytes>) -> Self {
        Self::from_source(Source::Whole(bytes.into()))
    }

    /// A body that is written as it is read. If it fits into one piece it is written at once, and its length is known.
    pub(crate) fn pieces(mut chunks: Box<dyn Chunks>) -> Self {
        let mut first = Vec::with_capacity(4096);
        if chunks.fill(&mut first) {
            Self::from_source(Source::Pieces(Box::new(Ahead { first, rest: chunks })))
        } else {
            Self::whole(first)
        }
    }

    /// A body whose pieces come from another thread; an error among them breaks the answer off, so that the client
    /// does not take it for whole.
    pub(crate) fn frames(frames: mpsc::Receiver<io::Result<Bytes>>) -> Self {
        Self::from_source(Source::Frames(frames))
    }

    fn from_source(source: Source) -> Self {
        Self {
            source,
            compressor: None,
            sent: 0,
            meter: None,
        }
    }

    /// Compresses what follows.
    pub(crate) fn compressed(mut self, mut compressor: Compressor) -> Self {
        self.source = match std::mem::replace(&mut self.source, Source::End) {
            Source::Whole(bytes) if bytes.is_empty() => Source::Whole(bytes),
            Source::Whole(bytes) => Source::Whole(compressor.last(&bytes).into()),
            pieces => {
                self.compressor = Some(compressor);
                pieces
            }
        };
        self
    }

    /// Counts the bytes sent once the body ends, however it ends.
    pub(crate) fn metered(mut self, meter: Histogram) -> Self {
        self.meter = Some(meter);
        self
    }

    fn next(&mut self) -> Option<Bytes> {
        match std::mem::replace(&mut self.source, Source::End) {
            Source::End | Source::Frames(_) => None,
            Source::Whole(bytes) => (!bytes.is_empty()).then_some(bytes),
            Source::Pieces(mut chunks) => {
                let mut piece = Vec::with_capacity(CHUNK_BYTES + CHUNK_BYTES / 8);
                loop {
                    let more = chunks.fill(&mut piece);
                    if let Some(compressor) = &mut self.compressor {
                        piece = if more {
                            compressor.more(&piece)
                        } else {
                            compressor.last(&piece)
                        };
                    }
                    if !more {
                        return (!piece.is_empty()).then(|| piece.into());
                    }
                    // A compressor may keep what it was given for later.
                    if !piece.is_empty() {
                        self.source = Source::Pieces(chunks);
                        return Some(piece.into());
                    }
                }
            }
        }
    }
}

/// A body whose first piece has been written already.
struct Ahead {
    first: Vec<u8>,
    rest: Box<dyn Chunks>,
}

impl Chunks for Ahead {
    fn fill(&mut self, out: &mut Vec<u8>) -> bool {
        if self.first.is_empty() {
            return self.rest.fill(out);
        }
        out.append(&mut self.first);
        true
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let piece = match &mut self.source {
            Source::Frames(frames) => ready!(frames.poll_recv(cx)).transpose()?,
            _ => self.next(),
        };
        if let Some(piece) = &piece {
            self.sent += piece.len() as u64;
        }
        Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::End => true,
            Source::Whole(bytes) => bytes.is_empty(),
            Source::Pieces(_) | Source::Frames(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::End => SizeHint::with_exact(0),
            Source::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Source::Pieces(_) | Source::Frames(_) => SizeHint::default(),
        }
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        if let Some(meter) = &self.meter {
            meter.observe(self.sent as f64);
        }
    }
}

/// An answer of this type.
pub(crate) fn reply(status: StatusCode, content_type: &'static str, body: Body) -> Reply {
    let mut reply = Response::new(body);
    *reply.status_mut() = status;
    reply
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    reply
}

/// JSON that is there already.
pub(crate) fn reply_json(status: StatusCode, body: Vec<u8>) -> Reply {
    reply(status, "application/json", Body::whole(body))
}

/// Plain text.
pub(crate) fn reply_text(status: StatusCode, text: impl Into<Bytes>) -> Reply {
    reply(status, "text/plain; charset=utf-8", Body::whole(text))
}

/// An error in plain text, as Go's `http.Error` writes it.
pub(crate) fn reply_error(status: StatusCode, text: &str) -> Reply {
    let mut reply = reply_text(status, format!("{text}\n"));
    reply.headers_mut().insert(
        hyper::header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    reply
}

/// An answer without a body.
pub(crate) fn reply_empty(status: StatusCode) -> Reply {
    let mut reply = Response::new(Body::empty());
    *reply.status_mut() = status;
    reply
}

/// "Look there instead."
pub(crate) fn redirect(status: StatusCode, location: &str) -> Reply {
    match HeaderValue::from_str(location) {
        Ok(value) => {
            let mut reply = reply_empty(status);
            reply.headers_mut().insert(LOCATION, value);
            reply
        }
        Err(_) => reply_error(
            StatusCode::BAD_REQUEST,
            "the path holds characters that cannot be redirected to",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::encode::chunks::List;
    use super::super::encode::number::write_integer;
    use super::*;

    #[test]
    fn small_bodies_have_a_length_and_long_ones_come_in_pieces() {
        let small = Body::pieces(Box::new(List::new(0..3, write_integer)));
        assert_eq!(small.size_hint().exact(), Some(7));
        let mut long = Body::pieces(Box::new(List::new(0..100_000, write_integer)));
        assert_eq!(long.size_hint().exact(), None);
        let mut all = Vec::new();
        while let Some(piece) = long.next() {
            assert!(piece.len() < 2 * CHUNK_BYTES);
            all.extend_from_slice(&piece);
        }
        assert!(all.starts_with(b"[0,1,2") && all.ends_with(b",99999]"));
    }
}
