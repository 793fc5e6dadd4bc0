//! `/api/v1/otlp/v1/metrics`: metrics pushed to us with the OpenTelemetry protocol, in protocol buffers or JSON.

use hyper::StatusCode;
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE};
use prost::Message as _;

use super::super::body::{Body, Reply, reply, reply_empty, reply_error, reply_json};
use super::super::call::Call;
use super::super::encode::object::Object;
use super::super::problem::Problem;
use super::super::write::{LeftOut, OtlpForm, PACKED_BYTES};
use super::data::store;
use super::write::{refusal, told, unread};
use crate::otlp::{ExportResponse, PartialSuccess, Settings};

const DISABLED: &str = "otlp write receiver needs to be enabled with --web.enable-otlp-receiver";

/// Faults that an answer tells.
const MOST_FAULTS: usize = 20;

/// Answers.
pub(crate) async fn metrics(mut call: Call) -> Result<Reply, Problem> {
    if !call.app.options.enable_otlp_receiver {
        return Ok(reply_error(StatusCode::NOT_FOUND, DISABLED));
    }
    let given = call.header(CONTENT_TYPE.as_str());
    let form = match given.split(';').next().unwrap_or_default().trim() {
        "application/x-protobuf" => OtlpForm::Protobuf,
        "application/json" => OtlpForm::Json,
        _ => {
            let text = format!(
                "unsupported content type: {given}, supported: [application/json, application/x-protobuf]"
            );
            return Ok(reply_error(StatusCode::BAD_REQUEST, &text));
        }
    };
    let is_gzip = match call.header(CONTENT_ENCODING.as_str()) {
        "" | "identity" => false,
        "gzip" => true,
        other => {
            let text = format!("unsupported compression: {other}. Only \"gzip\" or no compression supported");
            return Ok(reply_error(StatusCode::BAD_REQUEST, &text));
        }
    };
    let allow_delta = call.app.has("otlp-native-delta-ingestion");
    let lookback = call.app.queries.engine().options().lookback_delta_ms;
    let settings = Settings::new(&call.app.loaded().config.otlp, allow_delta, lookback);
    let store = store(&call.app)?;
    let app = std::sync::Arc::clone(&call.app);
    let packed = match call.bytes(PACKED_BYTES).await {
        Ok(packed) => packed,
        Err(fault) => return Ok(reply_error(unread(&fault), &fault.to_string())),
    };
    let now_ms = app.clock.now_ms();
    let taken = app
        .write
        .take_otlp(packed, is_gzip, form, settings, store, now_ms);
    Ok(match taken.await {
        Ok(left_out) => accepted(&left_out, form),
        Err(fault) => reply_error(refusal(&fault), &fault.to_string()),
    })
}

/// 200, with what was left out if there is anything: such points are not to be sent again.
fn accepted(left_out: &LeftOut, form: OtlpForm) -> Reply {
    if left_out.faults.is_empty() {
        return reply_empty(StatusCode::OK);
    }
    let text = told(&left_out.faults, MOST_FAULTS, "; ");
    tracing::warn!(
        rejected = left_out.points,
        err = text,
        "Error translating OTLP metrics to Prometheus write request"
    );
    match form {
        OtlpForm::Protobuf => {
            let response = ExportResponse {
                partial_success: Some(PartialSuccess {
                    rejected_data_points: i64::try_from(left_out.points).unwrap_or(i64::MAX),
                    error_message: text,
                }),
            };
            reply(
                StatusCode::OK,
                "application/x-protobuf",
                Body::whole(response.encode_to_vec()),
            )
        }
        OtlpForm::Json => {
            let mut out = Vec::new();
            let mut object = Object::new(&mut out);
            object.member("partialSuccess", |out| {
                Object::new(out)
                    .text("rejectedDataPoints", &left_out.points.to_string())
                    .text("errorMessage", &text)
                    .end();
            });
            object.end();
            reply_json(StatusCode::OK, out)
        }
    }
}
