//! Tokens of an OAuth 2 server: fetched with the client's credentials, used until they are about to end.

use std::fmt::Write as _;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::{Method, Uri};
use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::auth::text_or_file;
use super::http::{ClientOptions, HttpClient, Outgoing, status_text};
use crate::config::{HttpClientConfig, OAuth2};

/// Bytes that a token server's answer may have.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// How long before its end a token is no longer used.
const END_MARGIN: Duration = Duration::from_secs(10);

/// The only grant that is spoken.
const CLIENT_CREDENTIALS: &str = "client_credentials";

/// Fetches tokens and keeps the last one.
#[derive(Debug)]
pub(super) struct TokenSource {
    config: OAuth2,
    url: Uri,
    client: Box<HttpClient>,
    current: Mutex<Current>,
}

#[derive(Debug, Default)]
struct Current {
    token: Option<Token>,
    /// How this server takes credentials, once that is known.
    style: Option<Style>,
}

#[derive(Debug)]
struct Token {
    header: HeaderValue,
    /// The secret that it was fetched with: another one asks for another token.
    secret: String,
    /// None if it does not end.
    ends: Option<Instant>,
}

/// Where the client's id and secret go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    Header,
    Form,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    access_token: String,
    #[serde(default)]
    token_type: String,
    expires_in: Option<Seconds>,
}

/// Some servers write the number as a text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Seconds {
    Number(f64),
    Text(String),
}

impl TokenSource {
    /// A source for these settings.
    ///
    /// # Errors
    /// What of the settings cannot be used.
    pub(super) fn new(config: &OAuth2) -> Result<Self, String> {
        if !matches!(config.grant_type.as_str(), "" | CLIENT_CREDENTIALS) {
            return Err(format!(
                "oauth2: the grant type {:?} is not supported: use {CLIENT_CREDENTIALS}",
                config.grant_type
            ));
        }
        let url = config
            .token_url
            .parse()
            .map_err(|e| format!("oauth2: invalid token_url {:?}: {e}", config.token_url))?;
        let client = HttpClientConfig {
            tls: config.tls.clone(),
            proxy: config.proxy.clone(),
            ..HttpClientConfig::default()
        };
        Ok(Self {
            config: config.clone(),
            url,
            client: Box::new(HttpClient::new(&client, ClientOptions::default())?),
            current: Mutex::default(),
        })
    }

    /// Adds the token to a request's headers; fetches one if there is none that holds.
    ///
    /// # Errors
    /// Why there is no token.
    pub(super) async fn add(&self, headers: &mut HeaderMap) -> Result<(), String> {
        let secret = text_or_file(
            self.config.client_secret.expose(),
            &self.config.client_secret_file,
            "oauth2 client secret",
        )?;
        // Requests that come meanwhile wait for the same token.
        let mut current = self.current.lock().await;
        let holds = |token: &&Token| {
            token.secret == secret && token.ends.is_none_or(|ends| ends > Instant::now() + END_MARGIN)
        };
        if let Some(token) = current.token.as_ref().filter(holds) {
            headers.insert(AUTHORIZATION, token.header.clone());
            return Ok(());
        }
        let styles: &[Style] = match &current.style {
            Some(Style::Header) => &[Style::Header],
            Some(Style::Form) => &[Style::Form],
            None => &[Style::Header, Style::Form],
        };
        let mut fault = String::new();
        for style in styles {
            // Boxed: a token's request is a request itself.
            match Box::pin(self.fetch(&secret, *style)).await {
                Ok(token) => {
                    headers.insert(AUTHORIZATION, token.header.clone());
                    current.token = Some(token);
                    current.style = Some(*style);
                    return Ok(());
                }
                Err(error) => fault = error,
            }
        }
        Err(fault)
    }

