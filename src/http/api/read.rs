//! `/api/v1/read`: series for other servers, by the remote read protocol.

use hyper::StatusCode;
use hyper::header::{CONTENT_ENCODING, HeaderValue};

use super::super::body::{Body, Reply, reply, reply_error};
use super::super::call::{BodyFault, Call};
use super::super::problem::Problem;
use super::super::read::{Answer, ReadFault};
use super::data::store;

const SAMPLES: &str = "application/x-protobuf";
const STREAM: &str = "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse";
/// Largest request as it is sent.
const PACKED_BYTES: usize = 32 << 20;

/// Answers.
pub(crate) async fn read(mut call: Call) -> Result<Reply, Problem> {
    let store = store(&call.app)?;
    let packed = match call.bytes(PACKED_BYTES).await {
        Ok(packed) => packed,
        Err(fault) => {
            let status = match fault {
                BodyFault::Crowded => StatusCode::SERVICE_UNAVAILABLE,
                BodyFault::TooSlow => StatusCode::REQUEST_TIMEOUT,
                BodyFault::TooLarge | BodyFault::Broken => StatusCode::BAD_REQUEST,
            };
            return Ok(reply_error(status, &fault.to_string()));
        }
    };
    let external = call.app.loaded().config.global.external_labels.clone();
    Ok(match call.app.read.answer(packed, store, external).await {
        Ok(Answer::Samples(bytes)) => {
            let mut reply = reply(StatusCode::OK, SAMPLES, Body::whole(bytes));
            reply
                .headers_mut()
                .insert(CONTENT_ENCODING, HeaderValue::from_static("snappy"));
            reply
        }
        Ok(Answer::Frames(frames)) => reply(StatusCode::OK, STREAM, Body::frames(frames)),
        Err(fault @ ReadFault::Request(_)) => reply_error(StatusCode::BAD_REQUEST, &fault.to_string()),
        Err(fault @ ReadFault::Store(_)) => {
            reply_error(StatusCode::INTERNAL_SERVER_ERROR, &fault.to_string())
        }
    })
}
