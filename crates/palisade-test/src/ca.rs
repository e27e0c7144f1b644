//! A certificate authority that lives in memory.
//!
//! ```
//! use palisade_test::ca::{ClientTls, TestCa};
//!
//! let root = TestCa::new("Test Root");
//! let issuing = root.intermediate("Test Issuing");
//! let server = issuing.server(&["localhost", "127.0.0.1"]);
//! assert_eq!(server.chain().len(), 2); // leaf and intermediate; the root is the trust anchor
//!
//! let partner = issuing.client("partner-a");
//! let _config = ClientTls::trusting(&root).identity(&partner).tls12_only().alpn(&["h2"]).build();
//! ```
//!
//! Rules:
//! 1. Every key is made anew, so no private key is ever stored in the tree.
//! 2. Certificates are valid from 2020 to 2100 unless a test says otherwise.
//! 3. Serial numbers count up within one authority.
//! 4. Files with a key are readable by their owner alone.
//!
//! It protects nothing: it is for tests only.

#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a test that cannot make its certificates must stop"
)]

use std::fmt;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DistinguishedName,
    DnType, IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, RevocationReason, RevokedCertParams, SerialNumber,
};
use rustls::RootCertStore;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use time::OffsetDateTime;
use time::macros::datetime;

pub use self::client_tls::ClientTls;
pub use self::leaf::Leaf;

mod client_tls;
mod leaf;

/// The first instant at which certificates are valid, unless a test says otherwise.
pub const NOT_BEFORE: OffsetDateTime = datetime!(2020-01-01 00:00 UTC);
/// The last instant at which certificates are valid, unless a test says otherwise.
pub const NOT_AFTER: OffsetDateTime = datetime!(2100-01-01 00:00 UTC);

/// The algorithm of a generated key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyKind {
    /// ECDSA on P-256, the default: fast to make.
    #[default]
    EcP256,
    /// ECDSA on P-384.
    EcP384,
    /// RSA with 2048 bits: takes a noticeable part of a second to make.
    Rsa2048,
    /// Ed25519.
    Ed25519,
}

impl KeyKind {
    fn generate(self) -> KeyPair {
        let algorithm = match self {
            Self::EcP256 => &rcgen::PKCS_ECDSA_P256_SHA256,
            Self::EcP384 => &rcgen::PKCS_ECDSA_P384_SHA384,
            Self::Rsa2048 => &rcgen::PKCS_RSA_SHA256,
            Self::Ed25519 => &rcgen::PKCS_ED25519,
        };
        KeyPair::generate_for(algorithm).expect("generate a key")
    }
}

/// A certificate authority: a root, or an intermediate below one.
pub struct TestCa {
    issuer: CertifiedIssuer<'static, KeyPair>,
    root: CertificateDer<'static>,
    /// This authority's own certificate and those above it, without the root.
    above: Vec<CertificateDer<'static>>,
    above_pem: String,
    next_serial: AtomicU64,
}

impl TestCa {
    /// Makes a self-signed root with this common name.
    pub fn new(common_name: &str) -> Self {
        Self::with_key_kind(common_name, KeyKind::default())
    }

    /// Makes a self-signed root with this common name and kind of key.
    pub fn with_key_kind(common_name: &str, kind: KeyKind) -> Self {
        let issuer = CertifiedIssuer::self_signed(ca_params(common_name, 1), kind.generate())
            .expect("self-sign a root");
        let root = issuer.der().clone();
        Self {
            issuer,
            root,
            above: Vec::new(),
            above_pem: String::new(),
            next_serial: AtomicU64::new(0x1000),
        }
    }

    /// Makes an intermediate authority below this one.
    #[must_use]
    pub fn intermediate(&self, common_name: &str) -> Self {
        let params = ca_params(common_name, self.take_serial());
        let key = KeyKind::default().generate();
        let issuer = CertifiedIssuer::signed_by(params, key, &self.issuer).expect("sign an intermediate");
        let mut above = vec![issuer.der().clone()];
        above.extend(self.above.iter().cloned());
        let above_pem = issuer.pem() + &self.above_pem;
        Self {
            issuer,
            root: self.root.clone(),
            above,
            above_pem,
            next_serial: AtomicU64::new(0x2000),
        }
    }

    /// Issues a server certificate for these DNS names and IP addresses; the first is the common name.
    pub fn server(&self, names: &[&str]) -> TestCert {
        let common_name = names.first().copied().unwrap_or("server");
        self.leaf(common_name).names(names).for_servers().issue()
    }

    /// Issues a client certificate with this common name.
    pub fn client(&self, common_name: &str) -> TestCert {
        self.leaf(common_name).for_clients().issue()
    }

