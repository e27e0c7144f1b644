//! Keys for trying things out: what each side keeps to itself, and what it hands to the other.
//!
//! A real server has its keys from `palisade cert` or from an authority, and each partner makes its own. Here both are made at the
//! first start, below `config/demo`, so that everything runs at once.

use std::error::Error;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use palisade::core::{Clock as _, Secret, SystemClock};
use palisade::keystore::{Certificate, KeystoreBuilder, PrivateKey};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, RsaKeySize,
};
use serde_json::Value;
use time::{Duration, OffsetDateTime};

type Failure = Box<dyn Error>;

/// The password of our keystores, as the configuration has it too.
const PASSWORD: &str = "for-the-demo-alone";

/// The kind of keys that is agreed on with a partner, and what it means on the wire.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Rsa,
    Ec,
}

impl Kind {
    fn generate(self) -> Result<KeyPair, rcgen::Error> {
        match self {
            Self::Rsa => KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048),
            Self::Ec => KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256),
        }
    }

    fn signature(self) -> &'static str {
        match self {
            Self::Rsa => "RS256",
            Self::Ec => "ES256",
        }
    }

    fn encryption(self) -> &'static str {
        match self {
            Self::Rsa => "RSA-OAEP-256",
            Self::Ec => "ECDH-ES+A256KW",
        }
    }
}

/// A key, and a certificate of it.
struct Identity {
    key: KeyPair,
    certificate: rcgen::Certificate,
}

impl Identity {
    fn new(kind: Kind, params: &CertificateParams, issuer: &Issuer<'_, KeyPair>) -> Result<Self, Failure> {
        let key = kind.generate()?;
        let certificate = params.signed_by(&key, issuer)?;
        Ok(Self { key, certificate })
    }

    fn pem(&self) -> String {
        self.certificate.pem() + &self.key.serialize_pem()
    }

    fn add_to(&self, keystore: &mut KeystoreBuilder, alias: &str) -> Result<(), Failure> {
        let certificate = Certificate::from_der(self.certificate.der().clone())?;
        let key = PrivateKey::from_der(self.key.serialized_der())?;
        keystore.add_key(alias, key, vec![certificate])?;
        Ok(())
    }
}

/// Makes the files below `config/demo`, unless they are there: that folder.
pub(crate) fn prepare(config: &Path) -> Result<PathBuf, Failure> {
    let folder = config.join("demo");
    if folder.join("acme-ec/keys.jwks").exists() {
        return Ok(folder);
    }
    let ca_key = KeyPair::generate()?;
    let mut params = params("Palisade demo CA", &[])?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let ca = params.self_signed(&ca_key)?.pem();
    let issuer = Issuer::new(params, ca_key);

    fs::create_dir_all(folder.join("tls"))?;
    let server = Identity::new(
        Kind::Ec,
        &tls("localhost", ExtendedKeyUsagePurpose::ServerAuth)?,
        &issuer,
    )?;
    write_private(&folder.join("tls/server.pem"), server.pem())?;
    fs::write(folder.join("tls/ca.pem"), &ca)?;

    agree(&folder, Kind::Rsa, &ca, &issuer)?;
    agree(&folder, Kind::Ec, &ca, &issuer)?;
    Ok(folder)
}

