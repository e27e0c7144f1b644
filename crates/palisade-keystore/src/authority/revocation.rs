//! Certificate revocation lists, version 2 (RFC 5280 section 5).

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rcgen::{CertificateRevocationListParams, RevokedCertParams, SerialNumber};
use x509_parser::prelude::{CertificateRevocationList, FromDer as _};
use x509_parser::revocation_list::RevokedCertificate;
use x509_parser::x509::ReasonCode;

use super::{Authority, AuthorityError, date};
use crate::entry::Certificate;
use crate::facts::{instant, serial_number};
use crate::issued::is_weak;
use crate::pem::sections::sections;
use crate::writer::pem;

/// Why a certificate was revoked (RFC 5280 section 5.3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum RevocationReason {
    /// No reason is told.
    #[default]
    Unspecified,
    /// Somebody else has, or may have, the private key.
    KeyCompromise,
    /// Somebody else has, or may have, the authority's key.
    CaCompromise,
    /// The subject's name, or whom it works for, has changed.
    AffiliationChanged,
    /// Another certificate takes its place.
    Superseded,
    /// It is needed no more.
    CessationOfOperation,
    /// It is put on hold.
    CertificateHold,
    /// The subject lost a privilege that the certificate speaks of.
    PrivilegeWithdrawn,
    /// Somebody else has, or may have, the key of an attribute authority.
    AaCompromise,
}

impl RevocationReason {
    /// Every reason.
    const ALL: [Self; 9] = [
        Self::Unspecified,
        Self::KeyCompromise,
        Self::CaCompromise,
        Self::AffiliationChanged,
        Self::Superseded,
        Self::CessationOfOperation,
        Self::CertificateHold,
        Self::PrivilegeWithdrawn,
        Self::AaCompromise,
    ];

    /// The name that the standard gives it, such as `keyCompromise`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::KeyCompromise => "keyCompromise",
            Self::CaCompromise => "cACompromise",
            Self::AffiliationChanged => "affiliationChanged",
            Self::Superseded => "superseded",
            Self::CessationOfOperation => "cessationOfOperation",
            Self::CertificateHold => "certificateHold",
            Self::PrivilegeWithdrawn => "privilegeWithdrawn",
            Self::AaCompromise => "aACompromise",
        }
    }

    /// The reason of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.name() == name)
    }

    fn from_code(code: ReasonCode) -> Option<Self> {
        Some(match code {
            ReasonCode::Unspecified => Self::Unspecified,
            ReasonCode::KeyCompromise => Self::KeyCompromise,
            ReasonCode::CACompromise => Self::CaCompromise,
            ReasonCode::AffiliationChanged => Self::AffiliationChanged,
            ReasonCode::Superseded => Self::Superseded,
            ReasonCode::CessationOfOperation => Self::CessationOfOperation,
            ReasonCode::CertificateHold => Self::CertificateHold,
            ReasonCode::PrivilegeWithdrawn => Self::PrivilegeWithdrawn,
            ReasonCode::AACompromise => Self::AaCompromise,
            _ => return None,
        })
    }

    /// For the library, which leaves an unspecified one out, as the standard asks.
    fn code(self) -> rcgen::RevocationReason {
        use rcgen::RevocationReason as Code;
        match self {
            Self::Unspecified => Code::Unspecified,
            Self::KeyCompromise => Code::KeyCompromise,
            Self::CaCompromise => Code::CaCompromise,
            Self::AffiliationChanged => Code::AffiliationChanged,
            Self::Superseded => Code::Superseded,
            Self::CessationOfOperation => Code::CessationOfOperation,
            Self::CertificateHold => Code::CertificateHold,
            Self::PrivilegeWithdrawn => Code::PrivilegeWithdrawn,
            Self::AaCompromise => Code::AaCompromise,
        }
    }
}

impl fmt::Display for RevocationReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One certificate that is revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// Its serial number, big-endian, without leading zeros.
    pub serial: Vec<u8>,
    /// When it was revoked, to the second.
    pub at: SystemTime,
    /// Why.
    pub reason: RevocationReason,
}

/// Why a revocation list is not taken for an authority's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadList {
    /// It is none.
    #[error("it is no certificate revocation list of RFC 5280 with a number and a nextUpdate, as PEM or DER")]
    Malformed,
    /// Another authority made it, or it was altered.
    #[error("its signature is not this authority's: it belongs to another authority, or was altered")]
    NotOurs,
    /// It says something that would be lost if it were written anew.
    #[error("it has an entry or an extension that is not understood here, and would be lost")]
    NotUnderstood,
}

/// A revocation list of an authority, its signature verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevocationList {
    der: Vec<u8>,
    entries: Vec<Revocation>,
    number: u64,
    this_update: SystemTime,
    next_update: SystemTime,
}

impl RevocationList {
    /// Reads a list, PEM or DER, that `issuer` made.
    pub fn from_bytes(bytes: &[u8], issuer: &Certificate) -> Result<Self, BadList> {
        let found = sections(bytes).map_err(|_| BadList::Malformed)?;
        match found.as_slice() {
            [] => Self::from_der(bytes, issuer),
            [section] if section.label == "X509 CRL" => Self::from_der(&section.der, issuer),
            _ => Err(BadList::Malformed),
        }
    }

