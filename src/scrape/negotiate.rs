//! Which formats are asked for, and which one came.

use crate::config::{EscapingScheme, ScrapeProtocol};
use crate::exposition::Format;

/// The first format's `q` in tenths, whatever the number of formats.
const FIRST_Q: usize = 6;

/// How a page is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PageFormat {
    /// Line by line.
    Text(Format),
    /// As delimited messages.
    Protobuf,
}

/// The `Accept` header.
pub(super) fn accept(protocols: &[ScrapeProtocol], escaping: EscapingScheme) -> String {
    let mut header = String::new();
    for (index, protocol) in protocols.iter().enumerate() {
        header.push_str(protocol.media_type());
        if matches!(
            protocol,
            ScrapeProtocol::PrometheusText1_0_0 | ScrapeProtocol::OpenMetricsText1_0_0
        ) {
            header.push_str(";escaping=");
            header.push_str(escaping.name());
        }
        header.push_str(&format!(";q=0.{},", FIRST_Q.saturating_sub(index)));
    }
    header.push_str(&format!("*/*;q=0.{}", FIRST_Q.saturating_sub(protocols.len())));
    header
}

/// The format of a page by its `Content-Type` alone.
///
/// # Errors
/// Why the page cannot be read, in Prometheus's words.
pub(super) fn format(content_type: &str, fallback: Option<ScrapeProtocol>) -> Result<PageFormat, String> {
    let reason = match media_type(content_type) {
        Some(media_type) => match media_type.as_str() {
            "text/plain" => return Ok(PageFormat::Text(Format::Classic)),
            "application/openmetrics-text" => return Ok(PageFormat::Text(Format::OpenMetrics)),
            "application/vnd.google.protobuf" => return Ok(PageFormat::Protobuf),
            _ => format!(
                "received unsupported Content-Type {content_type:?} and no fallback_scrape_protocol specified for target"
            ),
        },
        None if content_type.is_empty() => {
            "non-compliant scrape target sending blank Content-Type and no fallback_scrape_protocol specified for target"
                .to_owned()
        }
        None => {
            format!("cannot parse Content-Type {content_type:?} and no fallback_scrape_protocol for target")
        }
    };
    match fallback {
        None => Err(reason),
        Some(ScrapeProtocol::PrometheusText0_0_4 | ScrapeProtocol::PrometheusText1_0_0) => {
            Ok(PageFormat::Text(Format::Classic))
        }
        Some(ScrapeProtocol::OpenMetricsText0_0_1 | ScrapeProtocol::OpenMetricsText1_0_0) => {
            Ok(PageFormat::Text(Format::OpenMetrics))
        }
        Some(ScrapeProtocol::PrometheusProto) => Ok(PageFormat::Protobuf),
    }
}

/// The media type in lower case, if the header is well formed.
fn media_type(header: &str) -> Option<String> {
    let (media_type, mut params) = header.split_once(';').unwrap_or((header, ""));
    let media_type = media_type.trim();
    let (kind, subtype) = media_type.split_once('/').unwrap_or((media_type, "x"));
    if !is_token(kind) || !is_token(subtype) {
        return None;
    }
    params = params.trim();
    while !params.is_empty() {
        let (name, rest) = params.split_once('=')?;
        if !is_token(name.trim()) {
            return None;
        }
        let end = match rest.strip_prefix('"') {
            Some(quoted) => quoted.find('"')? + 2,
            None => rest.find(';').unwrap_or(rest.len()),
        };
        let (value, behind) = rest.split_at_checked(end)?;
        if value.trim().is_empty() {
            return None;
        }
        params = match behind.trim().strip_prefix(';') {
            Some(more) => more.trim(),
            None if behind.trim().is_empty() => "",
            None => return None,
        };
    }
    Some(media_type.to_ascii_lowercase())
}

fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_asked_for_in_order() {
        assert_eq!(
            accept(&ScrapeProtocol::DEFAULT, EscapingScheme::AllowUtf8),
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
             application/openmetrics-text;version=0.0.1;q=0.5,\
             text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
        );
        assert_eq!(
            accept(
                &[ScrapeProtocol::PrometheusText0_0_4],
                EscapingScheme::Underscores
            ),
            "text/plain;version=0.0.4;q=0.6,*/*;q=0.5"
        );
    }

    #[test]
    fn the_content_type_alone_decides() {
        for header in [
            "text/plain",
            "text/plain; version=0.0.4",
            "Text/Plain;charset=\"utf-8\" ; x=y;",
        ] {
            assert_eq!(
                format(header, None),
                Ok(PageFormat::Text(Format::Classic)),
                "{header}"
            );
        }
        let open = "application/openmetrics-text; version=9; charset=utf-8";
        assert_eq!(format(open, None), Ok(PageFormat::Text(Format::OpenMetrics)));
        for (header, error) in [
            (
                "",
                "non-compliant scrape target sending blank Content-Type and no fallback_scrape_protocol specified for target",
            ),
            (
                "text/html",
                r#"received unsupported Content-Type "text/html" and no fallback_scrape_protocol specified for target"#,
            ),
            (
                "text/plain; charset",
                r#"cannot parse Content-Type "text/plain; charset" and no fallback_scrape_protocol for target"#,
            ),
            (
                "a b",
                r#"cannot parse Content-Type "a b" and no fallback_scrape_protocol for target"#,
            ),
        ] {
            assert_eq!(format(header, None), Err(error.to_owned()));
            let fallback = Some(ScrapeProtocol::OpenMetricsText1_0_0);
            assert_eq!(
                format(header, fallback),
                Ok(PageFormat::Text(Format::OpenMetrics))
            );
        }
    }
}