/// What we and a partner make and exchange before the first message. Both sides' keys are of one kind.
fn agree(folder: &Path, kind: Kind, ca: &str, issuer: &Issuer<'_, KeyPair>) -> Result<(), Failure> {
    let (ours, acme) = match kind {
        Kind::Rsa => ("ours.p12", "acme"),
        Kind::Ec => ("ours-ec.jks", "acme-ec"),
    };
    let partner = folder.join(acme);
    fs::create_dir_all(&partner)?;

    // Ours: private keys in a keystore, certificates and public keys for the partner.
    let sign = Identity::new(kind, &params("bank, signs", &[])?, issuer)?;
    let decrypt = Identity::new(kind, &params("bank, decrypts", &[])?, issuer)?;
    let mut keystore = KeystoreBuilder::new();
    sign.add_to(&mut keystore, "sign")?;
    decrypt.add_to(&mut keystore, "decrypt")?;
    let password = Secret::new(PASSWORD);
    let file = match kind {
        Kind::Rsa => keystore.pkcs12(&password)?,
        Kind::Ec => keystore.jks(&password, SystemClock::new().now())?,
    };
    write_private(&folder.join(ours), file)?;
    let labels = [(None, "sig", kind.signature()), (None, "enc", kind.encryption())];
    fs::write(
        partner.join("bank.jwks"),
        labelled(&keystore.jwk_set()?, &labels)?,
    )?;
    fs::write(partner.join("bank-sign.crt"), sign.certificate.pem())?;
    fs::write(partner.join("bank-encrypt.crt"), decrypt.certificate.pem())?;

    // The partner's: private keys for itself, public keys for us, and a certificate for TLS.
    let caller = Identity::new(kind, &tls(acme, ExtendedKeyUsagePurpose::ClientAuth)?, issuer)?;
    let mut keystore = KeystoreBuilder::new();
    Identity::new(kind, &params("acme, signs", &[])?, issuer)?.add_to(&mut keystore, "sign")?;
    Identity::new(kind, &params("acme, decrypts", &[])?, issuer)?.add_to(&mut keystore, "decrypt")?;
    let labels = [
        (Some("acme-sign"), "sig", kind.signature()),
        (Some("acme-decrypt"), "enc", kind.encryption()),
        // The key of its certificate is known by its thumbprint.
        (None, "enc", kind.encryption()),
    ];
    fs::write(
        folder.join(acme).with_extension("jwks"),
        labelled(&keystore.jwk_set()?, &labels)?,
    )?;
    caller.add_to(&mut keystore, "caller")?;
    let private = labelled(&keystore.jwk_set_with_private_keys()?, &labels)?;
    write_private(&partner.join("keys.jwks"), private)?;
    write_private(&partner.join("tls.pem"), caller.pem())?;
    fs::write(partner.join("ca.pem"), ca)?;
    Ok(())
}

/// A JWK Set with a name, a use and an algorithm for each key, and without certificates.
fn labelled(set: &str, labels: &[(Option<&str>, &str, &str)]) -> Result<String, Failure> {
    let mut set: Value = serde_json::from_str(set)?;
    let keys = set.get_mut("keys").and_then(Value::as_array_mut);
    for (key, (kid, usage, algorithm)) in keys.into_iter().flatten().zip(labels) {
        if let Some(members) = key.as_object_mut() {
            members.remove("x5c");
            members.insert("use".to_owned(), (*usage).into());
            members.insert("alg".to_owned(), (*algorithm).into());
            members.extend(kid.map(|kid| ("kid".to_owned(), kid.into())));
        }
    }
    Ok(serde_json::to_string_pretty(&set)?)
}

fn params(name: &str, hosts: &[&str]) -> Result<CertificateParams, rcgen::Error> {
    let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
    let mut params = CertificateParams::new(hosts)?;
    params.distinguished_name.push(DnType::CommonName, name);
    params
        .distinguished_name
        .push(DnType::OrganizationName, "Palisade demo, trust nowhere");
    params.not_before = OffsetDateTime::now_utc() - Duration::hours(1);
    params.not_after = params.not_before + Duration::days(365);
    Ok(params)
}

fn tls(name: &str, purpose: ExtendedKeyUsagePurpose) -> Result<CertificateParams, rcgen::Error> {
    let hosts: &[&str] = match purpose {
        ExtendedKeyUsagePurpose::ServerAuth => &["localhost", "127.0.0.1", "::1"],
        _ => &[],
    };
    let mut params = params(name, hosts)?;
    params.extended_key_usages = vec![purpose];
    Ok(params)
}

/// Writes a file that only its owner reads.
fn write_private(path: &Path, bytes: impl AsRef<[u8]>) -> std::io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(bytes.as_ref())
}
