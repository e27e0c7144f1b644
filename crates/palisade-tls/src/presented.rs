//! A client certificate that was presented, and whether it is still accepted.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use arc_swap::ArcSwap;
use aws_lc_rs::digest;
use palisade_core::{CertificateSource, ClientCertificate};
use palisade_keystore::{BadCertificate, client_certificate};
use rustls::pki_types::CertificateDer;

use crate::clients::{Trust, Verdict};

/// A chain with the last verdict on it.
///
/// A connection and a session outlive certificates and revocation lists, so the verdict is asked for at every request. It is
/// made anew only when a date has passed or the trust was reloaded; otherwise asking compares two numbers and takes no lock.
#[derive(Debug)]
pub(crate) struct Presented {
    chain: Vec<CertificateDer<'static>>,
    certificate: Arc<ClientCertificate>,
    verdict: ArcSwap<Verdict>,
}

impl Presented {
    /// A chain, its own certificate first, verified now.
    pub(crate) fn verify(
        chain: Vec<CertificateDer<'static>>,
        source: CertificateSource,
        trust: &Trust,
        now: SystemTime,
    ) -> Result<Self, BadCertificate> {
        let verdict = trust.verify(&chain, now);
        Self::with_verdict(chain, source, verdict)
    }

    /// A chain that the handshake has just verified against that trust.
    pub(crate) fn accepted(
        chain: Vec<CertificateDer<'static>>,
        source: CertificateSource,
        trust: &Trust,
        now: SystemTime,
    ) -> Result<Self, BadCertificate> {
        let verdict = trust.accepted(&chain, now);
        Self::with_verdict(chain, source, verdict)
    }

    fn with_verdict(
        chain: Vec<CertificateDer<'static>>,
        source: CertificateSource,
        verdict: Verdict,
    ) -> Result<Self, BadCertificate> {
        let certificate = Arc::new(client_certificate(&chain, source)?);
        Ok(Self {
            chain,
            certificate,
            verdict: ArcSwap::from_pointee(verdict),
        })
    }

    /// What the certificate says.
    pub(crate) fn certificate(&self) -> &Arc<ClientCertificate> {
        &self.certificate
    }

    /// Whether it is accepted at this moment; without any trust it is not.
    pub(crate) fn is_accepted(&self, trust: Option<&Trust>, now: SystemTime) -> bool {
        let Some(trust) = trust else { return false };
        if let Some(is_accepted) = self.verdict.load().at(trust, now) {
            return is_accepted;
        }
        let verdict = trust.verify(&self.chain, now);
        self.verdict.store(Arc::new(verdict));
        verdict.at(trust, now) == Some(true)
    }
}

/// Certificates from fields of requests, by the text they came in: a proxy sends the same one again and again.
#[derive(Debug, Default)]
pub(crate) struct Recent(Mutex<HashMap<[u8; 32], Arc<Presented>>>);

impl Recent {
    /// The most certificates that are kept.
    const MOST: usize = 1024;

    /// The key of these lines.
    pub(crate) fn key<'a>(lines: impl Iterator<Item = &'a [u8]>) -> [u8; 32] {
        let mut context = digest::Context::new(&digest::SHA256);
        for line in lines {
            context.update(&u64::try_from(line.len()).unwrap_or(u64::MAX).to_be_bytes());
            context.update(line);
        }
        let mut key = [0; 32];
        key.copy_from_slice(context.finish().as_ref());
        key
    }

    pub(crate) fn find(&self, key: &[u8; 32]) -> Option<Arc<Presented>> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(key)
            .cloned()
    }

    pub(crate) fn insert(&self, key: [u8; 32], presented: Arc<Presented>) {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= Self::MOST {
            // Which one goes matters little: it is verified once more when it comes again.
            let any = entries.keys().next().copied();
            any.map(|key| entries.remove(&key));
        }
        entries.insert(key, presented);
    }
}
