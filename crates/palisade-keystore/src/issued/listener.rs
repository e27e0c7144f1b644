//! The last word on a certificate: the verifier that listeners and clients use themselves.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::aws_lc_rs;
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::{Error, RootCertStore};
use rustls_pki_types::{CertificateDer, UnixTime};

use crate::authority::Purpose;
use crate::entry::Certificate;

/// Verifies a certificate as its peers will, with that issuer as the only one that is trusted. Revocation is not looked at.
pub(super) fn verify(
    certificate: &Certificate,
    beside: &[Certificate],
    issuer: &Certificate,
    purpose: Purpose,
    now: SystemTime,
) -> Result<(), String> {
    let mut roots = RootCertStore::empty();
    roots.add(issuer.der().clone()).map_err(|error| words(&error))?;
    let beside: Vec<CertificateDer<'_>> = beside.iter().map(|other| other.der().clone()).collect();
    let since = now.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let now = UnixTime::since_unix_epoch(since);
    let provider = Arc::new(aws_lc_rs::default_provider());
    match purpose {
        Purpose::Client => WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
            .build()
            .map_err(|error| error.to_string())?
            .verify_client_cert(certificate.der(), &beside, now)
            .map(drop),
        Purpose::Server => ParsedCertificate::try_from(certificate.der()).and_then(|parsed| {
            let algorithms = provider.signature_verification_algorithms.all;
            verify_server_cert_signed_by_trust_anchor(&parsed, &roots, &beside, now, algorithms)
        }),
    }
    .map_err(|error| words(&error))
}

/// The verifier's reason alone, without the words that every one begins with.
fn words(error: &Error) -> String {
    match error {
        Error::InvalidCertificate(reason) => reason.to_string(),
        other => other.to_string(),
    }
}
