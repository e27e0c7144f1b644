//! Revocation lists that lack what RFC 5280 asks of them: version 1, or version 2 without extensions.
//!
//! Small authorities make them (`openssl ca -gencrl` does by default), and the library that verifies chains does not take them.
//! They are complete by nature: without extensions there are neither partitions nor deltas.
//!
//! 1. A certificate whose issuer has such a list is refused when it is named there, when the list is past its `nextUpdate`, and
//!    when no certificate of that issuer vouches for the list's signature.
//! 2. Every certificate that the client presents, save the trusted issuers themselves, must be covered, be it by such a list or
//!    by a regular one that is complete.

use std::collections::HashSet;
use std::sync::Arc;

use palisade_keystore::certificate_facts;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, SignatureVerificationAlgorithm};
use rustls::{CertRevocationListError, CertificateError, Error};
use x509_parser::prelude::{CertificateRevocationList, FromDer as _, X509Certificate};

/// One such list, parsed once.
#[derive(Debug)]
pub(crate) struct OldList {
    issuer_der: Box<[u8]>,
    next_update: u64,
    signed: Box<[u8]>,
    algorithm: Box<[u8]>,
    signature: Box<[u8]>,
    revoked: HashSet<Box<[u8]>>,
}

impl OldList {
    /// Parses a list without extensions; `None` where it is malformed, or an entry has an extension that must be understood.
    pub(crate) fn parse(der: &[u8], next_update: u64) -> Option<Self> {
        let (_, list) = CertificateRevocationList::from_der(der).ok()?;
        let mut revoked = HashSet::new();
        for entry in list.iter_revoked_certificates() {
            if entry.extensions().iter().any(|extension| extension.critical) {
                return None;
            }
            revoked.insert(without_leading_zeros(entry.raw_serial()).into());
        }
        let signed = list.tbs_cert_list.as_ref();
        // CertificateList ::= SEQUENCE { tbsCertList, signatureAlgorithm, signatureValue } (RFC 5280 section 5.1)
        let (contents, _) = sequence(der)?;
        let (algorithm, _) = sequence(contents.get(signed.len()..)?)?;
        Some(Self {
            issuer_der: list.issuer().as_raw().into(),
            next_update,
            signed: signed.into(),
            algorithm: algorithm.into(),
            signature: list.signature_value.data.as_ref().into(),
            revoked,
        })
    }

    /// Whether both are of one issuer.
    pub(crate) fn is_of_issuer_of(&self, other: &Self) -> bool {
        self.issuer_der == other.issuer_der
    }

    fn is_signed_by(&self, issuer: &X509Certificate<'_>, algorithms: Algorithms<'_>) -> bool {
        let may_sign = issuer
            .key_usage()
            .is_ok_and(|usage| usage.is_none_or(|usage| usage.value.crl_sign()));
        may_sign
            && *issuer.subject().as_raw() == *self.issuer_der
            && verifies(issuer, &self.algorithm, &self.signed, &self.signature, algorithms)
    }
}

