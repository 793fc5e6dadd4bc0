//! HTTP client keys: inline in jobs, discovery, Alertmanagers and remote endpoints.

use super::decoder::Decoder;
use super::fields::Fields;
use crate::config::error::Fatal;
use crate::config::yaml::{Node, Position};
use crate::config::{
    Authorization, BasicAuth, HeaderValues, HttpClientConfig, OAuth2, ProxyConfig, Secret, TlsConfig,
    TlsVersion,
};

/// Reads the client keys of a section into `client`.
pub(crate) fn http_client(
    f: &mut Fields<'_>,
    client: &mut HttpClientConfig,
    d: &mut Decoder,
) -> Result<(), Fatal> {
    let at = f.at;
    let mark = d.mark();
    if let Some(node) = f.section("basic_auth") {
        client.basic_auth = basic_auth(node, d);
    }
    if let Some(node) = f.section("authorization") {
        client.authorization = authorization(node, d);
    }
    if let Some(node) = f.section("oauth2") {
        client.oauth2 = oauth2(node, d)?;
    }
    let (mut token, mut token_file) = (Secret::default(), String::new());
    f.secret("bearer_token", &mut token, d);
    f.text("bearer_token_file", &mut token_file, d);
    if let Some(node) = f.section("tls_config") {
        client.tls = tls(node, d)?;
    }
    f.boolean("follow_redirects", &mut client.follow_redirects, d);
    f.boolean("enable_http2", &mut client.enable_http2, d);
    proxy(f, &mut client.proxy, d)?;
    if let Some(node) = f.section("http_headers") {
        client.http_headers = headers(node, d)?;
    }
    if d.failed_since(mark) {
        return Ok(());
    }
    check(client, token, token_file)
        .map_err(|text| Fatal::new(text, at).hint("in the section that begins here"))
}

fn basic_auth(node: &Node, d: &mut Decoder) -> Option<BasicAuth> {
    let mut f = Fields::open(node, "config.plain", d)?;
    let mut auth = BasicAuth::default();
    f.text("username", &mut auth.username, d);
    f.text("username_file", &mut auth.username_file, d);
    f.secret("password", &mut auth.password, d);
    f.text("password_file", &mut auth.password_file, d);
    unsupported_ref(&mut f, &["username_ref", "password_ref"], d);
    f.finish(d);
    Some(auth)
}

/// Keys that name a secret manager: known to Prometheus, where they too need a manager that is not there.
fn unsupported_ref(f: &mut Fields<'_>, keys: &[&'static str], d: &mut Decoder) {
    for key in keys {
        if let Some(node) = f.section(key) {
            d.report(
                node.at,
                format!("{key} needs a secret manager, and none is configured"),
            );
        }
    }
}

fn authorization(node: &Node, d: &mut Decoder) -> Option<Authorization> {
    let mut f = Fields::open(node, "config.Authorization", d)?;
    let mut auth = Authorization {
        kind: String::new(),
        ..Authorization::default()
    };
    f.text("type", &mut auth.kind, d);
    f.secret("credentials", &mut auth.credentials, d);
    f.text("credentials_file", &mut auth.credentials_file, d);
    unsupported_ref(&mut f, &["credentials_ref"], d);
    f.finish(d);
    Some(auth)
}

fn oauth2(node: &Node, d: &mut Decoder) -> Result<Option<OAuth2>, Fatal> {
    let Some(mut f) = Fields::open(node, "config.OAuth2", d) else {
        return Ok(None);
    };
    let mut oauth2 = OAuth2::default();
    f.text("client_id", &mut oauth2.client_id, d);
    f.secret("client_secret", &mut oauth2.client_secret, d);
    f.text("client_secret_file", &mut oauth2.client_secret_file, d);
    unsupported_ref(
        &mut f,
        &[
            "client_secret_ref",
            "client_certificate_key_ref",
            "client_certificate_key",
            "client_certificate_key_file",
        ],
        d,
    );
    f.texts("scopes", &mut oauth2.scopes, d);
    f.text("token_url", &mut oauth2.token_url, d);
    f.text_map("endpoint_params", &mut oauth2.endpoint_params, d);
    f.text("grant_type", &mut oauth2.grant_type, d);
    if let Some(node) = f.section("tls_config") {
        oauth2.tls = tls(node, d)?;
    }
    proxy(&mut f, &mut oauth2.proxy, d)?;
    f.finish(d);
    Ok(Some(oauth2))
}

