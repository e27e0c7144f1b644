//! The TLS side of outbound connections.

use std::sync::Arc;

use palisade_core::TlsVersion;
use palisade_keystore::{Certificate, KeyEntry};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme, SupportedProtocolVersion};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

/// Why outbound TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsSetupError {
    /// Trust in given authorities, and none is given: nobody could be trusted.
    #[error("no trusted authority is given")]
    NoAuthorities,
    /// An authority's certificate cannot serve as a trust anchor.
    #[error("the certificate of `{subject}` cannot serve as a trusted authority")]
    Authority {
        /// The certificate's subject.
        subject: String,
        /// The TLS library's words.
        source: rustls::Error,
    },
    /// The client's key or certificate is not usable for TLS.
    #[error("the key under alias `{alias}` cannot serve as a TLS client's")]
    Identity {
        /// The alias.
        alias: String,
        /// The TLS library's words.
        source: rustls::Error,
    },
    /// The provider does not support the versions.
    #[error("TLS cannot be set up")]
    Provider(#[from] rustls::Error),
}

/// Whom to trust.
#[derive(Clone, Debug, Default)]
pub(crate) enum Trust {
    /// The authorities of the Mozilla programme, compiled in.
    #[default]
    PublicRoots,
    /// These, and no others.
    Authorities(Vec<Certificate>),
    /// Anybody.
    InsecureAll,
}

/// Which application protocols are offered, in this order.
pub(crate) const H2_AND_HTTP1: &[&[u8]] = &[b"h2", b"http/1.1"];
pub(crate) const H2_ONLY: &[&[u8]] = &[b"h2"];

pub(crate) fn config(
    floor: TlsVersion,
    trust: &Trust,
    identity: Option<&KeyEntry>,
    alpn: &[&[u8]],
) -> Result<ClientConfig, TlsSetupError> {
    // The provider is passed by hand: what another library installs for the process must not decide.
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&versions(floor))?;
    let builder = match trust {
        Trust::PublicRoots => builder.with_root_certificates(public_roots()),
        Trust::Authorities(authorities) => builder.with_root_certificates(root_store(authorities)?),
        Trust::InsecureAll => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(InsecureTrustAll(provider))),
    };
    let mut config = match identity {
        None => builder.with_no_client_auth(),
        Some(entry) => builder
            .with_client_auth_cert(entry.tls_chain(), entry.key_der())
            .map_err(|source| TlsSetupError::Identity {
                alias: entry.alias().to_owned(),
                source,
            })?,
    };
    config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
    Ok(config)
}

/// The versions that meet the floor. Nothing below TLS 1.2 is ever spoken, whatever the floor.
pub(crate) fn versions(floor: TlsVersion) -> Vec<&'static SupportedProtocolVersion> {
    match floor {
        TlsVersion::Tls13 => vec![&rustls::version::TLS13],
        TlsVersion::Tls12 | TlsVersion::Tls11 | TlsVersion::Tls10 | TlsVersion::Ssl3 => {
            vec![&rustls::version::TLS13, &rustls::version::TLS12]
        }
    }
}

/// The authorities of the Mozilla programme.
pub(crate) fn public_roots() -> RootCertStore {
    RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    }
}

pub(crate) fn root_store(authorities: &[Certificate]) -> Result<RootCertStore, TlsSetupError> {
    if authorities.is_empty() {
        return Err(TlsSetupError::NoAuthorities);
    }
    let mut roots = RootCertStore::empty();
    for authority in authorities {
        roots
            .add(authority.der().clone())
            .map_err(|source| TlsSetupError::Authority {
                subject: authority.facts().subject.clone(),
                source,
            })?;
    }
    Ok(roots)
}

/// Accepts any certificate, of anybody. The peer must still own the key of the certificate it shows.
#[derive(Debug)]
struct InsecureTrustAll(Arc<CryptoProvider>);

impl ServerCertVerifier for InsecureTrustAll {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
