//! The HTTP client keys that scrape jobs, discovery and remote endpoints share.

use super::Secret;

/// How to speak to an HTTP server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpClientConfig {
    /// User name and password.
    pub basic_auth: Option<BasicAuth>,
    /// An `Authorization` header; `bearer_token` and `bearer_token_file` end up here too.
    pub authorization: Option<Authorization>,
    /// Tokens from an OAuth 2 server.
    pub oauth2: Option<OAuth2>,
    /// TLS.
    pub tls: TlsConfig,
    /// Whether redirects are followed.
    pub follow_redirects: bool,
    /// Whether HTTP/2 may be spoken.
    pub enable_http2: bool,
    /// Proxy.
    pub proxy: ProxyConfig,
    /// Headers to send, sorted by name.
    pub http_headers: Vec<(String, HeaderValues)>,
}

impl Default for HttpClientConfig {
    fn default() -> Self {
        Self {
            basic_auth: None,
            authorization: None,
            oauth2: None,
            tls: TlsConfig::default(),
            follow_redirects: true,
            enable_http2: true,
            proxy: ProxyConfig::default(),
            http_headers: Vec::new(),
        }
    }
}

/// User name and password, each as text or as a file read at every request. Empty means not set.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BasicAuth {
    /// User name.
    pub username: String,
    /// File that holds the user name.
    pub username_file: String,
    /// Password.
    pub password: Secret,
    /// File that holds the password.
    pub password_file: String,
}

/// An `Authorization` header: `<kind> <credentials>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorization {
    /// `Bearer` unless set.
    pub kind: String,
    /// The credentials.
    pub credentials: Secret,
    /// File that holds the credentials, read at every request.
    pub credentials_file: String,
}

impl Default for Authorization {
    fn default() -> Self {
        Self {
            kind: "Bearer".to_owned(),
            credentials: Secret::default(),
            credentials_file: String::new(),
        }
    }
}

/// Client credentials (or a signed assertion) of OAuth 2.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OAuth2 {
    /// The client's id.
    pub client_id: String,
    /// The client's secret.
    pub client_secret: Secret,
    /// File that holds the client's secret.
    pub client_secret_file: String,
    /// Scopes to ask for.
    pub scopes: Vec<String>,
    /// Where tokens come from.
    pub token_url: String,
    /// Further parameters of the token request, sorted by name.
    pub endpoint_params: Vec<(String, String)>,
    /// Kind of grant; empty for `client_credentials`.
    pub grant_type: String,
    /// TLS towards the token server.
    pub tls: TlsConfig,
    /// Proxy towards the token server.
    pub proxy: ProxyConfig,
}

/// TLS versions that can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    /// 1.0; not spoken here.
    Tls10,
    /// 1.1; not spoken here.
    Tls11,
    /// 1.2.
    Tls12,
    /// 1.3.
    Tls13,
}

impl TlsVersion {
    /// As the configuration spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Tls10 => "TLS10",
            Self::Tls11 => "TLS11",
            Self::Tls12 => "TLS12",
            Self::Tls13 => "TLS13",
        }
    }

    /// The version of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Tls10, Self::Tls11, Self::Tls12, Self::Tls13]
            .into_iter()
            .find(|v| v.name() == name)
    }
}

/// TLS towards a server. Empty texts mean not set; files are read anew when they change.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TlsConfig {
    /// Certificates to trust, PEM.
    pub ca: String,
    /// The client's certificate, PEM.
    pub cert: String,
    /// The client's key, PEM.
    pub key: Secret,
    /// File with certificates to trust.
    pub ca_file: String,
    /// File with the client's certificate.
    pub cert_file: String,
    /// File with the client's key.
    pub key_file: String,
    /// Name that the server's certificate must carry.
    pub server_name: String,
    /// Whether any certificate is accepted.
    pub insecure_skip_verify: bool,
    /// Lowest version to speak.
    pub min_version: Option<TlsVersion>,
    /// Highest version to speak.
    pub max_version: Option<TlsVersion>,
}

/// Which proxy to use.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProxyConfig {
    /// The proxy's URL; empty for none.
    pub proxy_url: String,
    /// Hosts that are reached without it, comma-separated.
    pub no_proxy: String,
    /// Whether `HTTP_PROXY` and its kin decide.
    pub proxy_from_environment: bool,
    /// Headers of CONNECT requests, sorted by name.
    pub proxy_connect_header: Vec<(String, Vec<Secret>)>,
}

/// Values of one header.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HeaderValues {
    /// Values as they are.
    pub values: Vec<String>,
    /// Values that are not shown.
    pub secrets: Vec<Secret>,
    /// Files that hold values.
    pub files: Vec<String>,
}
