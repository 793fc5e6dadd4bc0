//! The web configuration file: TLS, headers and users of the listener.

use super::decode::web;
use super::error::{ConfigError, join_directory, read_text};
use super::load::decode;
use super::{Secret, TlsVersion};
use narthex_model::Duration;
use std::collections::BTreeMap;
use std::path::Path;

/// How the listener speaks, and with whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebConfig {
    /// `tls_server_config`.
    pub tls: WebTlsConfig,
    /// Whether HTTP/2 may be spoken over TLS.
    pub http2: bool,
    /// Headers of every answer, sorted by name.
    pub headers: Vec<(String, String)>,
    /// How many requests are let in.
    pub rate_limit: RateLimit,
    /// bcrypt hashes by user name; with none, everybody is let in.
    pub users: BTreeMap<String, Secret>,
}

impl Default for WebConfig {
    fn default() -> Self {
        Self {
            tls: WebTlsConfig::default(),
            http2: true,
            headers: Vec::new(),
            rate_limit: RateLimit::default(),
            users: BTreeMap::new(),
        }
    }
}

/// `burst` requests at once, and one more each `interval`; no limit where the interval is zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RateLimit {
    /// How many at once.
    pub burst: u64,
    /// Time until one more is let in.
    pub interval: Duration,
}

/// TLS of the listener. Empty texts mean not set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebTlsConfig {
    /// The certificate and its chain, PEM.
    pub cert: String,
    /// Its key, PEM.
    pub key: Secret,
    /// Certificates that may sign clients' certificates, PEM.
    pub client_ca: String,
    /// File with the certificate and its chain.
    pub cert_file: String,
    /// File with its key.
    pub key_file: String,
    /// File with certificates that may sign clients' certificates.
    pub client_ca_file: String,
    /// What is asked of clients, in Go's words.
    pub client_auth_type: String,
    /// Names of which one must stand in a client's certificate, if any are given.
    pub client_allowed_sans: Vec<String>,
    /// Suites of TLS 1.2 by Go's names; all if none are given.
    pub cipher_suites: Vec<String>,
    /// Curves by Go's names; all if none are given.
    pub curve_preferences: Vec<String>,
    /// Lowest version to speak.
    pub min_version: TlsVersion,
    /// Highest version to speak.
    pub max_version: TlsVersion,
    /// Whether the order of `cipher_suites` decides, and not the client's.
    pub prefer_server_cipher_suites: bool,
}

impl Default for WebTlsConfig {
    fn default() -> Self {
        Self {
            cert: String::new(),
            key: Secret::default(),
            client_ca: String::new(),
            cert_file: String::new(),
            key_file: String::new(),
            client_ca_file: String::new(),
            client_auth_type: String::new(),
            client_allowed_sans: Vec::new(),
            cipher_suites: Vec::new(),
            curve_preferences: Vec::new(),
            min_version: TlsVersion::Tls12,
            max_version: TlsVersion::Tls13,
            prefer_server_cipher_suites: true,
        }
    }
}

impl WebTlsConfig {
    /// Whether TLS is wanted at all.
    #[must_use]
    pub fn is_set(&self) -> bool {
        let texts = [
            &self.cert,
            &self.client_ca,
            &self.cert_file,
            &self.key_file,
            &self.client_ca_file,
            &self.client_auth_type,
        ];
        !self.key.is_empty() || texts.iter().any(|text| !text.is_empty())
    }

    /// The files that it names.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        [&self.cert_file, &self.key_file, &self.client_ca_file]
            .into_iter()
            .filter(|path| !path.is_empty())
            .map(Path::new)
    }
}

/// Reads the file at `path`; relative paths in it start where it lies.
///
/// # Errors
/// In the words of Prometheus's reader: when the file cannot be read, is not YAML or does not hold.
pub fn load_web_file(path: &Path) -> Result<WebConfig, ConfigError> {
    let text = read_text(path)?;
    let mut config = decode(&text, web)?;
    let directory = path.parent().unwrap_or(Path::new("."));
    for path in [
        &mut config.tls.cert_file,
        &mut config.tls.key_file,
        &mut config.tls.client_ca_file,
    ] {
        join_directory(directory, path);
    }
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> Result<WebConfig, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("web.yml");
        std::fs::write(&path, text).unwrap();
        load_web_file(&path).map_err(|e| e.message().to_owned())
    }

    const HASH: &str = "$2y$10$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi";

    #[test]
    fn faults_in_the_words_of_prometheus() {
        for (text, want) in [
            (
                "tls: {}",
                "yaml: unmarshal errors:\n  line 1: field tls not found in type web.Config",
            ),
            (
                "tls_server_config:\n  cert_fil: x",
                "yaml: unmarshal errors:\n  line 2: field cert_fil not found in type web.TLSConfig",
            ),
            (
                "tls_server_config: {min_version: SSL3}",
                "unknown TLS version: SSL3",
            ),
            ("tls_server_config: {cipher_suites: [X]}", "unknown cipher: X"),
            (
                "tls_server_config: {curve_preferences: [P1]}",
                "unknown curve: P1",
            ),
            (
                "http_server_config: {headers: {X-Foo: a}}",
                "HTTP header \"X-Foo\" can not be configured",
            ),
            (
                "http_server_config: {headers: {X-Frame-Options: a}}",
                "invalid value for X-Frame-Options. Expected one of: [\"deny\" \"sameorigin\"], but got: \"a\"",
            ),
            (
                "basic_auth_users: {a: b}",
                "crypto/bcrypt: hashedSecret too short to be a bcrypted password",
            ),
            (
                &format!("basic_auth_users: {{a: '{}'}}", HASH.replace("$2y", "+2y")),
                "crypto/bcrypt: bcrypt hashes must start with '$', but hashedSecret started with '+'",
            ),
            (
                &format!("basic_auth_users: {{a: '{}'}}", HASH.replace("$2y", "$3y")),
                "crypto/bcrypt: bcrypt algorithm version '3' requested is newer than current version '2'",
            ),
            (
                &format!("basic_auth_users: {{a: '{}'}}", HASH.replace("$10", "$99")),
                "crypto/bcrypt: cost 99 is outside allowed inclusive range 4..31",
            ),
        ] {
            assert_eq!(load(text).unwrap_err(), want, "{text}");
        }
    }

    #[test]
    fn a_whole_file_is_read() {
        assert_eq!(load("").unwrap(), WebConfig::default());
        let config = load(&format!(
            "tls_server_config:\n  cert_file: a.pem\n  key_file: /k\n  client_auth_type: RequestClientCert\n  \
             cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]\n  curve_preferences: [X25519]\n  max_version: TLS12\n\
             http_server_config:\n  http2: false\n  headers: {{X-Frame-Options: deny}}\n\
             rate_limit: {{interval: 1s, burst: 2}}\nbasic_auth_users: {{a: {HASH}}}\n"
        ))
        .unwrap();
        assert!(config.tls.is_set() && !WebTlsConfig::default().is_set());
        assert!(config.tls.cert_file.ends_with("/a.pem") && config.tls.cert_file.len() > 6);
        assert_eq!(config.tls.files().count(), 2);
        assert_eq!(
            (config.http2, config.headers.len(), config.users.len()),
            (false, 1, 1)
        );
        assert_eq!(config.rate_limit.interval.as_millis(), 1_000);
        assert!(!format!("{config:?}").contains(HASH));
    }
}
