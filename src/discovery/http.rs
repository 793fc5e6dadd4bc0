//! Targets from an HTTP server that answers with a JSON list of groups.

use std::time::Duration;

use http_body_util::{BodyExt as _, Limited};
use hyper::StatusCode;
use hyper::header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue, USER_AGENT};
use narthex_model::Labels;

use super::metrics::Metrics;
use super::refresh::Refresh;
use crate::client::{ClientOptions, HttpClient, Outgoing, status_text};
use crate::config::{HttpSdConfig, TargetGroup, json_groups};

/// Bytes that a list may have.
const LIST_BYTES_MAX: usize = 64 << 20;

const REFRESH_SECONDS: HeaderName = HeaderName::from_static("x-prometheus-refresh-interval-seconds");

/// One section.
#[derive(Debug)]
pub(super) struct HttpDiscovery {
    config: HttpSdConfig,
    client: HttpClient,
    user_agent: HeaderValue,
    metrics: Metrics,
}

impl HttpDiscovery {
    /// Discovery for a section.
    ///
    /// # Errors
    /// What of its HTTP settings cannot be used.
    pub(super) fn new(
        config: HttpSdConfig,
        user_agent: HeaderValue,
        metrics: Metrics,
    ) -> Result<Self, String> {
        Ok(Self {
            client: HttpClient::new(&config.http_client, ClientOptions::default())?,
            config,
            user_agent,
            metrics,
        })
    }

    async fn fetch(&self) -> Result<Vec<TargetGroup>, String> {
        let url = &self.config.url;
        let interval = self.config.refresh_interval.to_std();
        let mut request = Outgoing::get(url.parse().map_err(|e| format!("{e}"))?);
        request.headers.insert(USER_AGENT, self.user_agent.clone());
        request
            .headers
            .insert(ACCEPT, HeaderValue::from_static("application/json"));
        let seconds = HeaderValue::from_str(&interval.as_secs_f64().to_string());
        request
            .headers
            .insert(REFRESH_SECONDS, seconds.map_err(|e| e.to_string())?);
        let asked = async {
            let response = self
                .client
                .send(request)
                .await
                .map_err(|error| format!("Get {url:?}: {error}"))?;
            if response.status() != StatusCode::OK {
                return Err(format!("server returned HTTP status {}", status_text(&response)));
            }
            let kind = response.headers().get(CONTENT_TYPE);
            let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
            if !is_json(kind) {
                return Err(format!("unsupported content type {kind:?}"));
            }
            let body = Limited::new(response.into_body(), LIST_BYTES_MAX).collect().await;
            body.map(|body| body.to_bytes()).map_err(|e| e.to_string())
        };
        let body = match tokio::time::timeout(interval.max(Duration::from_secs(1)), asked).await {
            Ok(body) => body?,
            Err(_) => return Err(format!("Get {url:?}: context deadline exceeded")),
        };
        self.groups(&body)
    }

    fn groups(&self, body: &[u8]) -> Result<Vec<TargetGroup>, String> {
        let url = &self.config.url;
        let text = std::str::from_utf8(body).map_err(|e| e.to_string())?;
        let mut groups = json_groups(text, &format!("{url}:")).map_err(|e| e.to_string())?;
        for group in &mut groups {
            let meta = [("__meta_url", url.as_str())];
            group.labels = Labels::from_pairs(group.labels.iter().chain(meta));
        }
        Ok(groups)
    }
}

impl Refresh for HttpDiscovery {
    const MECHANISM: &'static str = "http";

    async fn refresh(&mut self) -> Result<Vec<TargetGroup>, String> {
        let fetched = self.fetch().await;
        if fetched.is_err() {
            self.metrics.http_failures.inc();
        }
        fetched
    }
}

/// `application/json`, with UTF-8 as its charset if it names one.
fn is_json(kind: &str) -> bool {
    let mut parts = kind.split(';').map(str::trim);
    let media = parts.next().unwrap_or_default();
    media.eq_ignore_ascii_case("application/json")
        && match (parts.next(), parts.next()) {
            (None, _) => true,
            (Some(parameter), None) => parameter.split_once('=').is_some_and(|(name, value)| {
                name.eq_ignore_ascii_case("charset") && value.trim_matches('"').eq_ignore_ascii_case("utf-8")
            }),
            _ => false,
        }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::HttpClientConfig;
    use crate::telemetry::metrics::Registry;

    #[test]
    fn only_json_in_utf8_counts() {
        for (kind, want) in [
            ("application/json", true),
            ("Application/JSON; charset=utf-8", true),
            ("application/json;charset=\"UTF-8\"", true),
            ("application/json; charset=latin1", false),
            ("application/json; charset=utf-8; x=y", false),
            ("text/plain", false),
            ("", false),
        ] {
            assert_eq!(is_json(kind), want, "{kind}");
        }
    }

    #[test]
    fn groups_carry_the_url() {
        let config = HttpSdConfig {
            url: "http://h/list".into(),
            refresh_interval: narthex_model::Duration::from_millis(60_000),
            http_client: HttpClientConfig::default(),
        };
        let metrics = Metrics::new(&Registry::new());
        let discovery = HttpDiscovery::new(config, HeaderValue::from_static("x"), metrics).unwrap();
        let groups = discovery
            .groups(br#"[{"targets":["a:1"],"labels":{"l":"v"}},{"targets":[]}]"#)
            .unwrap();
        assert_eq!(groups[1].source, "http://h/list:1");
        assert_eq!(
            groups[0].labels.to_string(),
            r#"{__meta_url="http://h/list", l="v"}"#
        );
        assert!(discovery.groups(b"[null]").is_err() && discovery.groups(b"\xff").is_err());
    }
}
