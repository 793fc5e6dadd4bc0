//! HTTP client keys, secrets hidden.

use crate::config::yaml::{Out, OutMap};
use crate::config::{HttpClientConfig, OAuth2, ProxyConfig, Secret, TlsConfig};

const HIDDEN: &str = "<secret>";

fn secret(out: &mut OutMap, key: &str, secret: &Secret) {
    if !secret.is_empty() {
        out.text(key, HIDDEN);
    }
}

pub(super) fn http_client(client: &HttpClientConfig) -> OutMap {
    let mut out = OutMap::new();
    if let Some(auth) = &client.basic_auth {
        let mut map = OutMap::new();
        map.text_opt("username", &auth.username);
        map.text_opt("username_file", &auth.username_file);
        secret(&mut map, "password", &auth.password);
        map.text_opt("password_file", &auth.password_file);
        out.put("basic_auth", Out::Map(map));
    }
    if let Some(auth) = &client.authorization {
        let mut map = OutMap::new();
        map.text_opt("type", &auth.kind);
        secret(&mut map, "credentials", &auth.credentials);
        map.text_opt("credentials_file", &auth.credentials_file);
        out.put("authorization", Out::Map(map));
    }
    if let Some(auth) = &client.oauth2 {
        out.put("oauth2", Out::Map(oauth2(auth)));
    }
    out.map_opt("tls_config", tls(&client.tls));
    out.raw("follow_redirects", client.follow_redirects);
    out.raw("enable_http2", client.enable_http2);
    out.extend(proxy(&client.proxy));
    let mut headers = OutMap::new();
    for (name, values) in &client.http_headers {
        let mut map = OutMap::new();
        map.texts_opt("values", &values.values);
        map.texts_opt("secrets", &vec![HIDDEN; values.secrets.len()]);
        map.texts_opt("files", &values.files);
        headers.put(name, Out::Map(map));
    }
    out.map_opt("http_headers", headers);
    out
}

fn oauth2(auth: &OAuth2) -> OutMap {
    let mut map = OutMap::new();
    map.text("client_id", auth.client_id.as_str());
    map.text(
        "client_secret",
        if auth.client_secret.is_empty() { "" } else { HIDDEN },
    );
    map.text("client_secret_file", auth.client_secret_file.as_str());
    map.texts_opt("scopes", &auth.scopes);
    map.text("token_url", auth.token_url.as_str());
    let mut params = OutMap::new();
    for (name, value) in &auth.endpoint_params {
        params.text(name, value.as_str());
    }
    map.map_opt("endpoint_params", params);
    map.text_opt("grant_type", &auth.grant_type);
    map.map_opt("tls_config", tls(&auth.tls));
    map.extend(proxy(&auth.proxy));
    map
}

pub(super) fn tls(tls: &TlsConfig) -> OutMap {
    let mut out = OutMap::new();
    if *tls == TlsConfig::default() {
        return out;
    }
    out.text_opt("ca", &tls.ca);
    out.text_opt("cert", &tls.cert);
    secret(&mut out, "key", &tls.key);
    out.text_opt("ca_file", &tls.ca_file);
    out.text_opt("cert_file", &tls.cert_file);
    out.text_opt("key_file", &tls.key_file);
    out.text_opt("server_name", &tls.server_name);
    out.raw("insecure_skip_verify", tls.insecure_skip_verify);
    if let Some(version) = tls.min_version {
        out.text("min_version", version.name());
    }
    if let Some(version) = tls.max_version {
        out.text("max_version", version.name());
    }
    out
}

fn proxy(proxy: &ProxyConfig) -> OutMap {
    let mut out = OutMap::new();
    out.text_opt("proxy_url", &hide_password(&proxy.proxy_url));
    out.text_opt("no_proxy", &proxy.no_proxy);
    out.bool_opt("proxy_from_environment", proxy.proxy_from_environment);
    let mut headers = OutMap::new();
    for (name, values) in &proxy.proxy_connect_header {
        headers.put(
            name,
            Out::List(values.iter().map(|_| Out::Text(HIDDEN.to_owned())).collect()),
        );
    }
    out.map_opt("proxy_connect_header", headers);
    out
}

/// A URL with the password that it may carry left out.
pub(super) fn hide_password(url: &str) -> String {
    let hidden = url.split_once("://").and_then(|(scheme, rest)| {
        let (userinfo, host) = rest.split_at(rest.split('/').next()?.rfind('@')?);
        let (user, _) = userinfo.split_once(':')?;
        Some(format!("{scheme}://{user}:%3Csecret%3E{host}"))
    });
    hidden.unwrap_or_else(|| url.to_owned())
}
