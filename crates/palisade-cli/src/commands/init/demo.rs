//! Certificates for a demonstration: an authority, a server and a client.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, Error, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, SanType,
};
use time::{Duration, OffsetDateTime};

use crate::instant;

/// How long the certificates are valid.
const VALIDITY: Duration = Duration::days(365);

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
pub(super) fn make() -> Result<Demo, Error> {
    let mut params = named("Palisade demo authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;

    let mut server = leaf("localhost", ExtendedKeyUsagePurpose::ServerAuth);
    server.subject_alt_names = vec![
        SanType::DnsName("localhost".try_into()?),
        SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        SanType::IpAddress(IpAddr::V6(Ipv6Addr::LOCALHOST)),
    ];
    let client = leaf("Palisade demo client", ExtendedKeyUsagePurpose::ClientAuth);
    Ok(Demo {
        server: issue(&server, &authority)?,
        client: issue(&client, &authority)?,
        authority: authority.pem(),
    })
}

fn named(common_name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, common_name);
    let now = OffsetDateTime::from(instant::now());
    // Clocks of clients may be behind.
    params.not_before = now - Duration::hours(1);
    params.not_after = now + VALIDITY;
    params
}

fn leaf(common_name: &str, purpose: ExtendedKeyUsagePurpose) -> CertificateParams {
    let mut params = named(common_name);
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![purpose];
    params.use_authority_key_identifier_extension = true;
    params
}

fn issue(params: &CertificateParams, authority: &CertifiedIssuer<'_, KeyPair>) -> Result<String, Error> {
    let key = KeyPair::generate()?;
    let certificate = params.signed_by(&key, authority)?;
    Ok(format!("{}{}", key.serialize_pem(), certificate.pem()))
}