type Algorithms<'a> = &'a [&'a dyn SignatureVerificationAlgorithm];

/// Whether the issuer's key made that signature.
fn verifies(
    issuer: &X509Certificate<'_>,
    algorithm: &[u8],
    signed: &[u8],
    signature: &[u8],
    algorithms: Algorithms<'_>,
) -> bool {
    let key = issuer.public_key();
    // SubjectPublicKeyInfo ::= SEQUENCE { algorithm, subjectPublicKey } (RFC 5280 section 4.1)
    let Some((key_algorithm, _)) = sequence(key.raw).and_then(|(contents, _)| sequence(contents)) else {
        return false;
    };
    algorithms
        .iter()
        .filter(|known| {
            *known.signature_alg_id() == *algorithm && *known.public_key_alg_id() == *key_algorithm
        })
        .any(|known| {
            known
                .verify_signature(&key.subject_public_key.data, signed, signature)
                .is_ok()
        })
}

/// Whether the issuer signed the certificate, and may sign certificates.
fn issued(
    issuer: &X509Certificate<'_>,
    der: &[u8],
    certificate: &X509Certificate<'_>,
    algorithms: Algorithms<'_>,
) -> bool {
    let signed = certificate.tbs_certificate.as_ref();
    let algorithm = sequence(der).and_then(|(contents, _)| sequence(contents.get(signed.len()..)?));
    issuer.is_ca()
        && issuer.subject().as_raw() == certificate.issuer().as_raw()
        && algorithm.is_some_and(|(algorithm, _)| {
            verifies(
                issuer,
                algorithm,
                signed,
                &certificate.signature_value.data,
                algorithms,
            )
        })
}

/// All such lists of a listener, with what is needed to judge by them.
#[derive(Debug)]
pub(crate) struct OldLists {
    pub(crate) lists: Vec<OldList>,
    /// The names of issuers with a complete regular list, which the library consults.
    pub(crate) covered: Vec<Box<[u8]>>,
    pub(crate) anchors: Vec<CertificateDer<'static>>,
    pub(crate) provider: Arc<CryptoProvider>,
}

impl OldLists {
    /// Judges every certificate of a chain that has been verified otherwise.
    pub(crate) fn check(&self, chain: &[&CertificateDer<'_>], now: u64) -> Result<(), Error> {
        if self.lists.is_empty() {
            return Ok(());
        }
        for der in chain.iter().filter(|der| !self.anchors.contains(der)) {
            let facts = certificate_facts(der).map_err(|_| Error::from(CertificateError::BadEncoding))?;
            let mut lists = self
                .lists
                .iter()
                .filter(|list| *list.issuer_der == *facts.issuer_der)
                .peekable();
            if lists.peek().is_none() && !self.covered.iter().any(|issuer| **issuer == *facts.issuer_der) {
                return Err(CertificateError::UnknownRevocationStatus.into());
            }
            for list in lists {
                if now >= list.next_update {
                    return Err(CertificateError::ExpiredRevocationList.into());
                }
                if !self.is_signed(list, chain) {
                    return Err(CertRevocationListError::BadSignature.into());
                }
                if list.revoked.contains(&*facts.serial) {
                    return Err(CertificateError::Revoked.into());
                }
            }
        }
        Ok(())
    }

    /// Whether a trusted issuer, or a presented one below it, signed the list. One that merely has the right name does not
    /// count: the client chooses what it presents.
    fn is_signed(&self, list: &OldList, chain: &[&CertificateDer<'_>]) -> bool {
        let algorithms = self.provider.signature_verification_algorithms.all;
        let parse = |der| {
            X509Certificate::from_der(der)
                .ok()
                .map(|(_, certificate)| certificate)
        };
        let mut issuers: Vec<_> = self
            .anchors
            .iter()
            .filter_map(|der| parse(der.as_ref()))
            .collect();
        let mut presented: Vec<_> = chain
            .iter()
            .filter_map(|der| parse(der.as_ref()).map(|certificate| (der.as_ref(), certificate)))
            .collect();
        while let Some(next) = presented.iter().position(|(der, certificate)| {
            certificate.is_ca()
                && issuers
                    .iter()
                    .any(|issuer| issued(issuer, der, certificate, algorithms))
        }) {
            issuers.push(presented.swap_remove(next).1);
        }
        issuers.iter().any(|issuer| list.is_signed_by(issuer, algorithms))
    }
}

/// The contents of a DER SEQUENCE, and what follows it.
fn sequence(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (tag, rest) = der.split_first()?;
    let (first, mut rest) = rest.split_first()?;
    let mut length = usize::from(*first);
    if *first >= 0x80 {
        let (bytes, behind) = rest.split_at_checked(usize::from(*first & 0x7f))?;
        length = bytes.iter().try_fold(0_usize, |length, byte| {
            length.checked_mul(256)?.checked_add(usize::from(*byte))
        })?;
        rest = behind;
    }
    (*tag == 0x30).then(|| rest.split_at_checked(length)).flatten()
}

fn without_leading_zeros(serial: &[u8]) -> &[u8] {
    match serial {
        [0, rest @ ..] if !rest.is_empty() => without_leading_zeros(rest),
        _ => serial,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{OldList, sequence};

    #[test]
    fn a_sequence_is_taken_apart_in_short_and_long_form() {
        assert_eq!(sequence(&[0x30, 2, 1, 2, 3]), Some((&[1, 2][..], &[3][..])));
        assert_eq!(sequence(&[0x30, 0x81, 1, 9]), Some((&[9][..], &[][..])));
        assert_eq!(sequence(&[0x31, 0]), None);
        assert_eq!(sequence(&[0x30, 5, 1]), None);
        assert_eq!(
            sequence(&[0x30, 0x88, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
            None
        );
        assert_eq!(sequence(&[0x30, 0x89]), None);
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_readers_fail(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = sequence(&bytes);
            let _ = OldList::parse(&bytes, 0);
        }
    }
}
