//! TLS towards servers, as `tls_config` says it.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use hyper_rustls::ConfigBuilderExt as _;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    SupportedProtocolVersion,
};

use crate::config::{TlsConfig, TlsVersion};

/// What most jobs use; to read the system's certificates once for each would take long.
static DEFAULT: OnceLock<ClientConfig> = OnceLock::new();

/// The files that these settings name.
pub(super) fn files(config: &TlsConfig) -> Vec<PathBuf> {
    [&config.ca_file, &config.cert_file, &config.key_file]
        .into_iter()
        .filter(|file| !file.is_empty())
        .map(PathBuf::from)
        .collect()
}

/// The client side of TLS for these settings.
///
/// # Errors
/// What cannot be read or does not fit together.
pub(super) fn client(config: &TlsConfig) -> Result<ClientConfig, String> {
    if *config != TlsConfig::default() {
        return build(config);
    }
    if let Some(client) = DEFAULT.get() {
        return Ok(client.clone());
    }
    let client = build(config)?;
    Ok(DEFAULT.get_or_init(|| client).clone())
}

fn build(config: &TlsConfig) -> Result<ClientConfig, String> {
    let provider = Arc::new(ring::default_provider());
    let versions = versions(config)?;
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&versions)
        .map_err(|e| format!("invalid TLS versions: {e}"))?;
    let ca = text_or_file(&config.ca, &config.ca_file, "CA cert")?;
    let builder = if config.insecure_skip_verify {
        builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AcceptAll(provider)))
    } else if let Some(pem) = ca {
        builder.with_root_certificates(roots(&pem)?)
    } else {
        // A machine without certificates can still scrape over plain HTTP.
        match builder.clone().with_native_roots() {
            Ok(builder) => builder,
            Err(_) => builder.with_root_certificates(RootCertStore::empty()),
        }
    };
    let cert = text_or_file(&config.cert, &config.cert_file, "client cert")?;
    let key = text_or_file(config.key.expose(), &config.key_file, "client key")?;
    let (Some(cert), Some(key)) = (cert, key) else {
        return Ok(builder.with_no_client_auth());
    };
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&cert)
        .collect::<Result<_, _>>()
        .map_err(|e| format!("unable to use specified client cert: {e}"))?;
    let key = PrivateKeyDer::from_pem_slice(&key)
        .map_err(|e| format!("unable to use specified client key: {e}"))?;
    builder
        .with_client_auth_cert(chain, key)
        .map_err(|e| format!("unable to use specified client cert and key: {e}"))
}

fn versions(config: &TlsConfig) -> Result<Vec<&'static SupportedProtocolVersion>, String> {
    let min = config.min_version.unwrap_or(TlsVersion::Tls12);
    let max = config.max_version.unwrap_or(TlsVersion::Tls13);
    let spoken = [
        (TlsVersion::Tls12, &rustls::version::TLS12),
        (TlsVersion::Tls13, &rustls::version::TLS13),
    ];
    let versions: Vec<_> = spoken
        .into_iter()
        .filter(|(version, _)| (min..=max).contains(version))
        .map(|(_, version)| version)
        .collect();
    if versions.is_empty() {
        return Err(format!(
            "no TLS version from {} to {} can be spoken: allow TLS12 or TLS13",
            min.name(),
            max.name()
        ));
    }
    Ok(versions)
}

fn text_or_file(text: &str, file: &str, what: &str) -> Result<Option<Vec<u8>>, String> {
    if !text.is_empty() {
        return Ok(Some(text.as_bytes().to_vec()));
    }
    if file.is_empty() {
        return Ok(None);
    }
    std::fs::read(file)
        .map(Some)
        .map_err(|e| format!("unable to load specified {what} {file}: {e}"))
}

fn roots(pem: &[u8]) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for cert in CertificateDer::pem_slice_iter(pem) {
        let cert = cert.map_err(|e| format!("unable to parse specified CA cert: {e}"))?;
        roots
            .add(cert)
            .map_err(|e| format!("unable to use specified CA cert: {e}"))?;
    }
    if roots.is_empty() {
        return Err("unable to use specified CA cert: it holds no certificate".to_owned());
    }
    Ok(roots)
}

/// What went wrong in a handshake, in Go's words where it has some.
pub(super) fn error_text(error: &Error) -> String {
    let reason = match error {
        Error::InvalidCertificate(CertificateError::UnknownIssuer) => {
            "certificate signed by unknown authority"
        }
        Error::InvalidCertificate(
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. },
        ) => "certificate has expired or is not yet valid",
        Error::InvalidMessage(_) => return "http: server gave HTTP response to HTTPS client".to_owned(),
        Error::InvalidCertificate(_) => return format!("tls: failed to verify certificate: x509: {error}"),
        _ => return format!("tls: {error}"),
    };
    format!("tls: failed to verify certificate: x509: {reason}")
}

/// Checks signatures but not who has signed: `insecure_skip_verify`.
#[derive(Debug)]
struct AcceptAll(Arc<CryptoProvider>);

impl ServerCertVerifier for AcceptAll {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(
            message,
            cert,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(
            message,
            cert,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