    /// Starts a certificate of which every detail can be chosen.
    pub fn leaf(&self, common_name: &str) -> Leaf<'_> {
        let mut params = CertificateParams::default();
        params.distinguished_name = dn(common_name);
        params.not_before = NOT_BEFORE;
        params.not_after = NOT_AFTER;
        params.key_usages = vec![
            KeyUsagePurpose::DigitalSignature,
            KeyUsagePurpose::KeyEncipherment,
        ];
        params.use_authority_key_identifier_extension = true;
        Leaf {
            ca: self,
            params,
            kind: KeyKind::default(),
            serial: None,
        }
    }

    /// Issues a revocation list that names these serial numbers.
    pub fn crl(
        &self,
        serials: &[&[u8]],
        this_update: OffsetDateTime,
        next_update: OffsetDateTime,
    ) -> TestCrl {
        let revoked_certs = serials
            .iter()
            .map(|serial| RevokedCertParams {
                serial_number: SerialNumber::from_slice(serial),
                revocation_time: this_update,
                reason_code: Some(RevocationReason::KeyCompromise),
                invalidity_date: None,
            })
            .collect();
        let crl = CertificateRevocationListParams {
            this_update,
            next_update,
            crl_number: SerialNumber::from_slice(&[1]),
            issuing_distribution_point: None,
            revoked_certs,
            key_identifier_method: KeyIdMethod::Sha256,
        }
        .signed_by(&self.issuer)
        .expect("sign a revocation list");
        TestCrl {
            pem: crl.pem().expect("encode a revocation list"),
            der: crl.into(),
        }
    }

    /// The certificate of this authority itself.
    pub fn certificate(&self) -> &CertificateDer<'static> {
        self.issuer.der()
    }

    /// The certificate of this authority itself, as PEM.
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// The root above this authority: the trust anchor.
    pub fn root(&self) -> &CertificateDer<'static> {
        &self.root
    }

    /// A root store with the root alone.
    pub fn root_store(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots
            .add(self.root.clone())
            .expect("a root made here is well formed");
        roots
    }

    /// Writes the certificate of this authority as `<stem>.pem` into `folder`.
    pub fn write_pem(&self, folder: &Path, stem: &str) -> PathBuf {
        write(folder, &format!("{stem}.pem"), &self.pem())
    }

    fn take_serial(&self) -> u64 {
        self.next_serial.fetch_add(1, Ordering::Relaxed)
    }
}

impl fmt::Debug for TestCa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestCa")
            .field("intermediates", &self.above.len())
            .finish_non_exhaustive()
    }
}

/// A certificate with its key and the chain up to, but without, the root.
pub struct TestCert {
    chain: Vec<CertificateDer<'static>>,
    chain_pem: String,
    leaf_pem: String,
    key: KeyPair,
    serial: Vec<u8>,
}

impl TestCert {
    /// The chain, leaf first, without the root.
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.chain
    }

    /// The leaf certificate.
    pub fn certificate(&self) -> &CertificateDer<'static> {
        self.chain.first().expect("a chain starts with its leaf")
    }

    /// The private key, as PKCS#8.
    pub fn key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.serialize_der()))
    }

    /// The private key as PKCS#8 PEM.
    pub fn key_pem(&self) -> String {
        self.key.serialize_pem()
    }

    /// The chain as PEM, leaf first.
    pub fn chain_pem(&self) -> &str {
        &self.chain_pem
    }

    /// The leaf certificate alone as PEM.
    pub fn leaf_pem(&self) -> &str {
        &self.leaf_pem
    }

    /// The serial number, big-endian.
    pub fn serial(&self) -> &[u8] {
        &self.serial
    }

    /// Writes `<stem>.pem` with the key and the chain into `folder`, readable by the owner alone.
    pub fn write_pem(&self, folder: &Path, stem: &str) -> PathBuf {
        write(
            folder,
            &format!("{stem}.pem"),
            &format!("{}{}", self.key_pem(), self.chain_pem),
        )
    }

    /// Writes `<stem>.crt` with the chain and `<stem>.key` with the key into `folder`.
    pub fn write_crt_and_key(&self, folder: &Path, stem: &str) -> (PathBuf, PathBuf) {
        (
            write(folder, &format!("{stem}.crt"), &self.chain_pem),
            write(folder, &format!("{stem}.key"), &self.key_pem()),
        )
    }
}

impl fmt::Debug for TestCert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestCert")
            .field("serial", &self.serial)
            .finish_non_exhaustive()
    }
}

/// A certificate revocation list in both encodings.
#[derive(Clone, Debug)]
pub struct TestCrl {
    pem: String,
    der: CertificateRevocationListDer<'static>,
}

impl TestCrl {
    /// The list as PEM.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// The list as DER.
    pub fn der(&self) -> &CertificateRevocationListDer<'static> {
        &self.der
    }

    /// Writes `<stem>.crl.pem` into `folder`.
    pub fn write_pem(&self, folder: &Path, stem: &str) -> PathBuf {
        write(folder, &format!("{stem}.crl.pem"), &self.pem)
    }
}

/// Reads every certificate of a PEM text.
pub fn certificates_of_pem(pem: &str) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(pem.as_bytes())
        .collect::<Result<_, _>>()
        .expect("well-formed PEM")
}

fn ca_params(common_name: &str, serial: u64) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = dn(common_name);
    params.not_before = NOT_BEFORE;
    params.not_after = NOT_AFTER;
    params.serial_number = Some(SerialNumber::from_slice(&serial_bytes(serial)));
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![
        KeyUsagePurpose::KeyCertSign,
        KeyUsagePurpose::CrlSign,
        KeyUsagePurpose::DigitalSignature,
    ];
    params.use_authority_key_identifier_extension = true;
    params
}

fn dn(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    name
}

/// The shortest big-endian form: a leading zero would not survive DER.
fn serial_bytes(serial: u64) -> Vec<u8> {
    serial
        .to_be_bytes()
        .into_iter()
        .skip_while(|byte| *byte == 0)
        .collect()
}

fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    if text.contains("PRIVATE KEY") {
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    }
    let mut file = options.open(&path).expect("open a file in the test's folder");
    file.write_all(text.as_bytes())
        .expect("write a file in the test's folder");
    path
}
