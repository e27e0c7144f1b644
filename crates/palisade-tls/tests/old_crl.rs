//! Revocation lists as `openssl ca -gencrl` makes them by default: version 1, without extensions.
#![expect(clippy::unwrap_used, reason = "tests")]

mod support;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::SystemTime;

use palisade_core::{Clock as _, SystemClock};
use rstest::rstest;
use rustls::ClientConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use support::{DAY, World, seconds};
use x509_parser::prelude::{CertificateRevocationList, FromDer as _, X509Version};

fn openssl(folder: &Path, command: &str) {
    let output = Command::new("openssl")
        .args(command.split(' '))
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "openssl {command}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// An authority of the openssl command in its own folder: `ca.key`, `ca.pem`, a database of revocations.
struct Authority<'a>(&'a Path);

impl<'a> Authority<'a> {
    fn root(folder: &'a Path, name: &str) -> Self {
        Self::prepare(folder);
        openssl(
            folder,
            &format!(
                "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -days 36500 -subj /CN={name} -config ca.cnf -extensions issuer"
            ),
        );
        Self(folder)
    }

    fn prepare(folder: &Path) {
        fs::create_dir(folder).unwrap();
        fs::write(folder.join("index.txt"), "").unwrap();
        let config = "[ca]\ndefault_ca=own\n[own]\ndatabase=index.txt\ndefault_md=sha256\n[req]\ndistinguished_name=dn\n[dn]\n\
            [issuer]\nbasicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n[client]\nextendedKeyUsage=clientAuth\n";
        fs::write(folder.join("ca.cnf"), config).unwrap();
    }

    /// Signs a certificate into `folder/stem.pem` with `folder/stem.key`.
    fn sign(&self, folder: &Path, stem: &str, name: &str, extensions: &str) {
        let Self(own) = self;
        openssl(
            folder,
            &format!(
                "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout {stem}.key -out {stem}.csr -subj /CN={name} -config ca.cnf"
            ),
        );
        let ca = own.display();
        openssl(
            folder,
            &format!(
                "x509 -req -in {stem}.csr -out {stem}.pem -CA {ca}/ca.pem -CAkey {ca}/ca.key -CAcreateserial -days 36500 -extfile ca.cnf -extensions {extensions}"
            ),
        );
    }

    fn intermediate(&self, folder: &'a Path, name: &str) -> Self {
        Self::prepare(folder);
        self.sign(folder, "ca", name, "issuer");
        Self(folder)
    }

    fn client(&self, name: &str) {
        self.sign(self.0, name, name, "client");
    }

    fn revoke(&self, name: &str) {
        openssl(
            self.0,
            &format!("ca -revoke {name}.pem -keyfile ca.key -cert ca.pem -config ca.cnf"),
        );
    }

    /// Writes the list, valid until long after the test's own date.
    fn list(&self, path: &Path) {
        openssl(
            self.0,
            "ca -gencrl -keyfile ca.key -cert ca.pem -config ca.cnf -crldays 36500 -out list.pem",
        );
        fs::copy(self.0.join("list.pem"), path).unwrap();
    }

    fn chain(&self, name: &str, above: &[&Path]) -> Vec<CertificateDer<'static>> {
        std::iter::once(self.0.join(format!("{name}.pem")))
            .chain(above.iter().map(|folder| folder.join("ca.pem")))
            .map(|path| CertificateDer::from_pem_file(path).unwrap())
            .collect()
    }

    fn tls(&self, world: &World, name: &str, above: &[&Path]) -> Arc<ClientConfig> {
        let key = PrivateKeyDer::from_pem_file(self.0.join(format!("{name}.key"))).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(world.ca.root_store())
            .with_client_auth_cert(self.chain(name, above), key)
            .unwrap();
        Arc::new(config)
    }
}

/// The command makes certificates that start now, so this is when the test takes place.
fn world() -> (World, u64) {
    let now = SystemClock::new()
        .now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap()
        .as_secs()
        + 60;
    let world = World::new();
    world.clock.set(seconds(now));
    (world, now)
}

fn settings(lists: &[&str]) -> Value {
    json!({"tls": {"client-auth": "require", "client-ca-aliases": ["partners"], "crl-files": lists}})
}