/// `tls_config`.
pub(super) fn tls(node: &Node, d: &mut Decoder) -> Result<TlsConfig, Fatal> {
    let mut tls = TlsConfig::default();
    let mark = d.mark();
    let Some(mut f) = Fields::open(node, "config.plain", d) else {
        return Ok(tls);
    };
    f.text("ca", &mut tls.ca, d);
    f.text("cert", &mut tls.cert, d);
    f.secret("key", &mut tls.key, d);
    f.text("ca_file", &mut tls.ca_file, d);
    f.text("cert_file", &mut tls.cert_file, d);
    f.text("key_file", &mut tls.key_file, d);
    unsupported_ref(&mut f, &["ca_ref", "cert_ref", "key_ref"], d);
    f.text("server_name", &mut tls.server_name, d);
    f.boolean("insecure_skip_verify", &mut tls.insecure_skip_verify, d);
    tls.min_version = version(&mut f, "min_version", d)?;
    tls.max_version = version(&mut f, "max_version", d)?;
    f.finish(d);
    if !d.failed_since(mark) {
        check_tls(&tls).map_err(|text| Fatal::new(text, node.at).hint("in tls_config"))?;
    }
    Ok(tls)
}

fn version(f: &mut Fields<'_>, key: &'static str, d: &mut Decoder) -> Result<Option<TlsVersion>, Fatal> {
    let Some((node, text)) = f.section(key).and_then(|node| Some((node, d.text(node)?))) else {
        return Ok(None);
    };
    TlsVersion::parse(&text).map(Some).ok_or_else(|| {
        Fatal::new(format!("unknown TLS version: {text}"), node.at)
            .hint(format!("{key} is one of TLS10, TLS11, TLS12, TLS13"))
    })
}

fn check_tls(tls: &TlsConfig) -> Result<(), &'static str> {
    let both = |a: bool, b: bool| a && b;
    if both(!tls.ca.is_empty(), !tls.ca_file.is_empty()) {
        return Err("at most one of ca and ca_file must be configured");
    }
    if both(!tls.cert.is_empty(), !tls.cert_file.is_empty()) {
        return Err("at most one of cert and cert_file must be configured");
    }
    if both(!tls.key.is_empty(), !tls.key_file.is_empty()) {
        return Err("at most one of key and key_file must be configured");
    }
    let cert = !tls.cert.is_empty() || !tls.cert_file.is_empty();
    let key = !tls.key.is_empty() || !tls.key_file.is_empty();
    if cert && !key {
        return Err(
            "exactly one of key or key_file must be configured when a client certificate is configured",
        );
    }
    if key && !cert {
        return Err("exactly one of cert or cert_file must be configured when a client key is configured");
    }
    Ok(())
}

fn proxy(f: &mut Fields<'_>, proxy: &mut ProxyConfig, d: &mut Decoder) -> Result<(), Fatal> {
    let at = f.place("proxy_url");
    f.text("proxy_url", &mut proxy.proxy_url, d);
    f.text("no_proxy", &mut proxy.no_proxy, d);
    f.boolean("proxy_from_environment", &mut proxy.proxy_from_environment, d);
    if let Some(node) = f.section("proxy_connect_header") {
        let map = d.texts_map(node, "config.ProxyHeader").unwrap_or_default();
        let secrets = |values: Vec<String>| values.into_iter().map(Secret::new).collect();
        proxy.proxy_connect_header = map
            .into_iter()
            .map(|(name, values)| (name, secrets(values)))
            .collect();
    }
    check_parses(&proxy.proxy_url, at)?;
    let has_url = !proxy.proxy_url.is_empty();
    let fail = |text: &str| Err(Fatal::new(text, at));
    if !proxy.proxy_connect_header.is_empty() && !proxy.proxy_from_environment && !has_url {
        return fail(
            "if proxy_connect_header is configured, proxy_url or proxy_from_environment must also be configured",
        );
    }
    if proxy.proxy_from_environment && has_url {
        return fail("if proxy_from_environment is configured, proxy_url must not be configured");
    }
    if proxy.proxy_from_environment && !proxy.no_proxy.is_empty() {
        return fail("if proxy_from_environment is configured, no_proxy must not be configured");
    }
    if !has_url && !proxy.no_proxy.is_empty() {
        return fail("if no_proxy is configured, proxy_url must also be configured");
    }
    Ok(())
}

