//! Certificates for a demonstration: an authority, a server and a client.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use palisade_core::SubjectAltName;
use palisade_keystore::{Authority, CertificateRequest, KeystoreBuilder, NewAuthority, Subject};

use crate::instant;
use crate::outcome::Failure;

/// How long the certificates are valid.
const VALIDITY: Duration = Duration::from_hours(365 * 24);

/// PEM texts.
pub(super) struct Demo {
    /// The authority's certificate.
    pub(super) authority: String,
    /// The server's key and certificate.
    pub(super) server: String,
    /// The client's key and certificate.
    pub(super) client: String,
}

/// Makes all three. Nobody can issue a fourth: the authority's key is gone when this returns.
pub(super) fn make() -> Result<Demo, Failure> {
    let new = NewAuthority::new("Palisade demo authority", VALIDITY);
    let authority = Authority::create(&new, instant::now()).map_err(failed)?;
    let names = vec![
        SubjectAltName::Dns("localhost".to_owned()),
        SubjectAltName::Ip(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        SubjectAltName::Ip(IpAddr::V6(Ipv6Addr::LOCALHOST)),
    ];
    let server = CertificateRequest::server(Subject::new("localhost"), names, VALIDITY);
    let client = CertificateRequest::client(Subject::new("Palisade demo client"), VALIDITY);
    let mut trusted = KeystoreBuilder::new();
    trusted
        .add_trusted("authority", authority.certificate().clone())
        .map_err(failed)?;
    Ok(Demo {
        authority: trusted.pem("authority").map_err(failed)?.to_string(),
        server: issue(&authority, &server)?,
        client: issue(&authority, &client)?,
    })
}

fn issue(authority: &Authority, request: &CertificateRequest) -> Result<String, Failure> {
    let issued = authority.issue(request, instant::now()).map_err(failed)?;
    let mut builder = KeystoreBuilder::new();
    if let Some(key) = issued.key {
        builder
            .add_key("demo", key, vec![issued.certificate])
            .map_err(failed)?;
    }
    Ok(builder.pem("demo").map_err(failed)?.to_string())
}

fn failed(error: impl std::fmt::Display) -> Failure {
    Failure::wrong(format!("the demo certificates: {error}"))
}
