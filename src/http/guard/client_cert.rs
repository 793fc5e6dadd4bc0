//! What is asked of clients' certificates.

use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, IpAddr, ServerName, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme,
};

use crate::config::WebTlsConfig;

/// Checks clients' certificates as `client_auth_type` says; None where none is asked for.
///
/// # Errors
/// In the words of Prometheus's reader.
pub(super) fn verifier(
    tls: &WebTlsConfig,
    provider: &Arc<CryptoProvider>,
) -> Result<Option<Arc<dyn ClientCertVerifier>>, String> {
    let kind = tls.client_auth_type.as_str();
    let ca = authorities(tls)?;
    let any = |mandatory| -> Arc<dyn ClientCertVerifier> {
        Arc::new(AnyCert {
            mandatory,
            provider: Arc::clone(provider),
        })
    };
    let signed = |ca: Option<RootCertStore>, optional: bool| -> Result<Arc<dyn ClientCertVerifier>, String> {
        let ca = ca.ok_or_else(|| {
            format!("client_auth_type {kind} needs client_ca or client_ca_file to say who signs clients' certificates")
        })?;
        let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(ca), Arc::clone(provider));
        let builder = if optional {
            builder.allow_unauthenticated()
        } else {
            builder
        };
        let built = builder.build().map_err(|e| format!("invalid client CA: {e}"))?;
        Ok(built)
    };
    let verifier = match kind {
        "" | "NoClientCert" if ca.is_some() => {
            return Err("Client CA's have been configured without a Client Auth Policy".to_owned());
        }
        "" | "NoClientCert" => return Ok(None),
        "RequestClientCert" => any(false),
        "RequireAnyClientCert" | "RequireClientCert" => any(true),
        "VerifyClientCertIfGiven" => signed(ca, true)?,
        "RequireAndVerifyClientCert" => signed(ca, false)?,
        other => return Err(format!("Invalid ClientAuth: {other}")),
    };
    if tls.client_allowed_sans.is_empty() {
        return Ok(Some(verifier));
    }
    Ok(Some(Arc::new(OneOfNames {
        inner: verifier,
        names: tls.client_allowed_sans.clone(),
    })))
}

fn authorities(tls: &WebTlsConfig) -> Result<Option<RootCertStore>, String> {
    let pem = if !tls.client_ca_file.is_empty() {
        super::tls::read_file(&tls.client_ca_file)?
    } else if !tls.client_ca.is_empty() {
        tls.client_ca.as_bytes().to_vec()
    } else {
        return Ok(None);
    };
    let mut roots = RootCertStore::empty();
    for cert in CertificateDer::pem_slice_iter(&pem) {
        let cert = cert.map_err(|e| format!("invalid client CA: {e}"))?;
        roots.add(cert).map_err(|e| format!("invalid client CA: {e}"))?;
    }
    if roots.is_empty() {
        return Err("invalid client CA: it holds no certificate".to_owned());
    }
    Ok(Some(roots))
}

/// Takes every certificate whose key the client has, whoever signed it.
#[derive(Debug)]
struct AnyCert {
    mandatory: bool,
    provider: Arc<CryptoProvider>,
}

impl ClientCertVerifier for AnyCert {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn client_auth_mandatory(&self) -> bool {
        self.mandatory
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, signature, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, signature, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// Also wants one of these names in the certificate: a host, an address or a URI.
#[derive(Debug)]
struct OneOfNames {
    inner: Arc<dyn ClientCertVerifier>,
    names: Vec<String>,
}

impl OneOfNames {
    fn holds(&self, cert: &CertificateDer<'_>) -> Result<bool, Error> {
        let cert = webpki::EndEntityCert::try_from(cert)
            .map_err(|_| Error::InvalidCertificate(CertificateError::BadEncoding))?;
        let is_wanted = |name: &str| self.names.iter().any(|wanted| wanted == name);
        if cert.valid_dns_names().any(is_wanted) || cert.valid_uri_names().any(is_wanted) {
            return Ok(true);
        }
        let addresses = self
            .names
            .iter()
            .filter_map(|name| name.parse::<std::net::IpAddr>().ok());
        Ok(addresses
            .map(|address| ServerName::IpAddress(IpAddr::from(address)))
            .any(|address| cert.verify_is_valid_for_subject_name(&address).is_ok()))
    }
}

impl ClientCertVerifier for OneOfNames {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.inner.root_hint_subjects()
    }

    fn offer_client_auth(&self) -> bool {
        self.inner.offer_client_auth()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.inner.client_auth_mandatory()
    }

    fn verify_client_cert(
        &self,
        cert: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verified = self.inner.verify_client_cert(cert, chain, now)?;
        if self.holds(cert)? {
            return Ok(verified);
        }
        Err(Error::General(
            "could not find allowed SANs in client cert".to_owned(),
        ))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, cert, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, cert, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}
