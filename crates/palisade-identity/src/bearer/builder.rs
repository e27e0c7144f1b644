//! A verifier in code.

use std::sync::Arc;
use std::time::Duration;

use palisade_core::{Clock, DocumentUrl, Fetch, SharedFetch, SystemClock};
use palisade_keystore::{BadJwkSet, BadPublicKey, PublicKey};
use rustls_pki_types::SubjectPublicKeyInfoDer;
use rustls_pki_types::pem::PemObject as _;

use super::algorithm::TokenAlgorithm;
use super::keys::{Key, KeySet, Keys};
use super::remote::{Lease, RemoteKeys, Source};
use super::rules::{BearerError, Rules};
use super::verifier::Bearer;

/// Makes a [`Bearer`] in code.
///
/// Keys come from one source: given here, or fetched. Given keys may be named, as tokens name them in `kid`; one without a name
/// is tried for every token that names none of the others.
#[derive(Debug, Default)]
pub struct BearerBuilder {
    rules: Rules,
    given: Vec<Key>,
    fetched: Option<(DocumentUrl, SharedFetch)>,
    has_given: bool,
    clock: Option<Arc<dyn Clock>>,
}

impl BearerBuilder {
    /// Accepts tokens of that issuer, which their `iss` has to be to the letter. Required.
    #[must_use]
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.rules.issuer = issuer.into();
        self
    }

    /// Accepts tokens that have that among their `aud`; may be given several times. Required.
    #[must_use]
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.rules.audience.push(audience.into());
        self
    }

    /// Accepts these algorithms instead of [`TokenAlgorithm::DEFAULT`].
    #[must_use]
    pub fn algorithms(mut self, algorithms: impl IntoIterator<Item = TokenAlgorithm>) -> Self {
        self.rules.algorithms = algorithms.into_iter().collect();
        self
    }

    /// Allows clocks to differ by that much instead of a minute; at most five.
    #[must_use]
    pub fn clock_skew(mut self, skew: Duration) -> Self {
        self.rules.clock_skew = skew;
        self
    }

    /// Takes time from that clock.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Verifies with that key.
    #[must_use]
    pub fn public_key(self, key: PublicKey) -> Self {
        self.key(None, key)
    }

    /// Verifies with that key, which tokens name so.
    #[must_use]
    pub fn named_public_key(self, kid: impl Into<String>, key: PublicKey) -> Self {
        self.key(Some(kid.into()), key)
    }

    /// Verifies with the first key in a text of PEM (`PUBLIC KEY`, RFC 7468 section 13).
    pub fn public_key_pem(self, text: &[u8]) -> Result<Self, BadPublicKey> {
        // What is no PEM has no key in it, and nothing is no key either.
        let spki =
            SubjectPublicKeyInfoDer::from_pem_slice(text).map_or_else(|_| Vec::new(), |spki| spki.to_vec());
        Ok(self.public_key(PublicKey::from_spki("", &spki)?))
    }

    /// Verifies with the keys of a JWK Set (RFC 7517 section 5), or of a single JWK. Those that are for something else are skipped.
    pub fn jwk_set(mut self, document: &[u8]) -> Result<Self, BadJwkSet> {
        let (keys, _) = KeySet::read(document)?;
        self.given.extend(keys.into_keys());
        self.has_given = true;
        Ok(self)
    }

    /// Verifies with the keys at a URL, which are fetched when the first token comes, and then kept fresh beside requests.
    #[must_use]
    pub fn fetched_keys(mut self, url: DocumentUrl, fetch: impl Fetch) -> Self {
        self.fetched = Some((url, SharedFetch::new(fetch)));
        self
    }

    fn key(mut self, kid: Option<String>, key: PublicKey) -> Self {
        self.given.extend(Key::new(kid, key));
        self.has_given = true;
        self
    }

    /// Makes it; the first thing that is wrong is told.
    pub fn build(self) -> Result<Bearer, BearerError> {
        if let Some(fault) = self.rules.faults().next() {
            return Err(fault);
        }
        let clock = self.clock.unwrap_or_else(|| Arc::new(SystemClock::new()));
        let keys = match (self.fetched, self.has_given) {
            (Some(_), true) => return Err(BearerError::SeveralSources),
            (None, false) => return Err(BearerError::NoKeys),
            (Some((url, fetch)), false) => {
                let authorities = Vec::new();
                let source = Source { url, authorities };
                let remote = RemoteKeys::new(source, "", fetch, Arc::clone(&clock));
                Keys::Remote(Arc::new(Lease(Arc::new(remote))))
            }
            (None, true) => {
                let keys = KeySet::new(self.given);
                if !keys.does_any(&self.rules.algorithms) {
                    return Err(BearerError::NoUsableKey);
                }
                Keys::Fixed(Arc::new(keys))
            }
        };
        Ok(Bearer::assemble(self.rules, keys, clock))
    }
}
