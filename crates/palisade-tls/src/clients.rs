//! Trust in client certificates: chain, validity, revocation, and verdicts that say how long they hold.
//!
//! 1. A chain must lead to one of the trusted issuers, lie within its validity, and serve for clients.
//! 2. With revocation lists given, every certificate of the chain below the trusted issuer needs a list of its own issuer that
//!    is signed by it and not past its `nextUpdate`. Unknown is refused.
//! 3. A [`Verdict`] holds until the next instant at which a date in the chain or in a list could change it, and only for the
//!    trust it was made with: whoever keeps one compares two numbers per request.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use palisade_core::{BuildError, Finding};
use palisade_keystore::{Certificate, Keystores, certificate_facts};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertRevocationListError, CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError,
    PeerMisbehaved, RootCertStore, SignatureScheme,
};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::algorithms::{self, Disabled};
use crate::crl::{self, Dates, Lists};
use crate::old_crl::OldLists;
use crate::settings::{ClientAuth, TlsSettings};
use crate::suites::Offer;

/// Whom a listener trusts to issue client certificates, and what was revoked. Immutable; a reload makes another.
#[derive(Debug)]
pub(crate) struct Trust {
    verifier: Arc<Verifier>,
    /// The dates of the revocation lists.
    lists: Box<[Dates]>,
    /// Differs from that of every other trust of this process.
    generation: u64,
}

/// Whether a chain was accepted, and for how long that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Verdict {
    is_accepted: bool,
    generation: u64,
    /// Seconds since 1970: from the moment of the check …
    from: u64,
    /// … to the next date that could change it, exclusive.
    until: u64,
}

impl Trust {
    /// Loads issuers and lists; `None` where no issuer is named.
    pub(crate) fn load(
        listener: &str,
        tls: &TlsSettings,
        sources: &Sources<'_>,
        faults: &mut BuildError,
        findings: &mut Vec<Finding>,
    ) -> Option<Arc<Self>> {
        if tls.client_ca_aliases.is_empty() {
            if !tls.crl_files.is_empty() {
                faults.push(
                    "tls.client-ca-aliases",
                    "the issuers that tls.crl-files belong to",
                );
            }
            return None;
        }
        let before = faults.faults.len();
        let (roots, anchors) = anchors(tls, sources, faults);
        let lists = crl::load(&tls.crl_files, sources.folder, faults);
        if faults.faults.len() > before {
            return None;
        }
        let subjects: Vec<_> = anchors
            .iter()
            .map(|anchor| Arc::clone(&anchor.facts().subject_der))
            .collect();
        lists.findings(listener, sources.now, &subjects, findings);
        let anchors = anchors.iter().map(|anchor| anchor.der().clone()).collect();
        match Self::build(listener, roots, anchors, lists, sources.offer, tls.client_auth) {
            Ok(trust) => Some(Arc::new(trust)),
            Err(error) => {
                faults.push(
                    "tls.crl-files",
                    format_args!("revocation lists that can be used: {error}"),
                );
                None
            }
        }
    }

