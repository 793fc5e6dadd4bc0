//! Takes OpenTelemetry requests: unpacks them within bounds and commits each as one batch, whole or not at all.

use std::io::Read as _;

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use narthex_tsdb::Db;
use prost::Message as _;

use super::receiver::{UNPACKED_BYTES, WriteFault, WriteReceiver};
use crate::otlp::{ExportRequest, Settings, Translated, translate};

/// How a request is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OtlpForm {
    Json,
    Protobuf,
}

/// What was left out of a request.
#[derive(Debug, Default)]
pub(crate) struct LeftOut {
    pub(crate) points: u64,
    pub(crate) faults: Vec<String>,
}

impl WriteReceiver {
    /// Unpacks and commits an OpenTelemetry request. When this returns, the operating system has its samples.
    pub(crate) async fn take_otlp(
        &self,
        packed: Bytes,
        is_gzip: bool,
        form: OtlpForm,
        settings: Settings,
        store: Db,
        now_ms: i64,
    ) -> Result<LeftOut, WriteFault> {
        // How large it becomes is seen only while it is unpacked.
        let most = if is_gzip { UNPACKED_BYTES } else { packed.len() };
        self.held(most, move || {
            let plain = if is_gzip { unpack(&packed)? } else { packed };
            let request = decode(&plain, form)?;
            drop(plain);
            let Translated {
                batch,
                rejected,
                faults,
            } = translate(&request, &settings, now_ms);
            drop(request);
            if !batch.is_empty() {
                store.append(&batch, now_ms).map_err(WriteFault::Store)?;
            }
            Ok(LeftOut {
                points: rejected,
                faults,
            })
        })
        .await
    }
}

fn unpack(packed: &[u8]) -> Result<Bytes, WriteFault> {
    let mut plain = Vec::new();
    let mut reader = MultiGzDecoder::new(packed).take(UNPACKED_BYTES as u64 + 1);
    reader
        .read_to_end(&mut plain)
        .map_err(|e| WriteFault::Malformed(format!("gzip: {e}")))?;
    if plain.len() > UNPACKED_BYTES {
        return Err(WriteFault::TooLarge(plain.len()));
    }
    Ok(Bytes::from(plain))
}

fn decode(plain: &[u8], form: OtlpForm) -> Result<ExportRequest, WriteFault> {
    match form {
        OtlpForm::Protobuf => {
            ExportRequest::decode(plain).map_err(|e| WriteFault::Malformed(format!("proto: {e}")))
        }
        OtlpForm::Json => serde_json::from_slice(plain).map_err(|e| WriteFault::Malformed(e.to_string())),
    }
}
