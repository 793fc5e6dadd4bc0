//! Why a request failed, in the words that Go uses.

use std::io;

use super::dial::DialError;
use super::tls;

/// What Go would say about a request that failed.
pub(crate) fn error_text(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = Some(error);
    let mut last = error.to_string();
    while let Some(error) = cause {
        if let Some(dial) = error.downcast_ref::<DialError>() {
            return dial.to_string();
        }
        if let Some(tls) = error.downcast_ref::<rustls::Error>() {
            return tls::error_text(tls);
        }
        if let Some(hyper) = error.downcast_ref::<hyper::Error>() {
            if hyper.is_incomplete_message() {
                return "EOF".to_owned();
            }
            if hyper.is_parse() {
                return format!(
                    "net/http: HTTP/1.x transport connection broken: malformed HTTP response: {hyper}"
                );
            }
        }
        if let Some(io) = error.downcast_ref::<io::Error>() {
            match io.kind() {
                io::ErrorKind::ConnectionReset => return "read: connection reset by peer".to_owned(),
                io::ErrorKind::BrokenPipe => return "write: broken pipe".to_owned(),
                io::ErrorKind::UnexpectedEof => return "EOF".to_owned(),
                _ => {}
            }
            // The source of such an error is that of what it wraps, not what it wraps.
            if let Some(inner) = io.get_ref() {
                cause = Some(inner);
                continue;
            }
        }
        last = error.to_string();
        cause = error.source();
    }
    last
}
