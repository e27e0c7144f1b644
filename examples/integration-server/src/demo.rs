//! A certificate authority for trying things out: its own server certificate, and one for a partner.

use std::error::Error;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use time::{Duration, OffsetDateTime};

/// Where the files are.
#[derive(Debug)]
pub(crate) struct Demo {
    /// The authority's certificate.
    pub(crate) ca: PathBuf,
    /// The partner's certificate, with its key.
    pub(crate) partner: PathBuf,
}

/// Makes the files below `config/demo`, unless they are there.
pub(crate) fn prepare(config: &Path) -> Result<Demo, Box<dyn Error>> {
    let folder = config.join("demo");
    let demo = Demo {
        ca: folder.join("ca.pem"),
        partner: folder.join("partner/partner.pem"),
    };
    if demo.ca.exists() && demo.partner.exists() && folder.join("server.pem").exists() {
        return Ok(demo);
    }
    fs::create_dir_all(folder.join("partner"))?;

    let key = KeyPair::generate()?;
    let mut params = params("Palisade demo CA", Vec::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let certificate = params.self_signed(&key)?;
    let issuer = Issuer::new(params, key);

    let (server, server_key) = leaf(
        "localhost",
        &["localhost", "127.0.0.1", "::1"],
        ExtendedKeyUsagePurpose::ServerAuth,
        &issuer,
    )?;
    let (partner, partner_key) = leaf("acme", &[], ExtendedKeyUsagePurpose::ClientAuth, &issuer)?;
    write_private(&folder.join("server.pem"), &(server + &server_key))?;
    write_private(&demo.partner, &(partner + &partner_key))?;
    fs::write(&demo.ca, certificate.pem())?;
    Ok(demo)
}

fn params(name: &str, hosts: Vec<String>) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(hosts)?;
    params.distinguished_name.push(DnType::CommonName, name);
    params
        .distinguished_name
        .push(DnType::OrganizationName, "Palisade demo, trust nowhere");
    params.not_before = OffsetDateTime::now_utc() - Duration::hours(1);
    params.not_after = params.not_before + Duration::days(365);
    Ok(params)
}

/// A certificate and its key, both PEM.
fn leaf(
    name: &str,
    hosts: &[&str],
    purpose: ExtendedKeyUsagePurpose,
    issuer: &Issuer<'_, KeyPair>,
) -> Result<(String, String), rcgen::Error> {
    let key = KeyPair::generate()?;
    let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
    let mut params = params(name, hosts)?;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![purpose];
    Ok((params.signed_by(&key, issuer)?.pem(), key.serialize_pem()))
}

/// Writes a file that only its owner reads.
fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(text.as_bytes())
}
