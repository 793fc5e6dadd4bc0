//! `/api/v1/write`: samples pushed to us with the remote write protocol, versions 1.0 and 2.0.

use hyper::StatusCode;
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderName, HeaderValue};
use narthex_tsdb::Error;

use super::super::body::{Reply, reply_empty, reply_error};
use super::super::call::{BodyFault, Call};
use super::super::problem::Problem;
use super::super::write::{PACKED_BYTES, WriteFault, Written};
use super::data::store;

const DISABLED: &str = "remote write receiver needs to be enabled with --web.enable-remote-write-receiver";
const V1: &str = "prometheus.WriteRequest";
const V2: &str = "io.prometheus.write.v2.Request";

/// Faults that an answer tells.
const MOST_FAULTS: usize = 100;

/// Answers.
pub(crate) async fn write(mut call: Call) -> Result<Reply, Problem> {
    if !call.app.options.enable_remote_write_receiver {
        return Ok(reply_error(StatusCode::NOT_FOUND, DISABLED));
    }
    let v2 = is_v2(call.header(CONTENT_TYPE.as_str()));
    let message = if v2 { V2 } else { V1 };
    let accepted = &call.app.options.remote_write_messages;
    if !accepted.iter().any(|name| name == message) {
        let text = format!(
            "{message} protobuf message is not accepted by this server; only accepts {}",
            accepted.join(", ")
        );
        return Ok(reply_error(StatusCode::UNSUPPORTED_MEDIA_TYPE, &text));
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
    if v2 {
        let taken = app.write.take_v2(packed, store, app.clock.now_ms()).await;
        return Ok(match taken {
            Ok(written) => report(&written),
            Err(fault) => counted(
                reply_error(refusal(&fault), &fault.to_string()),
                &Written::default(),
            ),
        });
    }
    let taken = app.write.take(packed, store, app.clock.now_ms()).await;
    Ok(match taken {
        Ok(()) => reply_empty(StatusCode::NO_CONTENT),
        Err(fault) => reply_error(refusal(&fault), &fault.to_string()),
    })
}

/// What was kept stands in headers; what was not makes the answer a 400, so that it is not sent again.
fn report(written: &Written) -> Reply {
    let reply = if written.faults.is_empty() {
        reply_empty(StatusCode::NO_CONTENT)
    } else {
        let text = told(&written.faults, MOST_FAULTS, "\n");
        reply_error(StatusCode::BAD_REQUEST, &text)
    };
    counted(reply, written)
}

fn counted(mut reply: Reply, written: &Written) -> Reply {
    for (name, count) in [
        ("x-prometheus-remote-write-samples-written", written.samples),
        ("x-prometheus-remote-write-histograms-written", written.histograms),
        ("x-prometheus-remote-write-exemplars-written", written.exemplars),
    ] {
        reply
            .headers_mut()
            .insert(HeaderName::from_static(name), HeaderValue::from(count));
    }
    reply
}

fn is_v2(content_type: &str) -> bool {
    content_type.split(';').skip(1).any(|parameter| {
        parameter
            .trim()
            .strip_prefix("proto=")
            .is_some_and(|proto| proto.trim_matches('"') == V2)
    })
}

/// The first `most` faults, and how many more there are.
pub(crate) fn told(faults: &[String], most: usize, separator: &str) -> String {
    let (first, more) = faults.split_at(most.min(faults.len()));
    let mut text = first.join(separator);
    if !more.is_empty() {
        text.push_str(&format!("{separator}and {} more", more.len()));
    }
    text
}

pub(crate) fn unread(fault: &BodyFault) -> StatusCode {
    match fault {
        BodyFault::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        BodyFault::TooSlow => StatusCode::REQUEST_TIMEOUT,
        BodyFault::Broken => StatusCode::BAD_REQUEST,
        BodyFault::Crowded => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// What a sender should do: 400 is never sent again, 5xx is.
pub(crate) fn refusal(fault: &WriteFault) -> StatusCode {
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
    fn so_many_faults_are_told_and_the_others_counted() {
        let faults = ["a", "b", "c"].map(str::to_owned);
        assert_eq!(told(&faults, 3, "; "), "a; b; c");
        assert_eq!(told(&faults, 2, "; "), "a; b; and 1 more");
        assert_eq!(told(&faults, 1, "\n"), "a\nand 2 more");
        assert_eq!(told(&[], 1, "\n"), "");
    }

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
