//! What was found, in the form in which it is told.

use std::fmt::Write as _;
use std::net::SocketAddr;

use palisade_client::probe::{Asked, Probed, TlsProbe};
use palisade_core::TlsVersion;
use palisade_keystore::{Certificate, fingerprint};
use serde::Serialize;
use x509_parser::objects::{oid_registry, oid2sn};
use x509_parser::prelude::{FromDer as _, X509Certificate, X509Name};

use crate::commands::keystore::DescribedCertificate;

/// The result.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Described {
    pub(super) target: String,
    pub(super) server_name: String,
    pub(super) address: Option<SocketAddr>,
    pub(super) version: Option<TlsVersion>,
    pub(super) floor: Floor,
    pub(super) cipher_suite: Option<String>,
    pub(super) key_exchange: Option<String>,
    pub(super) alpn: Option<String>,
    pub(super) client_certificate: ClientCertificate,
    pub(super) resumption: Option<bool>,
    pub(super) trust: Trust,
    pub(super) name_matches: Option<bool>,
    pub(super) chain: Vec<Presented>,
    pub(super) verdict: &'static str,
    /// Why it is refused.
    pub(super) reasons: Vec<Reason>,
}

/// The least version, and whether the peer meets it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Floor {
    pub(super) minimum_version: TlsVersion,
    pub(super) is_met: Option<bool>,
}

/// Who is trusted, and whether the chain leads there.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Trust {
    pub(super) authorities: Authorities,
    pub(super) is_trusted: Option<bool>,
}

/// Who is trusted to vouch for a peer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Authorities {
    /// Those of the Mozilla programme.
    Public,
    /// Those in a file.
    File(String),
    /// Those under aliases of the configuration's keystores.
    Aliases(Vec<String>),
}

/// Whether the peer asks for one.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct ClientCertificate {
    pub(super) is_asked_for: Option<bool>,
    pub(super) is_required: Option<bool>,
    pub(super) issuers: Vec<String>,
}

/// A certificate of the chain.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Presented {
    #[serde(rename_all = "kebab-case")]
    Read {
        #[serde(flatten)]
        certificate: Box<DescribedCertificate>,
        signature_algorithm: String,
    },
    Unreadable {
        sha256: String,
        problem: String,
    },
}

/// Why it is refused.
#[derive(Debug, Serialize)]
pub(super) struct Reason {
    pub(super) code: &'static str,
    pub(super) message: String,
}

impl Described {
    pub(super) fn new(probe: &TlsProbe, probed: &Probed, authorities: Authorities) -> Self {
        let reasons = probed.faults.iter().map(|fault| Reason {
            code: fault.code(),
            message: fault.to_string(),
        });
        Self {
            target: probe.target().to_string(),
            server_name: probe.name().to_str().into_owned(),
            address: probed.address,
            version: probed.version,
            floor: Floor {
                minimum_version: probe.floor(),
                is_met: probed.floor_met,
            },
            cipher_suite: probed.cipher_suite.clone(),
            key_exchange: probed.key_exchange.clone(),
            alpn: probed.alpn.clone(),
            client_certificate: ClientCertificate::new(&probed.client_certificate),
            resumption: probed.resumption,
            trust: Trust {
                authorities,
                is_trusted: probed.is_trusted,
            },
            name_matches: probed.name_matches,
            chain: probed.chain.iter().map(|der| Presented::new(der)).collect(),
            verdict: if probed.faults.is_empty() {
                "accepted"
            } else {
                "refused"
            },
            reasons: reasons.collect(),
        }
    }
}

impl ClientCertificate {
    fn new(asked: &Asked) -> Self {
        match asked {
            Asked::No => Self {
                is_asked_for: Some(false),
                is_required: Some(false),
                issuers: Vec::new(),
            },
            Asked::Yes {
                issuers, is_required, ..
            } => Self {
                is_asked_for: Some(true),
                is_required: Some(*is_required),
                issuers: issuers.iter().map(|name| distinguished_name(name)).collect(),
            },
            _ => Self {
                is_asked_for: None,
                is_required: None,
                issuers: Vec::new(),
            },
        }
    }
}

impl Presented {
    fn new(der: &[u8]) -> Self {
        match Certificate::from_der(der.to_vec()) {
            Ok(certificate) => Self::Read {
                certificate: Box::new(DescribedCertificate::new(&certificate)),
                signature_algorithm: signature_algorithm(der),
            },
            Err(error) => Self::Unreadable {
                sha256: sha256(der),
                problem: error.to_string(),
            },
        }
    }
}

/// The name of the algorithm in RFC 5280 and its like, or its object identifier.
fn signature_algorithm(der: &[u8]) -> String {
    let Ok((_, certificate)) = X509Certificate::from_der(der) else {
        return String::new();
    };
    let oid = certificate.signature_algorithm.oid();
    oid2sn(oid, oid_registry()).map_or_else(|_| oid.to_id_string(), str::to_owned)
}

fn distinguished_name(der: &[u8]) -> String {
    match X509Name::from_der(der) {
        Ok((_, name)) => name.to_string(),
        Err(_) => "a name that cannot be read".to_owned(),
    }
}

fn sha256(der: &[u8]) -> String {
    fingerprint(der).iter().fold(String::new(), |mut text, byte| {
        // Writing to a text does not fail.
        _ = write!(text, "{byte:02x}");
        text
    })
}
