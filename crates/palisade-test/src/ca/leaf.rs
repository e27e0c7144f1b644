//! A certificate of which every detail can be chosen.

use std::fmt;

use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, SanType, SerialNumber};
use time::OffsetDateTime;

use super::{KeyKind, TestCa, TestCert, serial_bytes};

/// A certificate about to be issued.
pub struct Leaf<'a> {
    pub(super) ca: &'a TestCa,
    pub(super) params: CertificateParams,
    pub(super) kind: KeyKind,
    pub(super) serial: Option<Vec<u8>>,
}

impl Leaf<'_> {
    /// Adds DNS names and IP addresses as subject alternative names.
    #[must_use]
    pub fn names(mut self, names: &[&str]) -> Self {
        self.params
            .subject_alt_names
            .extend(names.iter().map(|name| match name.parse() {
                Ok(address) => SanType::IpAddress(address),
                Err(_) => SanType::DnsName((*name).try_into().expect("a DNS name is ASCII")),
            }));
        self
    }

    /// Adds a URI as a subject alternative name.
    #[must_use]
    pub fn uri(mut self, uri: &str) -> Self {
        self.params
            .subject_alt_names
            .push(SanType::URI(uri.try_into().expect("a URI is ASCII")));
        self
    }

    /// Adds an e-mail address as a subject alternative name.
    #[must_use]
    pub fn email(mut self, address: &str) -> Self {
        self.params
            .subject_alt_names
            .push(SanType::Rfc822Name(address.try_into().expect("ASCII")));
        self
    }

    /// Adds an organisation to the subject.
    #[must_use]
    pub fn organization(mut self, name: &str) -> Self {
        self.params
            .distinguished_name
            .push(DnType::OrganizationName, name);
        self
    }

    /// Marks the certificate for servers.
    #[must_use]
    pub fn for_servers(mut self) -> Self {
        self.params
            .extended_key_usages
            .push(ExtendedKeyUsagePurpose::ServerAuth);
        self
    }

    /// Marks the certificate for clients.
    #[must_use]
    pub fn for_clients(mut self) -> Self {
        self.params
            .extended_key_usages
            .push(ExtendedKeyUsagePurpose::ClientAuth);
        self
    }

    /// Chooses the first instant of validity.
    #[must_use]
    pub fn not_before(mut self, instant: OffsetDateTime) -> Self {
        self.params.not_before = instant;
        self
    }

    /// Chooses the last instant of validity.
    #[must_use]
    pub fn not_after(mut self, instant: OffsetDateTime) -> Self {
        self.params.not_after = instant;
        self
    }

    /// Chooses the algorithm of the key.
    #[must_use]
    pub fn key_kind(mut self, kind: KeyKind) -> Self {
        self.kind = kind;
        self
    }

    /// Chooses the serial number, big-endian.
    #[must_use]
    pub fn serial(mut self, serial: &[u8]) -> Self {
        self.serial = Some(serial.to_vec());
        self
    }

    /// Makes a key and signs the certificate.
    pub fn issue(mut self) -> TestCert {
        let serial = self.serial.unwrap_or_else(|| serial_bytes(self.ca.take_serial()));
        self.params.serial_number = Some(SerialNumber::from_slice(&serial));
        let key = self.kind.generate();
        let certificate = self
            .params
            .signed_by(&key, &self.ca.issuer)
            .expect("sign a certificate");
        let leaf_pem = certificate.pem();
        let chain_pem = leaf_pem.clone() + &self.ca.above_pem;
        let chain = [certificate.der()]
            .into_iter()
            .chain(&self.ca.above)
            .cloned()
            .collect();
        TestCert {
            chain,
            chain_pem,
            leaf_pem,
            key,
            serial,
        }
    }
}

impl fmt::Debug for Leaf<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Leaf")
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}