    fn from_der(der: &[u8], issuer: &Certificate) -> Result<Self, BadList> {
        let Ok(([], list)) = CertificateRevocationList::from_der(der) else {
            return Err(BadList::Malformed);
        };
        let is_named = *list.issuer().as_raw() == *issuer.facts().subject_der;
        if !is_named || is_weak(&list.signature_algorithm) {
            return Err(BadList::NotOurs);
        }
        let verified = issuer.with_key(|key| list.verify_signature(key).is_ok());
        if !verified {
            return Err(BadList::NotOurs);
        }
        if list.extensions().iter().any(|extension| extension.critical) {
            return Err(BadList::NotUnderstood);
        }
        let entries: Option<Vec<Revocation>> = list.iter_revoked_certificates().map(entry).collect();
        let number = list.crl_number().ok_or(BadList::Malformed)?;
        Ok(Self {
            der: der.to_vec(),
            entries: entries.ok_or(BadList::NotUnderstood)?,
            number: u64::try_from(number).map_err(|_| BadList::NotUnderstood)?,
            this_update: instant(list.last_update()),
            next_update: list.next_update().map(instant).ok_or(BadList::Malformed)?,
        })
    }

    /// The list as DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The list as PEM.
    pub fn pem(&self) -> String {
        pem::text(&[("X509 CRL", &self.der)]).to_string()
    }

    /// The certificates that are revoked.
    pub fn entries(&self) -> &[Revocation] {
        &self.entries
    }

    /// The entry of a serial number, big-endian, without leading zeros.
    pub fn find(&self, serial: &[u8]) -> Option<&Revocation> {
        self.entries.iter().find(|entry| entry.serial == serial)
    }

    /// The list's number, larger than that of every list before it (RFC 5280 section 5.2.3).
    pub fn number(&self) -> u64 {
        self.number
    }

    /// When the list was made.
    pub fn this_update(&self) -> SystemTime {
        self.this_update
    }

    /// When the next one is due; listeners refuse whom the list covers from then on.
    pub fn next_update(&self) -> SystemTime {
        self.next_update
    }

    /// The list that follows `before`, with more entries; one that is there already stays as it is.
    pub(super) fn following(
        before: Option<&Self>,
        added: &[Revocation],
        authority: &Authority,
        now: SystemTime,
        period: Duration,
    ) -> Result<Self, AuthorityError> {
        let mut entries = before.map(|list| list.entries.clone()).unwrap_or_default();
        for revocation in added {
            if !entries.iter().any(|entry| entry.serial == revocation.serial) {
                entries.push(revocation.clone());
            }
        }
        // Microseconds since 1970 grow even where the last list is lost, faster than lists are made.
        let least = before.map_or(0, |list| list.number.saturating_add(1));
        let number = microseconds(now)?.max(least);
        let due = now.checked_add(period).ok_or(AuthorityError::BadPeriod)?;
        let der = sign(authority, &entries, number, now, due)?;
        Self::from_der(&der, authority.certificate()).map_err(|_| AuthorityError::SelfCheck)
    }
}

fn sign(
    authority: &Authority,
    entries: &[Revocation],
    number: u64,
    now: SystemTime,
    due: SystemTime,
) -> Result<Vec<u8>, AuthorityError> {
    let revoked = entries.iter().map(|entry| {
        Ok(RevokedCertParams {
            serial_number: SerialNumber::from_slice(&entry.serial),
            revocation_time: date(entry.at)?,
            reason_code: Some(entry.reason.code()),
            invalidity_date: None,
        })
    });
    let list = CertificateRevocationListParams {
        this_update: date(now)?,
        next_update: date(due)?,
        crl_number: SerialNumber::from(number),
        issuing_distribution_point: None,
        revoked_certs: revoked.collect::<Result<_, AuthorityError>>()?,
        key_identifier_method: authority.key_identifier(),
    };
    let issuer = authority.issuer()?;
    let signed = list.signed_by(&issuer).map_err(|error| match error {
        rcgen::Error::InvalidCrlNextUpdate => AuthorityError::BadPeriod,
        other => AuthorityError::Signing(other.to_string()),
    })?;
    Ok(signed.der().to_vec())
}

fn microseconds(instant: SystemTime) -> Result<u64, AuthorityError> {
    let since = instant.duration_since(UNIX_EPOCH).ok();
    since
        .and_then(|since| u64::try_from(since.as_micros()).ok())
        .ok_or(AuthorityError::BadPeriod)
}

/// `None` where it has an extension that would be lost.
fn entry(revoked: &RevokedCertificate<'_>) -> Option<Revocation> {
    let reason = match revoked.extensions() {
        [] => RevocationReason::Unspecified,
        [_] => RevocationReason::from_code(revoked.reason_code()?.1)?,
        _ => return None,
    };
    Some(Revocation {
        serial: serial_number(revoked.raw_serial()).to_vec(),
        at: instant(revoked.revocation_date),
        reason,
    })
}
