//! `/api/v1/write`: samples pushed to us with the remote write protocol, version 1.0.

use hyper::StatusCode;
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE};
use narthex_tsdb::Error;

use super::super::body::{Reply, reply_empty, reply_error};
use super::super::call::{BodyFault, Call};
use super::super::problem::Problem;
use super::super::write::{PACKED_BYTES, WriteFault};
use super::data::store;

const DISABLED: &str = "remote write receiver needs to be enabled with --web.enable-remote-write-receiver";
const V2: &str = "io.prometheus.write.v2.Request";

/// Answers.
pub(crate) async fn write(mut call: Call) -> Result<Reply, Problem> {
    if !call.app.options.enable_remote_write_receiver {
        return Ok(reply_error(StatusCode::NOT_FOUND, DISABLED));
    }
    if is_v2(call.header(CONTENT_TYPE.as_str())) {
        return Ok(reply_error(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            &format!(
                "{V2} protobuf message is not accepted by this server; only accepts prometheus.WriteRequest"
            ),
        ));
    }
    let encoding = call.header(CONTENT_ENCODING.as_str());
    if !["", "snappy"].contains(&encoding) {
        let text = format!(
            "{encoding} encoding (compression) is not accepted by this server; only snappy is acceptable"
        );
        return Ok(reply_error(StatusCode::UNSUPPORTED_MEDIA_TYPE, &text));
    }
    let store = store(&call.app)?;
    let app = std::sync::Arc::clone(&call.app);
    let packed = match call.bytes(PACKED_BYTES).await {
        Ok(packed) => packed,
        Err(fault) => return Ok(reply_error(unread(&fault), &fault.to_string())),
    };
    let taken = app.write.take(packed, store, app.clock.now_ms()).await;
    Ok(match taken {
        Ok(()) => reply_empty(StatusCode::NO_CONTENT),
        Err(fault) => reply_error(refusal(&fault), &fault.to_string()),
    })
}

fn is_v2(content_type: &str) -> bool {
    content_type.split(';').skip(1).any(|parameter| {
        parameter
            .trim()
            .strip_prefix("proto=")
            .is_some_and(|proto| proto.trim_matches('"') == V2)
    })
}

fn unread(fault: &BodyFault) -> StatusCode {
    match fault {
        BodyFault::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        BodyFault::TooSlow => StatusCode::REQUEST_TIMEOUT,
        BodyFault::Broken => StatusCode::BAD_REQUEST,
        BodyFault::Crowded => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// What a sender should do: 400 is never sent again, 5xx is.
fn refusal(fault: &WriteFault) -> StatusCode {
    match fault {
        WriteFault::Corrupt | WriteFault::Malformed(_) | WriteFault::Store(Error::Refused(_)) => {
            StatusCode::BAD_REQUEST
        }
        WriteFault::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
        WriteFault::Store(_) | WriteFault::Broken(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_is_told_by_its_parameter() {
        assert!(is_v2(
            "application/x-protobuf;proto=io.prometheus.write.v2.Request"
        ));
        assert!(is_v2(
            "application/x-protobuf; proto=\"io.prometheus.write.v2.Request\""
        ));
        assert!(!is_v2("application/x-protobuf"));
        assert!(!is_v2("application/x-protobuf;proto=prometheus.WriteRequest"));
        assert!(!is_v2(""));
    }
}
