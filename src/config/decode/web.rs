//! Sections of the web configuration file.

use super::decoder::{Decoder, is_null};
use super::fields::Fields;
use crate::config::error::Fatal;
use crate::config::yaml::{Node, Position};
use crate::config::{RateLimit, Secret, TlsVersion, WebConfig, WebTlsConfig};

/// Suites that Go knows by name. Those of TLS 1.3 cannot be chosen: naming them does nothing.
const CIPHERS: [&str; 18] = [
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    // Older releases of Go count these as safe too.
    "TLS_RSA_WITH_AES_128_CBC_SHA",
    "TLS_RSA_WITH_AES_256_CBC_SHA",
    "TLS_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_RSA_WITH_AES_128_CBC_SHA256",
];
const CURVES: [&str; 5] = ["CurveP256", "CurveP384", "CurveP521", "X25519", "X25519MLKEM768"];
/// Headers that may be set, and their values where those are limited.
const HEADERS: [(&str, &[&str]); 5] = [
    ("Content-Security-Policy", &[]),
    ("Strict-Transport-Security", &[]),
    ("X-Content-Type-Options", &["nosniff"]),
    ("X-Frame-Options", &["deny", "sameorigin"]),
    ("X-XSS-Protection", &[]),
];
/// Shortest bcrypt hash, in Go's reader.
const HASH_BYTES_MIN: usize = 59;

/// The whole file.
pub(crate) fn web(node: Option<&Node>, d: &mut Decoder) -> Result<WebConfig, Fatal> {
    let mut config = WebConfig::default();
    let Some(mut f) = node
        .filter(|node| !is_null(node))
        .and_then(|node| Fields::open(node, "web.Config", d))
    else {
        return Ok(config);
    };
    if let Some(node) = f.section("tls_server_config") {
        tls(node, &mut config.tls, d)?;
    }
    if let Some(node) = f.section("http_server_config") {
        http(node, &mut config, d)?;
    }
    if let Some(node) = f.section("rate_limit") {
        config.rate_limit = rate_limit(node, d)?;
    }
    if let Some(node) = f.section("basic_auth_users") {
        let at = node.at;
        for (user, hash) in d.text_map(node).unwrap_or_default() {
            check_hash(&hash).map_err(|text| {
                Fatal::new(text, at).hint(format!(
                    "the value of user {user:?} must be a bcrypt hash, as htpasswd -nBC 10 prints it"
                ))
            })?;
            config.users.insert(user, Secret::new(hash));
        }
    }
    f.finish(d);
    Ok(config)
}

fn tls(node: &Node, tls: &mut WebTlsConfig, d: &mut Decoder) -> Result<(), Fatal> {
    let Some(mut f) = Fields::open(node, "web.TLSConfig", d) else {
        return Ok(());
    };
    f.text("cert", &mut tls.cert, d);
    f.secret("key", &mut tls.key, d);
    f.text("client_ca", &mut tls.client_ca, d);
    f.text("cert_file", &mut tls.cert_file, d);
    f.text("key_file", &mut tls.key_file, d);
    f.text("client_auth_type", &mut tls.client_auth_type, d);
    f.text("client_ca_file", &mut tls.client_ca_file, d);
    f.texts("client_allowed_sans", &mut tls.client_allowed_sans, d);
    f.texts("cipher_suites", &mut tls.cipher_suites, d);
    f.texts("curve_preferences", &mut tls.curve_preferences, d);
    for (key, names, known, what) in [
        ("cipher_suites", &tls.cipher_suites, &CIPHERS[..], "cipher"),
        ("curve_preferences", &tls.curve_preferences, &CURVES[..], "curve"),
    ] {
        if let Some(name) = names.iter().find(|name| !known.contains(&name.as_str())) {
            let hint = format!("known are {}", known.join(", "));
            return Err(Fatal::new(format!("unknown {what}: {name}"), f.place(key)).hint(hint));
        }
    }
    for (key, version) in [
        ("min_version", &mut tls.min_version),
        ("max_version", &mut tls.max_version),
    ] {
        let Some((at, text)) = f.section(key).and_then(|node| Some((node.at, d.text(node)?))) else {
            continue;
        };
        *version = TlsVersion::parse(&text).ok_or_else(|| unknown_version(key, &text, at))?;
    }
    f.boolean(
        "prefer_server_cipher_suites",
        &mut tls.prefer_server_cipher_suites,
        d,
    );
    f.finish(d);
    Ok(())
}

fn unknown_version(key: &str, text: &str, at: Position) -> Fatal {
    Fatal::new(format!("unknown TLS version: {text}"), at)
        .hint(format!("{key} is one of TLS10, TLS11, TLS12, TLS13"))
}

fn http(node: &Node, config: &mut WebConfig, d: &mut Decoder) -> Result<(), Fatal> {
    let Some(mut f) = Fields::open(node, "web.HTTPConfig", d) else {
        return Ok(());
    };
    f.boolean("http2", &mut config.http2, d);
    let at = f.place("headers");
    f.text_map("headers", &mut config.headers, d);
    f.finish(d);
    for (name, value) in &config.headers {
        let Some((_, allowed)) = HEADERS.iter().find(|(known, _)| known == name) else {
            return Err(Fatal::new(
                format!("HTTP header {name:?} can not be configured"),
                at,
            ));
        };
        if !allowed.is_empty() && !allowed.contains(&value.as_str()) {
            let quoted: Vec<String> = allowed.iter().map(|value| format!("{value:?}")).collect();
            return Err(Fatal::new(
                format!(
                    "invalid value for {name}. Expected one of: [{}], but got: {value:?}",
                    quoted.join(" ")
                ),
                at,
            ));
        }
    }
    Ok(())
}

fn rate_limit(node: &Node, d: &mut Decoder) -> Result<RateLimit, Fatal> {
    let mut limit = RateLimit::default();
    if let Some(mut f) = Fields::open(node, "web.RateLimiterConfig", d) {
        f.unsigned_as("burst", "int", &mut limit.burst, d);
        f.duration("interval", &mut limit.interval, d)?;
        f.finish(d);
    }
    Ok(limit)
}

/// Whether Go's bcrypt would take the hash; its texts.
fn check_hash(hash: &str) -> Result<(), String> {
    let bytes = hash.as_bytes();
    if bytes.len() < HASH_BYTES_MIN {
        return Err("crypto/bcrypt: hashedSecret too short to be a bcrypted password".to_owned());
    }
    let shown = |at: usize| char::from(bytes.get(at).copied().unwrap_or_default());
    if shown(0) != '$' {
        return Err(format!(
            "crypto/bcrypt: bcrypt hashes must start with '$', but hashedSecret started with '{}'",
            shown(0)
        ));
    }
    if shown(1) > '2' {
        return Err(format!(
            "crypto/bcrypt: bcrypt algorithm version '{}' requested is newer than current version '2'",
            shown(1)
        ));
    }
    let minor = usize::from(shown(2) != '$');
    let cost = hash.get(3 + minor..5 + minor).unwrap_or_default();
    match cost.parse::<u32>() {
        Ok(4..=31) if hash.is_ascii() => Ok(()),
        Ok(cost) => Err(format!(
            "crypto/bcrypt: cost {cost} is outside allowed inclusive range 4..31"
        )),
        Err(_) => Err(format!("strconv.Atoi: parsing {cost:?}: invalid syntax")),
    }
}
