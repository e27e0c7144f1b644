//! What the server and its callers need for trying things out, made anew at each start, below `config/demo`.
//!
//! A real server has the certificates of its callers and the hashes of their secrets, and never the secrets: these stay with the
//! callers, as the private keys do. Here both sides are made by one hand, so that everything runs at once.

use std::error::Error;
use std::fs;
use std::io::Write;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use palisade::core::{Clock as _, SubjectAltName, SystemClock};
use palisade::directory::{GeneratedApiKey, PasswordHash};
use palisade::keystore::{
    Authority, AuthorityFolder, Certificate, CertificateRequest, Issued, KeystoreBuilder, NewAuthority,
    Subject, random_password,
};

use crate::tokens::Issuer;

type Failure = Box<dyn Error>;

/// How long everything is valid.
const VALID: Duration = Duration::from_hours(365 * 24);
/// Where PEM of a key and its certificate comes apart.
const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----";

/// What was made.
#[derive(Debug)]
pub(crate) struct Demo {
    /// The folder with what callers have.
    pub(crate) callers: PathBuf,
    /// The serial number of the certificate that gets lost.
    pub(crate) lost: String,
}

/// Makes the files below `config/demo`, in place of those of the last start, and `application-demo.properties`.
pub(crate) fn prepare(config: &Path) -> Result<Demo, Failure> {
    let folder = config.join("demo");
    let ca = AuthorityFolder::new(folder.join("ca"));
    // Nothing is removed but what was made here.
    if ca.exists() {
        fs::remove_dir_all(&folder)?;
    }
    let now = SystemClock::new().now();
    let authority = Authority::create(&NewAuthority::new("Palisade demo CA", VALID), now)?;
    ca.create(&authority, None, now, VALID)?;
    let maker = Maker {
        authority,
        now,
        certificates: folder.join("certificates"),
        callers: folder.join("callers"),
    };
    fs::create_dir_all(&maker.certificates)?;
    fs::create_dir_all(&maker.callers)?;
    fs::copy(ca.certificate_file(), maker.callers.join("ca.crt"))?;
    maker.server(&folder.join("server.pem"))?;

    let alice = maker.caller("alice", "acme", Known::Registered)?;
    let lost = maker.caller("alice-laptop", "acme", Known::Registered)?;
    maker.caller("dave", "acme", Known::Registered)?;
    maker.caller("acme", "acme", Known::Registered)?;
    maker.caller("stranger", "acme", Known::ToNobody)?;

    let issuer = Issuer::new(now)?;
    fs::write(folder.join("issuer.jwks"), &issuer.published)?;
    maker.write("alice.token", &issuer.token("alice", "orders.read", None)?)?;
    maker.write(
        "alice-bound.token",
        &issuer.token("alice", "orders.read", Some(&alice))?,
    )?;
    maker.write("robot.token", &issuer.token("robot", "orders.write", None)?)?;

    let hashes = maker.hashes()?;
    write_private(&config.join("application-demo.properties"), &hashes)?;
    Ok(Demo {
        callers: maker.callers,
        lost: lost.facts().serial_hex(),
    })
}

/// Whether the server is given a certificate, to register it for somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    Registered,
    ToNobody,
}

/// Makes certificates and secrets, and files each with whom it belongs to.
struct Maker {
    authority: Authority,
    now: SystemTime,
    certificates: PathBuf,
    callers: PathBuf,
}

impl Maker {
    /// The server's key and certificate.
    fn server(&self, path: &Path) -> Result<(), Failure> {
        let names = vec![
            SubjectAltName::Dns("localhost".to_owned()),
            SubjectAltName::Ip(Ipv4Addr::LOCALHOST.into()),
            SubjectAltName::Ip(Ipv6Addr::LOCALHOST.into()),
        ];
        let request = CertificateRequest::server(Subject::new("localhost"), names, VALID);
        let issued = self.authority.issue(&request, self.now)?;
        let (keystore, _) = filed("server", issued)?;
        Ok(write_private(path, &keystore.pem("server")?)?)
    }

    /// A caller's key and certificate: as PEM, and as PKCS#12 with its password.
    fn caller(&self, name: &str, organization: &str, known: Known) -> Result<Certificate, Failure> {
        let request = CertificateRequest::client(Subject::new(name).of(organization), VALID);
        let issued = self.authority.issue(&request, self.now)?;
        let (keystore, certificate) = filed(name, issued)?;

        let both = keystore.pem(name)?;
        let (key, public) = both.split_at(both.find(CERTIFICATE).ok_or("no certificate was issued")?);
        self.write(&format!("{name}.key"), key)?;
        self.write(&format!("{name}.crt"), public)?;
        let password = random_password()?;
        self.write(&format!("{name}.p12.password"), password.expose())?;
        let file = self.callers.join(name).with_extension("p12");
        write_private(&file, keystore.pkcs12(&password)?)?;
        if known == Known::Registered {
            fs::write(self.certificates.join(name).with_extension("crt"), public)?;
        }
        Ok(certificate)
    }

    /// Passwords and an API key for their owners; their hashes, as property files have them.
    fn hashes(&self) -> Result<String, Failure> {
        let mut properties = vec![
            "# Made at each start: the hashes of what callers sign in with. Not for version control."
                .to_owned(),
        ];
        for name in ["alice", "bob", "carol"] {
            let password = random_password()?;
            self.write(&format!("{name}.password"), password.expose())?;
            let hash = PasswordHash::hash(&password)?.to_phc();
            properties.push(format!("demo.{name}.password-hash={}", hash.expose()));
        }
        let key = GeneratedApiKey::generate()?;
        self.write("alice.api-key", key.text().expose())?;
        properties.push(format!("demo.alice.api-key-hash={}\n", key.hash().to_text()));
        Ok(properties.join("\n"))
    }

    /// Gives a file to a caller.
    fn write(&self, name: &str, text: &str) -> std::io::Result<()> {
        write_private(&self.callers.join(name), text)
    }
}

/// A key and its certificate as a keystore.
fn filed(alias: &str, issued: Issued) -> Result<(KeystoreBuilder, Certificate), Failure> {
    let key = issued.key.ok_or("no key was made")?;
    let mut keystore = KeystoreBuilder::new();
    keystore.add_key(alias, key, vec![issued.certificate.clone()])?;
    Ok((keystore, issued.certificate))
}

/// Writes a file that only its owner reads.
fn write_private(path: &Path, bytes: impl AsRef<[u8]>) -> std::io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(bytes.as_ref())
}