    fn build(
        listener: &str,
        roots: RootCertStore,
        anchors: Vec<CertificateDer<'static>>,
        lists: Lists,
        offer: &Offer,
        client_auth: ClientAuth,
    ) -> Result<Self, rustls::server::VerifierBuilderError> {
        static GENERATION: AtomicU64 = AtomicU64::new(1);
        let dates = lists.dates();
        let lists = lists.split();
        let mut builder =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&offer.provider))
                .with_crls(lists.regular)
                .enforce_revocation_expiration();
        if !lists.old.is_empty() {
            // The check of the old lists refuses what neither kind covers.
            builder = builder.allow_unknown_revocation_status();
        }
        if client_auth != ClientAuth::Require {
            builder = builder.allow_unauthenticated();
        }
        let verifier = Verifier {
            inner: builder.build()?,
            old_lists: OldLists {
                lists: lists.old,
                covered: lists.covered,
                anchors,
                provider: Arc::clone(&offer.provider),
            },
            disabled: Arc::clone(&offer.disabled),
            listener: listener.into(),
        };
        Ok(Self {
            verifier: Arc::new(verifier),
            lists: dates,
            generation: GENERATION.fetch_add(1, Ordering::Relaxed),
        })
    }

    /// For handshakes.
    pub(crate) fn verifier(&self) -> Arc<dyn ClientCertVerifier> {
        Arc::clone(&self.verifier) as Arc<dyn ClientCertVerifier>
    }

    /// Verifies a chain as it stands now.
    pub(crate) fn verify(&self, chain: &[CertificateDer<'_>], now: SystemTime) -> Verdict {
        let seconds = seconds(now);
        let time = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let result = match chain.split_first() {
            Some((own, above)) => self.verifier.verify_client_cert(own, above, time),
            None => Err(Error::NoCertificatesPresented),
        };
        if let Err(error) = &result {
            tracing::debug!(target: "palisade::tls", listener = &*self.verifier.listener, %error, "client certificate refused");
        }
        self.verdict(result.is_ok(), chain, seconds)
    }

    /// What the ages of the revocation lists call for.
    pub(crate) fn findings_of_lists(&self, now: SystemTime) -> Vec<Finding> {
        let lists = self.lists.iter();
        lists.filter_map(|list| list.finding(seconds(now))).collect()
    }

    /// The verdict on a chain that this trust has just accepted in a handshake.
    pub(crate) fn accepted(&self, chain: &[CertificateDer<'_>], now: SystemTime) -> Verdict {
        self.verdict(true, chain, seconds(now))
    }

    fn verdict(&self, is_accepted: bool, chain: &[CertificateDer<'_>], now: u64) -> Verdict {
        let validity = chain
            .iter()
            .filter_map(|der| certificate_facts(der).ok())
            .flat_map(|facts| {
                [
                    seconds(facts.not_before),
                    seconds(facts.not_after).saturating_add(1),
                ]
            });
        let until = validity
            .chain(self.lists.iter().map(|list| list.next_update))
            .filter(|date| *date > now)
            .min()
            .unwrap_or(u64::MAX);
        Verdict {
            is_accepted,
            generation: self.generation,
            from: now,
            until,
        }
    }
}

impl Verdict {
    /// The verdict, if it still holds under that trust at that time.
    pub(crate) fn at(&self, trust: &Trust, now: SystemTime) -> Option<bool> {
        let now = seconds(now);
        let holds = self.generation == trust.generation && self.from <= now && now < self.until;
        holds.then_some(self.is_accepted)
    }
}

/// Whole seconds, as certificates count.
fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// What trust is loaded from.
pub(crate) struct Sources<'a> {
    pub(crate) keystores: &'a Keystores,
    pub(crate) folder: &'a Path,
    pub(crate) offer: &'a Offer,
    pub(crate) now: SystemTime,
}

/// The trusted issuers.
fn anchors(
    tls: &TlsSettings,
    sources: &Sources<'_>,
    faults: &mut BuildError,
) -> (RootCertStore, Vec<Certificate>) {
    let mut roots = RootCertStore::empty();
    let mut anchors = Vec::new();
    for (index, alias) in tls.client_ca_aliases.iter().enumerate() {
        let key = format!("tls.client-ca-aliases[{index}]");
        let certificates = match sources.keystores.certificates(alias) {
            Ok(certificates) => certificates,
            Err(error) => {
                faults.push(key, format_args!("the alias of a certificate: {error}"));
                continue;
            }
        };
        for certificate in certificates {
            let facts = certificate.facts();
            if !facts.is_ca {
                faults.push(
                    &key,
                    format_args!(
                        "issuers' certificates; {} in `{alias}` may not issue any",
                        facts.subject
                    ),
                );
            } else if sources.offer.disabled.has_key(&facts.algorithm) {
                faults.push(
                    &key,
                    format_args!(
                        "keys that tls.disabled-algorithms leaves on; `{alias}` is {}",
                        facts.algorithm
                    ),
                );
            } else if let Err(error) = roots.add(certificate.der().clone()) {
                faults.push(
                    &key,
                    format_args!("issuers' certificates that can be used; `{alias}`: {error}"),
                );
            } else {
                anchors.push(certificate);
            }
        }
    }
    (roots, anchors)
}

/// The library's verifier, with the operator's disabled algorithms and with an alarm when a revocation list is stale.
#[derive(Debug)]
struct Verifier {
    inner: Arc<dyn ClientCertVerifier>,
    old_lists: OldLists,
    disabled: Arc<Disabled>,
    listener: Arc<str>,
}

/// A certificate uses what the operator disabled.
#[derive(Debug, thiserror::Error)]
#[error("a certificate of the chain uses a disabled algorithm")]
struct DisabledAlgorithm;

impl Verifier {
    fn check_algorithms(&self, der: &CertificateDer<'_>) -> Result<(), Error> {
        let bad = |_| Error::from(CertificateError::BadEncoding);
        let (_, certificate) = X509Certificate::from_der(der).map_err(bad)?;
        let signature =
            algorithms::signature_of_certificate(&certificate.signature_algorithm.algorithm.to_id_string());
        let facts = certificate_facts(der).map_err(|_| Error::from(CertificateError::BadEncoding))?;
        if self.disabled.has_key(&facts.algorithm)
            || signature.is_some_and(|signature| self.disabled.has_signature(signature))
        {
            return Err(CertificateError::Other(OtherError(Arc::new(DisabledAlgorithm))).into());
        }
        Ok(())
    }

    fn check_scheme(&self, signed: &DigitallySignedStruct) -> Result<(), Error> {
        if self.disabled.has_scheme(signed.scheme) {
            return Err(PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme.into());
        }
        Ok(())
    }
}

impl ClientCertVerifier for Verifier {
    fn offer_client_auth(&self) -> bool {
        self.inner.offer_client_auth()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.inner.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.inner.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        if !self.disabled.is_empty() {
            for der in std::iter::once(end_entity).chain(intermediates) {
                self.check_algorithms(der)?;
            }
        }
        let result = self
            .inner
            .verify_client_cert(end_entity, intermediates, now)
            .and_then(|verified| {
                let chain: Vec<_> = std::iter::once(end_entity).chain(intermediates).collect();
                self.old_lists.check(&chain, now.as_secs()).map(|()| verified)
            });
        if let Err(error) = &result
            && is_about_lists(error)
        {
            metrics::counter!("palisade_crl_alarms_total", "listener" => Arc::clone(&self.listener))
                .increment(1);
            tracing::error!(
                target: "palisade::tls",
                listener = &*self.listener,
                %error,
                "a certificate revocation list cannot be relied on; its issuer's certificates are refused"
            );
        }
        result
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.check_scheme(signed)?;
        self.inner.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.check_scheme(signed)?;
        self.inner.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let mut schemes = self.inner.supported_verify_schemes();
        schemes.retain(|scheme| !self.disabled.has_scheme(*scheme));
        schemes
    }
}

/// Whether a list, not the certificate, is at fault.
fn is_about_lists(error: &Error) -> bool {
    matches!(
        error,
        Error::InvalidCertRevocationList(
            CertRevocationListError::BadSignature | CertRevocationListError::IssuerInvalidForCrl
        ) | Error::InvalidCertificate(
            CertificateError::ExpiredRevocationList | CertificateError::ExpiredRevocationListContext { .. }
        )
    )
}