#[tokio::test]
async fn a_list_of_version_1_revokes() {
    let (world, now) = world();
    let folder = world.path().join("root");
    let root = Authority::root(&folder, "Root");
    for name in ["bad", "good"] {
        root.client(name);
    }
    fs::copy(folder.join("ca.pem"), world.keys().join("partners.pem")).unwrap();
    let list = world.path().join("list.pem");
    root.list(&list);
    let (_, pem) = x509_parser::pem::parse_x509_pem(&fs::read(&list).unwrap()).unwrap();
    let (_, parsed) = CertificateRevocationList::from_der(&pem.contents).unwrap();
    assert_eq!(
        (
            parsed.version().unwrap_or(X509Version::V1),
            parsed.extensions().len()
        ),
        (X509Version::V1, 0)
    );

    let server = world.start(settings(&["list.pem"])).await;
    let (bad, good) = (root.tls(&world, "bad", &[]), root.tls(&world, "good", &[]));
    let mut connection = server.connect(&bad).await.unwrap();
    assert_eq!(connection.get(&[]).await.unwrap().0, 200);
    assert!(server.seen(&good).await.is_ok());

    root.revoke("bad");
    root.list(&list);
    server.reload(&world, settings(&["list.pem"]));
    assert_eq!(connection.get(&[]).await.unwrap().0, 403);
    assert!(server.seen(&root.tls(&world, "bad", &[])).await.is_err());
    assert!(server.seen(&good).await.is_ok());

    // Past its date it refuses everybody.
    world.clock.set(seconds(now + 200 * 365 * DAY));
    assert!(server.seen(&root.tls(&world, "good", &[])).await.is_err());
}

#[rstest]
#[case::both_lists(&["root.list", "issuing.list"], true)]
#[case::the_root_s_alone(&["root.list"], false)]
#[case::the_intermediate_s_alone(&["issuing.list"], false)]
#[tokio::test]
async fn every_certificate_of_a_chain_needs_a_list(#[case] lists: &[&str], #[case] accepted: bool) {
    let (world, _) = world();
    let (above, below) = (world.path().join("root"), world.path().join("issuing"));
    let root = Authority::root(&above, "Root");
    let issuing = root.intermediate(&below, "Issuing");
    issuing.client("partner");
    fs::copy(above.join("ca.pem"), world.keys().join("partners.pem")).unwrap();
    root.list(&world.path().join("root.list"));
    issuing.list(&world.path().join("issuing.list"));
    let server = world.start(settings(lists)).await;
    let tls = issuing.tls(&world, "partner", &[&below]);
    assert_eq!(server.seen(&tls).await.is_ok(), accepted);
    // A client may send the root as well.
    let tls = issuing.tls(&world, "partner", &[&below, &above]);
    assert_eq!(server.seen(&tls).await.is_ok(), accepted);
}

#[tokio::test]
async fn a_forged_list_is_not_believed_even_if_the_client_brings_its_signer() {
    let (world, _) = world();
    let (own, forger) = (world.path().join("root"), world.path().join("forger"));
    let root = Authority::root(&own, "Root");
    let forger_root = Authority::root(&forger, "Root");
    root.client("partner");
    fs::copy(own.join("ca.pem"), world.keys().join("partners.pem")).unwrap();
    forger_root.list(&world.path().join("list.pem"));
    let server = world.start(settings(&["list.pem"])).await;
    assert!(server.seen(&root.tls(&world, "partner", &[])).await.is_err());
    assert!(
        server
            .seen(&root.tls(&world, "partner", &[&forger]))
            .await
            .is_err()
    );
    root.list(&world.path().join("list.pem"));
    server.reload(&world, settings(&["list.pem"]));
    assert!(server.seen(&root.tls(&world, "partner", &[])).await.is_ok());
}

#[tokio::test]
async fn old_and_regular_lists_serve_side_by_side() {
    let (world, now) = world();
    let folder = world.path().join("root");
    let root = Authority::root(&folder, "Root");
    root.client("partner");
    fs::copy(folder.join("ca.pem"), world.keys().join("partners.pem")).unwrap();
    root.list(&world.path().join("list.pem"));
    let (bad, good) = (world.ca.client("bad"), world.ca.client("good"));
    world.revoke(&[bad.serial()], now + DAY);
    let mut settings = settings(&["list.pem", "ca.crl.pem"]);
    settings["tls"]["client-ca-aliases"] = json!(["partners", "ca"]);
    let server = world.start(settings).await;
    assert!(server.seen(&root.tls(&world, "partner", &[])).await.is_ok());
    assert!(server.seen(&support::client(&world, Some(&good))).await.is_ok());
    assert!(server.seen(&support::client(&world, Some(&bad))).await.is_err());
}