    async fn fetch(&self, secret: &str, style: Style) -> Result<Token, String> {
        let mut out = Outgoing::get(self.url.clone());
        out.method = Method::POST;
        out.headers
            .insert(ACCEPT, HeaderValue::from_static("application/json"));
        out.headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/x-www-form-urlencoded"),
        );
        let id = &self.config.client_id;
        if style == Style::Header {
            let pair = STANDARD.encode(format!("{}:{}", form_escaped(id), form_escaped(secret)));
            let value = HeaderValue::from_str(&format!("Basic {pair}")).map_err(|e| e.to_string())?;
            out.headers.insert(AUTHORIZATION, value);
        }
        out.body = Bytes::from(self.form(secret, style));
        let failed = |what: String| format!("oauth2: cannot fetch token: {what}");
        let response = self.client.send(out).await.map_err(failed)?;
        let status = status_text(&response);
        let is_good = response.status().is_success();
        let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX)
            .collect()
            .await;
        let body = body.map_err(|e| failed(e.to_string()))?.to_bytes();
        if !is_good {
            let text = String::from_utf8_lossy(&body).into_owned();
            return Err(failed(format!("{status}\nResponse: {text}")));
        }
        self.token(&body, secret).map_err(failed)
    }

    fn form(&self, secret: &str, style: Style) -> String {
        let mut pairs = vec![("grant_type", CLIENT_CREDENTIALS.to_owned())];
        if !self.config.scopes.is_empty() {
            pairs.push(("scope", self.config.scopes.join(" ")));
        }
        if style == Style::Form {
            pairs.push(("client_id", self.config.client_id.clone()));
            pairs.push(("client_secret", secret.to_owned()));
        }
        for (name, value) in &self.config.endpoint_params {
            pairs.push((name, value.clone()));
        }
        let parts = pairs
            .iter()
            .map(|(name, value)| format!("{}={}", form_escaped(name), form_escaped(value)));
        parts.collect::<Vec<_>>().join("&")
    }

    fn token(&self, body: &[u8], secret: &str) -> Result<Token, String> {
        let answer: Answer = serde_json::from_slice(body).map_err(|e| format!("cannot parse json: {e}"))?;
        if answer.access_token.is_empty() {
            return Err("server response missing access_token".to_owned());
        }
        let kind = match answer.token_type.as_str() {
            kind if kind.is_empty() || kind.eq_ignore_ascii_case("bearer") => "Bearer",
            kind => kind,
        };
        let mut header = HeaderValue::from_str(&format!("{kind} {}", answer.access_token))
            .map_err(|_| "the token cannot be sent in HTTP".to_owned())?;
        header.set_sensitive(true);
        let seconds = match answer.expires_in {
            Some(Seconds::Number(seconds)) => seconds,
            Some(Seconds::Text(text)) => text.parse().unwrap_or(0.0),
            None => 0.0,
        };
        let lasts = Duration::try_from_secs_f64(seconds).ok().filter(|d| !d.is_zero());
        Ok(Token {
            header,
            secret: secret.to_owned(),
            ends: lasts.and_then(|lasts| Instant::now().checked_add(lasts)),
        })
    }
}

/// A value as forms write it.
pub(crate) fn form_escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' ' => out.push('+'),
            b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            byte if byte.is_ascii_alphanumeric() => out.push(char::from(byte)),
            byte => {
                // Writing to a string cannot fail.
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Secret;

    fn source() -> TokenSource {
        TokenSource::new(&OAuth2 {
            client_id: "me&you".into(),
            client_secret: Secret::new("s p"),
            scopes: vec!["a".into(), "b".into()],
            token_url: "http://h/token".into(),
            endpoint_params: vec![("audience".into(), "x/y".into())],
            ..OAuth2::default()
        })
        .unwrap()
    }

    #[test]
    fn forms_carry_scopes_parameters_and_credentials_where_asked() {
        let source = source();
        assert_eq!(
            source.form("s p", Style::Header),
            "grant_type=client_credentials&scope=a+b&audience=x%2Fy"
        );
        assert_eq!(
            source.form("s p", Style::Form),
            "grant_type=client_credentials&scope=a+b&client_id=me%26you&client_secret=s+p&audience=x%2Fy"
        );
    }

    #[tokio::test]
    async fn answers_become_headers_with_an_end() {
        let source = source();
        for (answer, header, ends) in [
            (r#"{"access_token":"t","expires_in":60}"#, "Bearer t", true),
            (
                r#"{"access_token":"t","token_type":"bearer","expires_in":"60"}"#,
                "Bearer t",
                true,
            ),
            (r#"{"access_token":"t","token_type":"mac"}"#, "mac t", false),
        ] {
            let token = source.token(answer.as_bytes(), "s").unwrap();
            assert_eq!(
                (token.header.to_str().unwrap(), token.ends.is_some()),
                (header, ends)
            );
        }
        for (answer, fault) in [
            ("{}", "server response missing access_token"),
            ("x", "cannot parse json: expected value at line 1 column 1"),
        ] {
            assert_eq!(source.token(answer.as_bytes(), "s").unwrap_err(), fault);
        }
    }

    #[test]
    fn other_grants_are_refused() {
        let config = OAuth2 {
            grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer".into(),
            ..OAuth2::default()
        };
        assert!(TokenSource::new(&config).unwrap_err().contains("jwt-bearer"));
    }
}
