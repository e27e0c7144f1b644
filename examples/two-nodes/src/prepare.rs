//! What the nodes and their callers need for trying things out, made anew at each start, below `config/demo`.

use std::fs;
use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use palisade::core::{Clock as _, SubjectAltName, SystemClock};
use palisade::directory::GeneratedApiKey;
use palisade::keystore::{Authority, CertificateRequest, KeystoreBuilder, NewAuthority, Subject};

use crate::Failure;

/// How long certificates are valid.
const VALID: Duration = Duration::from_hours(365 * 24);

/// What was made.
#[derive(Debug)]
pub(crate) struct Prepared {
    /// The folder with what callers have.
    pub(crate) callers: PathBuf,
    /// The folder of Redis.
    pub(crate) redis: PathBuf,
    /// The port of Redis, free until now.
    pub(crate) redis_port: u16,
    /// The folder with what everything logs.
    pub(crate) logs: PathBuf,
}

/// Makes the files below `config/demo`, in place of those of the last start, and `application-demo.properties`.
pub(crate) fn prepare(config: &Path) -> Result<Prepared, Failure> {
    let demo = config.join("demo");
    let prepared = Prepared {
        callers: demo.join("callers"),
        redis: demo.join("redis"),
        redis_port: TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port(),
        logs: demo.join("logs"),
    };
    let ca = prepared.callers.join("ca.crt");
    // Nothing is removed but what was made here.
    if ca.exists() {
        fs::remove_dir_all(&demo)?;
    }
    for folder in [&prepared.callers, &prepared.redis, &prepared.logs] {
        fs::create_dir_all(folder)?;
    }
    write_certificates(&ca, &demo.join("server.pem"))?;

    let mut properties = vec!["# Made at each start. Not for version control.".to_owned()];
    properties.push(format!("demo.redis.port={}", prepared.redis_port));
    for name in ["alice", "bob"] {
        let key = GeneratedApiKey::generate()?;
        let file = prepared.callers.join(name).with_extension("api-key");
        write_private(&file, key.text().expose())?;
        properties.push(format!("demo.{name}.api-key-hash={}", key.hash().to_text()));
    }
    let file = config.join("application-demo.properties");
    write_private(&file, &(properties.join("\n") + "\n"))?;
    Ok(prepared)
}

/// The certificate of an authority, and a key with a certificate of it for this machine.
fn write_certificates(ca: &Path, server: &Path) -> Result<(), Failure> {
    let now = SystemClock::new().now();
    let authority = Authority::create(&NewAuthority::new("Palisade demo CA", VALID), now)?;
    let names = vec![
        SubjectAltName::Dns("localhost".to_owned()),
        SubjectAltName::Ip(Ipv4Addr::LOCALHOST.into()),
    ];
    let issued = authority.issue(
        &CertificateRequest::server(Subject::new("localhost"), names, VALID),
        now,
    )?;
    let mut keystore = KeystoreBuilder::new();
    keystore.add_trusted("ca", authority.certificate().clone())?;
    let key = issued.key.ok_or("no key was made")?;
    keystore.add_key("server", key, vec![issued.certificate])?;
    fs::write(ca, keystore.pem("ca")?)?;
    Ok(write_private(server, &keystore.pem("server")?)?)
}

/// Writes a file that only its owner reads.
fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(text.as_bytes())
}