/// Whether Go's reader of URLs would take `url`; its texts.
pub(super) fn check_parses(url: &str, at: Position) -> Result<(), Fatal> {
    let fault = if url.chars().any(|c| c.is_ascii_control()) {
        "net/url: invalid control character in URL"
    } else if url.starts_with(':') {
        "missing protocol scheme"
    } else {
        let scheme_ends = url.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.')));
        let segment = url.split(['/', '?', '#']).next().unwrap_or_default();
        match scheme_ends.map(|end| url.split_at(end)) {
            Some((scheme, rest))
                if rest.starts_with(':') && scheme.starts_with(|c: char| c.is_ascii_alphabetic()) =>
            {
                return Ok(());
            }
            _ if segment.contains(':') => "first path segment in URL cannot contain colon",
            _ => return Ok(()),
        }
    };
    Err(Fatal::new(format!("parse {url:?}: {fault}"), at)
        .hint("write the whole URL, for example http://host:port/path"))
}

fn headers(node: &Node, d: &mut Decoder) -> Result<Vec<(String, HeaderValues)>, Fatal> {
    /// Headers that the client itself writes.
    const RESERVED: [&str; 17] = [
        "authorization",
        "host",
        "content-encoding",
        "content-length",
        "content-type",
        "user-agent",
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "www-authenticate",
        "accept-encoding",
        "x-prometheus-remote-write-version",
        "x-prometheus-remote-read-version",
        "x-prometheus-scrape-timeout-seconds",
        "x-amz-date",
        "x-amz-security-token",
    ];
    let mut headers = Vec::new();
    for (name, node) in d.entries(node, "map[string]config.Header").unwrap_or_default() {
        if RESERVED.contains(&name.to_lowercase().as_str()) {
            return Err(Fatal::new(
                format!("setting header \"{name}\" is not allowed"),
                node.at,
            ));
        }
        let Some(mut f) = Fields::open(node, "config.Header", d) else {
            continue;
        };
        let mut values = HeaderValues::default();
        f.texts("values", &mut values.values, d);
        let mut secrets = Vec::new();
        f.texts("secrets", &mut secrets, d);
        values.secrets = secrets.into_iter().map(Secret::new).collect();
        f.texts("files", &mut values.files, d);
        f.finish(d);
        headers.push((name, values));
    }
    headers.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(headers)
}

/// One kind of authentication only; a bearer token becomes an `Authorization`.
fn check(client: &mut HttpClientConfig, token: Secret, token_file: String) -> Result<(), &'static str> {
    let has_token = !token.is_empty() || !token_file.is_empty();
    if !token.is_empty() && !token_file.is_empty() {
        return Err("at most one of bearer_token & bearer_token_file must be configured");
    }
    if (client.basic_auth.is_some() || client.oauth2.is_some()) && has_token {
        return Err("at most one of basic_auth, oauth2, bearer_token & bearer_token_file must be configured");
    }
    if let Some(auth) = &client.basic_auth {
        if !auth.username.is_empty() && !auth.username_file.is_empty() {
            return Err("at most one of basic_auth username & username_file must be configured");
        }
        if !auth.password.is_empty() && !auth.password_file.is_empty() {
            return Err("at most one of basic_auth password & password_file must be configured");
        }
    }
    if let Some(auth) = &mut client.authorization {
        if has_token {
            return Err("authorization is not compatible with bearer_token & bearer_token_file");
        }
        if !auth.credentials.is_empty() && !auth.credentials_file.is_empty() {
            return Err("at most one of authorization credentials & credentials_file must be configured");
        }
        auth.kind = auth.kind.trim().to_owned();
        if auth.kind.is_empty() {
            "Bearer".clone_into(&mut auth.kind);
        }
        if auth.kind.eq_ignore_ascii_case("basic") {
            return Err("authorization type cannot be set to \"basic\", use \"basic_auth\" instead");
        }
        if client.basic_auth.is_some() || client.oauth2.is_some() {
            return Err("at most one of basic_auth, oauth2 & authorization must be configured");
        }
    } else if has_token {
        client.authorization = Some(Authorization {
            credentials: token,
            credentials_file: token_file,
            ..Authorization::default()
        });
    }
    if let Some(oauth2) = &client.oauth2 {
        if client.basic_auth.is_some() {
            return Err("at most one of basic_auth, oauth2 & authorization must be configured");
        }
        if oauth2.client_id.is_empty() {
            return Err("oauth2 client_id must be configured");
        }
        if oauth2.token_url.is_empty() {
            return Err("oauth2 token_url must be configured");
        }
        if !oauth2.client_secret.is_empty() && !oauth2.client_secret_file.is_empty() {
            return Err(
                "at most one of oauth2 client_secret, client_secret_file & client_secret_ref must be configured",
            );
        }
    }
    Ok(())
}
