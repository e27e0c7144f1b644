//! Which keys a message may mean.

use std::sync::Arc;

use super::MAX_TRIED;
use super::failure::{FailedStep, Failure, Reason, printable};
use super::header::ProtectedHeader;
use crate::algorithms::SignatureAlgorithm;
use crate::keys::{DecryptionKey, KeyNames, VerificationKey};

/// A key that a message can choose.
pub(super) trait Candidate {
    const STEP: FailedStep;
    fn names(&self) -> &KeyNames;
    /// Whether the key does what the header says.
    fn admits(&self, header: &ProtectedHeader) -> bool;
    /// What the key does, for the operator.
    fn does(&self) -> String;
}

impl Candidate for DecryptionKey {
    const STEP: FailedStep = FailedStep::Decrypt;

    fn names(&self) -> &KeyNames {
        self.names()
    }

    fn admits(&self, header: &ProtectedHeader) -> bool {
        header.alg() == self.algorithm().name()
            && self
                .contents()
                .iter()
                .any(|content| header.enc() == Some(content.name()))
    }

    fn does(&self) -> String {
        let mut text = self.algorithm().to_string();
        for content in self.contents() {
            text.push_str(" + ");
            text.push_str(content.name());
        }
        text
    }
}

impl Candidate for VerificationKey {
    const STEP: FailedStep = FailedStep::Verify;

    fn names(&self) -> &KeyNames {
        self.names()
    }

    fn admits(&self, header: &ProtectedHeader) -> bool {
        self.verifier(header.alg()).is_some()
    }

    fn does(&self) -> String {
        let names: Vec<_> = self.algorithms().map(SignatureAlgorithm::name).collect();
        names.join(" or ")
    }
}

/// The keys that a message may mean, never none.
pub(super) struct Candidates<'a, K> {
    fitting: Vec<(usize, &'a K)>,
    kid: Option<&'a str>,
}

impl<'a, K: Candidate> Candidates<'a, K> {
    /// `kid` selects by name, then the algorithms must fit.
    pub(super) fn of(keys: &'a [Arc<K>], header: &'a ProtectedHeader) -> Result<Self, Failure> {
        let kid = header.kid();
        let fail = |reason| Failure::new(K::STEP, reason).kid(kid);
        let named = || {
            keys.iter()
                .enumerate()
                .filter(|(_, key)| kid.is_none_or(|kid| key.names().fits(kid)))
                .map(|(index, key)| (index, &**key))
        };
        let fitting: Vec<_> = named()
            .filter(|(_, key)| key.admits(header))
            .take(MAX_TRIED)
            .collect();
        if !fitting.is_empty() {
            return Ok(Self { fitting, kid });
        }
        let Some((_, first)) = named().next() else {
            return Err(fail(Reason::UnknownKey(
                kid.map_or_else(|| "(none)".to_owned(), printable),
            )));
        };
        let name = header.enc().map_or_else(
            || printable(header.alg()),
            |enc| format!("{} + {}", printable(header.alg()), printable(enc)),
        );
        let accepted = named()
            .take(MAX_TRIED)
            .map(|(_, key)| key.does())
            .collect::<Vec<_>>()
            .join("; ");
        let single = named().nth(1).is_none().then(|| first.names().alias());
        Err(fail(Reason::Algorithm { name, accepted }).alias(single))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, &'a K)> + '_ {
        self.fitting.iter().copied()
    }

    /// The failure when none of them fitted.
    pub(super) fn failure(&self, reason: impl Into<Reason>) -> Failure {
        let single = match self.fitting.as_slice() {
            [(_, key)] => Some(key.names().alias()),
            _ => None,
        };
        Failure::new(K::STEP, reason).kid(self.kid).alias(single)
    }
}
