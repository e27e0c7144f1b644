//! Entries of keystores, as they may be shown.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use palisade_core::SubjectAltName;
use palisade_keystore::{Certificate, Entry, Keystore, PublicKey, StoreType, Usage};
use serde::Serialize;
use serde_json::Value;
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::public_key;
use crate::instant::{days_until, rfc3339};

/// What stands under an alias, without anything that must not be seen.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Described {
    pub(super) keystore: String,
    pub(super) alias: String,
    pub(super) kind: &'static str,
    /// The key's algorithm and size, or why it cannot be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) key: Option<String>,
    /// What messages name the key by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) kid: Option<String>,
    /// The RFC 7638 thumbprint in base64url.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) thumbprint: Option<String>,
    /// What the key may be used for, where its JWK limits it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) usage: Option<&'static str>,
    /// The public key, to be handed to partners.
    #[serde(skip_serializing_if = "Option::is_none")]
    jwk: Option<Value>,
    pub(super) path: PathBuf,
    pub(super) format: &'static str,
    pub(super) certificates: Vec<DescribedCertificate>,
}

/// A certificate.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::commands) struct DescribedCertificate {
    pub(in crate::commands) subject: String,
    pub(in crate::commands) issuer: String,
    pub(in crate::commands) names: Vec<SubjectAltName>,
    pub(in crate::commands) key: String,
    pub(in crate::commands) usages: Vec<String>,
    pub(in crate::commands) is_authority: bool,
    pub(in crate::commands) serial: String,
    pub(in crate::commands) not_before: String,
    pub(in crate::commands) not_after: String,
    pub(in crate::commands) days_left: i64,
    pub(in crate::commands) age_days: i64,
    pub(in crate::commands) sha256: String,
    /// The same fingerprint as headers of messages have it (RFC 7515 section 4.1.8).
    #[serde(rename = "x5t#S256")]
    pub(in crate::commands) x5t: String,
}

impl Described {
    pub(super) fn new(store: &Keystore, entry: &Entry) -> Self {
        let (kind, key) = match entry {
            Entry::Key(entry) => ("key", Some(entry.key().algorithm().to_string())),
            Entry::Certificates { .. } => ("certificate", None),
            Entry::PublicKey(key) => ("public key", Some(key.algorithm().to_string())),
            Entry::Unusable { reason, .. } => ("unusable key", Some(reason.to_string())),
            _ => ("unknown", None),
        };
        let public = entry.public_key();
        let format = match store.format() {
            StoreType::Pkcs12 => "pkcs12",
            StoreType::Pem => "pem",
            StoreType::Jks => "jks",
            StoreType::Jwks => "jwks",
            _ => "unknown",
        };
        Self {
            keystore: store.name().to_owned(),
            alias: entry.alias().to_owned(),
            kind,
            key,
            kid: public.as_ref().map(|key| key.kid().to_owned()),
            thumbprint: public.as_ref().map(PublicKey::thumbprint_base64url),
            usage: public.as_ref().and_then(|key| usage(key.usage())),
            jwk: public.as_ref().and_then(|key| public_key::jwk(key).ok()),
            path: store.path().to_owned(),
            format,
            certificates: entry
                .all_certificates()
                .iter()
                .map(DescribedCertificate::new)
                .collect(),
        }
    }

    /// The kind, with the key's algorithm where there is one.
    pub(super) fn kind_with_key(&self) -> String {
        match &self.key {
            Some(key) => format!("{} ({key})", self.kind),
            None => self.kind.to_owned(),
        }
    }
}

impl DescribedCertificate {
    pub(in crate::commands) fn new(certificate: &Certificate) -> Self {
        let facts = certificate.facts();
        Self {
            subject: facts.subject.clone(),
            issuer: facts.issuer.clone(),
            names: facts.names.clone(),
            key: facts.algorithm.to_string(),
            usages: usages(certificate.der()),
            is_authority: facts.is_ca,
            serial: facts.serial_hex(),
            not_before: rfc3339(facts.not_before),
            not_after: rfc3339(facts.not_after),
            days_left: days_until(facts.not_after, super::now()),
            age_days: days_until(super::now(), facts.not_before),
            sha256: facts.fingerprint_hex(),
            x5t: URL_SAFE_NO_PAD.encode(facts.fingerprint),
        }
    }

    /// What it says, by the words it is shown with; nothing is left out but what it does not have.
    pub(in crate::commands) fn rows(&self) -> Vec<(&'static str, String)> {
        let names: Vec<String> = self.names.iter().map(name).collect();
        let authority = if self.is_authority { "yes" } else { "no" };
        let rows = [
            ("subject", self.subject.clone()),
            ("issuer", self.issuer.clone()),
            ("names", names.join(", ")),
            ("key", self.key.clone()),
            ("usages", self.usages.join(", ")),
            ("authority", authority.to_owned()),
            ("serial", self.serial.clone()),
            ("not before", self.not_before.clone()),
            ("not after", self.not_after.clone()),
            ("sha-256", self.sha256.clone()),
            ("x5t#S256", self.x5t.clone()),
        ];
        rows.into_iter().filter(|(_, value)| !value.is_empty()).collect()
    }
}

fn usage(usage: Usage) -> Option<&'static str> {
    match usage {
        Usage::Any => None,
        Usage::Signature => Some("signature"),
        Usage::Encryption => Some("encryption"),
    }
}

/// A subject alternative name as text.
fn name(name: &SubjectAltName) -> String {
    match name {
        SubjectAltName::Dns(host) => format!("DNS:{host}"),
        SubjectAltName::Email(mailbox) => format!("email:{mailbox}"),
        SubjectAltName::Uri(uri) => format!("URI:{uri}"),
        SubjectAltName::Ip(address) => format!("IP:{address}"),
        _ => "another name".to_owned(),
    }
}

/// Key usage and extended key usage (RFC 5280 sections 4.2.1.3 and 4.2.1.12), by their names there.
fn usages(der: &[u8]) -> Vec<String> {
    let Ok((_, certificate)) = X509Certificate::from_der(der) else {
        return Vec::new();
    };
    let mut usages = Vec::new();
    for extension in certificate.extensions() {
        match extension.parsed_extension() {
            ParsedExtension::KeyUsage(usage) => {
                let flags = [
                    (usage.digital_signature(), "digitalSignature"),
                    (usage.non_repudiation(), "nonRepudiation"),
                    (usage.key_encipherment(), "keyEncipherment"),
                    (usage.data_encipherment(), "dataEncipherment"),
                    (usage.key_agreement(), "keyAgreement"),
                    (usage.key_cert_sign(), "keyCertSign"),
                    (usage.crl_sign(), "cRLSign"),
                ];
                usages.extend(
                    flags
                        .into_iter()
                        .filter(|(set, _)| *set)
                        .map(|(_, name)| name.to_owned()),
                );
            }
            ParsedExtension::ExtendedKeyUsage(usage) => {
                let flags = [
                    (usage.any, "anyExtendedKeyUsage"),
                    (usage.server_auth, "serverAuth"),
                    (usage.client_auth, "clientAuth"),
                    (usage.code_signing, "codeSigning"),
                    (usage.email_protection, "emailProtection"),
                    (usage.time_stamping, "timeStamping"),
                    (usage.ocsp_signing, "OCSPSigning"),
                ];
                usages.extend(
                    flags
                        .into_iter()
                        .filter(|(set, _)| *set)
                        .map(|(_, name)| name.to_owned()),
                );
                usages.extend(usage.other.iter().map(ToString::to_string));
            }
            _ => {}
        }
    }
    usages
}
