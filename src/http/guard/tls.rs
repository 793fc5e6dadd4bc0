//! The server's side of TLS, as `tls_server_config` says it.

use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{CipherSuite, NamedGroup, ServerConfig, SupportedProtocolVersion};

use super::client_cert::verifier;
use crate::config::{TlsVersion, WebTlsConfig};

/// Suites of TLS 1.2 that are spoken here, by Go's names.
const SUITES: [(&str, CipherSuite); 6] = [
    (
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    ),
    (
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    ),
    (
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    ),
    (
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    ),
    (
        "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    ),
    (
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    ),
];
/// Curves that are spoken here, by Go's names.
const CURVES: [(&str, NamedGroup); 3] = [
    ("CurveP256", NamedGroup::secp256r1),
    ("CurveP384", NamedGroup::secp384r1),
    ("X25519", NamedGroup::X25519),
];
/// HTTP/2 wants one of these to be spoken.
const OF_HTTP2: [&str; 2] = [
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
];

/// TLS for these settings.
///
/// # Errors
/// What is missing, cannot be read or does not fit together; in the words of Prometheus's reader where it has some.
pub(super) fn server_config(tls: &WebTlsConfig, http2: bool) -> Result<ServerConfig, String> {
    let (chain, key) = certificate(tls)?;
    let provider = Arc::new(provider(tls)?);
    let verifier = verifier(tls, &provider)?;
    check_http2(tls, http2)?;
    let builder = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&versions(tls)?)
        .map_err(|e| format!("these versions, suites and curves cannot be spoken together: {e}"))?;
    let builder = match verifier {
        Some(verifier) => builder.with_client_cert_verifier(verifier),
        None => builder.with_no_client_auth(),
    };
    let mut config = builder.with_single_cert(chain, key).map_err(|e| match e {
        rustls::Error::InconsistentKeys(_) => {
            "failed to load X509KeyPair: tls: private key does not match public key".to_owned()
        }
        e => format!("failed to load X509KeyPair: {e}"),
    })?;
    config.ignore_client_order = tls.prefer_server_cipher_suites && !tls.cipher_suites.is_empty();
    if http2 {
        config.alpn_protocols.push(b"h2".to_vec());
    }
    config.alpn_protocols.push(b"http/1.1".to_vec());
    Ok(config)
}

/// A file that the web configuration names.
pub(super) fn read_file(path: &str) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|e| {
        let reason = match e.kind() {
            std::io::ErrorKind::NotFound => "no such file or directory".to_owned(),
            std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
            _ => e.to_string(),
        };
        format!("open {path}: {reason}")
    })
}

fn certificate(tls: &WebTlsConfig) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), String> {
    if tls.cert.is_empty() && tls.cert_file.is_empty() {
        return Err("missing one of cert or cert_file".to_owned());
    }
    if tls.key.is_empty() && tls.key_file.is_empty() {
        return Err("missing one of key or key_file".to_owned());
    }
    let text_or_file = |text: &str, file: &str| {
        if file.is_empty() {
            Ok(text.as_bytes().to_vec())
        } else {
            read_file(file)
        }
    };
    let failed = |e: String| format!("failed to load X509KeyPair: {e}");
    let cert = text_or_file(&tls.cert, &tls.cert_file).map_err(failed)?;
    let key = text_or_file(tls.key.expose(), &tls.key_file).map_err(failed)?;
    let chain = CertificateDer::pem_slice_iter(&cert)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|e| failed(format!("tls: {e}")))?;
    if chain.is_empty() {
        return Err(failed(
            "tls: failed to find any PEM data in certificate input".to_owned(),
        ));
    }
    let key = PrivateKeyDer::from_pem_slice(&key).map_err(|e| failed(format!("tls: {e}")))?;
    Ok((chain, key))
}

/// What is spoken: all of TLS 1.3, and of TLS 1.2 what was chosen, in that order.
fn provider(tls: &WebTlsConfig) -> Result<CryptoProvider, String> {
    let mut provider = ring::default_provider();
    let known = |names: &[String], spoken: &[&str], what: &str| {
        for name in names
            .iter()
            .filter(|n| !n.starts_with("TLS_AES") && !n.starts_with("TLS_CHACHA20"))
        {
            if !spoken.contains(&name.as_str()) {
                tracing::warn!("{what} {name} is not spoken here and left out");
            }
        }
    };
    if !tls.cipher_suites.is_empty() {
        known(&tls.cipher_suites, &SUITES.map(|(name, _)| name), "cipher suite");
        let all = std::mem::take(&mut provider.cipher_suites);
        let chosen = tls.cipher_suites.iter().filter_map(|name| {
            let (_, suite) = SUITES.iter().find(|(known, _)| known == name)?;
            all.iter().find(|s| s.suite() == *suite)
        });
        let chosen: Vec<_> = chosen.copied().collect();
        provider.cipher_suites = all
            .iter()
            .filter(|s| s.tls13().is_some())
            .copied()
            .chain(chosen)
            .collect();
    }
    if !tls.curve_preferences.is_empty() {
        known(&tls.curve_preferences, &CURVES.map(|(name, _)| name), "curve");
        let all = std::mem::take(&mut provider.kx_groups);
        let chosen = tls.curve_preferences.iter().filter_map(|name| {
            let (_, group) = CURVES.iter().find(|(known, _)| known == name)?;
            all.iter().find(|g| g.name() == *group)
        });
        provider.kx_groups = chosen.copied().collect();
        if provider.kx_groups.is_empty() {
            return Err(
                "none of the curve_preferences is spoken here: name CurveP256, CurveP384 or X25519"
                    .to_owned(),
            );
        }
    }
    Ok(provider)
}

fn versions(tls: &WebTlsConfig) -> Result<Vec<&'static SupportedProtocolVersion>, String> {
    let wanted = tls.min_version..=tls.max_version;
    let spoken = [
        (TlsVersion::Tls12, &rustls::version::TLS12),
        (TlsVersion::Tls13, &rustls::version::TLS13),
    ];
    let versions: Vec<_> = spoken
        .into_iter()
        .filter(|(version, _)| wanted.contains(version))
        .map(|(_, version)| version)
        .collect();
    if versions.is_empty() {
        return Err(format!(
            "no TLS version from {} to {} can be spoken: allow TLS12 or TLS13",
            tls.min_version.name(),
            tls.max_version.name()
        ));
    }
    Ok(versions)
}

fn check_http2(tls: &WebTlsConfig, http2: bool) -> Result<(), String> {
    let chosen = |name: &&str| tls.cipher_suites.iter().any(|suite| suite == *name);
    if !http2
        || tls.cipher_suites.is_empty()
        || tls.min_version >= TlsVersion::Tls13
        || OF_HTTP2.iter().any(chosen)
    {
        return Ok(());
    }
    Err(format!(
        "http2: TLSConfig.CipherSuites is missing an HTTP/2-required AES_128_GCM_SHA256 cipher (need at least one of {})",
        OF_HTTP2.join(" or ")
    ))
}
