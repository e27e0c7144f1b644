//! The stage built in code.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use palisade_core::{Clock, ReplayStore, SystemClock};

use super::recipient::Recipients;
use super::{MessageSecurity, RequestRules, ResponseRules};
use crate::algorithms::Algorithms;
use crate::format::{Jwt, MessageFormat};
use crate::keys::{DecryptionKey, EncryptionKey, SigningKey, VerificationKey};
use crate::message::{reader, writer};
use crate::times::TimeRules;
use palisade_core::pool::CryptoPool;

/// Builds a [`MessageSecurity`].
#[derive(Debug)]
#[must_use]
pub struct MessageSecurityBuilder {
    pub(super) format: Arc<dyn MessageFormat>,
    pub(super) decryption: Vec<Arc<DecryptionKey>>,
    pub(super) verification: Vec<Arc<VerificationKey>>,
    pub(super) times: Option<TimeRules>,
    pub(super) replay: Option<Arc<dyn ReplayStore>>,
    pub(super) binding_required: bool,
    pub(super) bodiless_allowed: bool,
    pub(super) audience: Option<String>,
    pub(super) signing: Option<Arc<SigningKey>>,
    pub(super) encryption: Option<Arc<EncryptionKey>>,
    pub(super) to_caller: Option<Algorithms>,
    pub(super) ttl: Option<Duration>,
    pub(super) secure_errors: bool,
    pub(super) pool: Option<Arc<CryptoPool>>,
    pub(super) clock: Option<Arc<dyn Clock>>,
}

/// Rules that do not go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unusable {
    /// Replays are told by the signer, the name and the times of a message.
    #[error("replay protection needs signatures and times of requests")]
    ReplayWithoutSigner,
    /// The format carries its claims in a protected header, and requests have none.
    #[error("this message format needs decryption or signatures of requests")]
    RequestsWithoutHeader,
    /// The format carries its claims in a protected header, and responses have none.
    #[error("this message format needs encryption or signatures of responses")]
    ResponsesWithoutHeader,
}

impl MessageSecurityBuilder {
    pub(super) fn new() -> Self {
        Self {
            format: Arc::new(Jwt),
            decryption: Vec::new(),
            verification: Vec::new(),
            times: None,
            replay: None,
            binding_required: false,
            bodiless_allowed: false,
            audience: None,
            signing: None,
            encryption: None,
            to_caller: None,
            ttl: None,
            secure_errors: false,
            pool: None,
            clock: None,
        }
    }

    /// Uses that message format, in both directions; without it, [`Jwt`].
    pub fn format(mut self, format: Arc<dyn MessageFormat>) -> Self {
        self.format = format;
        self
    }

    /// Requests have to be encrypted to one of these keys.
    pub fn decrypt_requests(mut self, keys: impl IntoIterator<Item = DecryptionKey>) -> Self {
        self.decryption.extend(keys.into_iter().map(Arc::new));
        self
    }

    /// Requests have to be signed by one of these keys.
    pub fn verify_requests(mut self, keys: impl IntoIterator<Item = VerificationKey>) -> Self {
        self.verification.extend(keys.into_iter().map(Arc::new));
        self
    }

    /// Requests have to be of now.
    pub fn check_times(mut self, rules: TimeRules) -> Self {
        self.times = Some(rules);
        self
    }

    /// A request is accepted once.
    pub fn refuse_replays(mut self, memory: Arc<dyn ReplayStore>) -> Self {
        self.replay = Some(memory);
        self
    }

    /// Requests have to name the method and the target they are made for.
    pub fn require_binding(mut self) -> Self {
        self.binding_required = true;
        self
    }

    /// GET, HEAD and DELETE without a body pass unsecured.
    pub fn allow_bodiless(mut self) -> Self {
        self.bodiless_allowed = true;
        self
    }

    /// Requests have to be made for this name.
    pub fn audience(mut self, name: impl Into<String>) -> Self {
        self.audience = Some(name.into());
        self
    }

    /// Responses are signed.
    pub fn sign_responses(mut self, key: SigningKey) -> Self {
        self.signing = Some(Arc::new(key));
        self
    }

    /// Responses are encrypted to this key.
    pub fn encrypt_responses(mut self, key: EncryptionKey) -> Self {
        self.encryption = Some(Arc::new(key));
        self.to_caller = None;
        self
    }

    /// Responses are encrypted to the certificate of the caller; who has none is refused.
    pub fn encrypt_responses_to_caller(mut self, algorithms: Algorithms) -> Self {
        self.to_caller = Some(algorithms);
        self.encryption = None;
        self
    }

    /// Responses are given times, and live this long.
    pub fn stamp_responses(mut self, ttl: Duration) -> Self {
        self.ttl = Some(ttl);
        self
    }

    /// Answers with status 4xx and 5xx are secured too.
    pub fn secure_errors(mut self) -> Self {
        self.secure_errors = true;
        self
    }

    /// Does the cryptography on these threads; without it, on those of the process, as many as cores.
    pub fn pool(mut self, pool: Arc<CryptoPool>) -> Self {
        self.pool = Some(pool);
        self
    }

    /// Asks this clock for the time; without it, the operating system.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Checks that the rules go together.
    pub fn build(self) -> Result<MessageSecurity, Unusable> {
        let reads = !self.decryption.is_empty() || !self.verification.is_empty();
        let writes = self.signing.is_some() || self.encryption.is_some() || self.to_caller.is_some();
        if self.replay.is_some() && (self.verification.is_empty() || self.times.is_none()) {
            return Err(Unusable::ReplayWithoutSigner);
        }
        if self.format.needs_header() && self.times.is_some() && !reads {
            return Err(Unusable::RequestsWithoutHeader);
        }
        if self.format.needs_header() && self.ttl.is_some() && !writes {
            return Err(Unusable::ResponsesWithoutHeader);
        }
        Ok(MessageSecurity {
            requests: (reads || self.times.is_some()).then(|| RequestRules {
                reader: Arc::new(reader(
                    Arc::clone(&self.format),
                    self.decryption,
                    self.verification,
                )),
                times: self.times,
                replay: self.replay,
                memory_knows: AtomicBool::new(false),
                binding_required: self.binding_required,
                bodiless_allowed: self.bodiless_allowed,
                audience: self.audience,
            }),
            responses: (writes || self.ttl.is_some()).then(|| ResponseRules {
                writer: Arc::new(writer(self.format, self.signing, self.encryption)),
                recipients: self.to_caller.map(Recipients::new),
                ttl: self.ttl,
                secure_errors: self.secure_errors,
            }),
            pool: self.pool.unwrap_or_else(CryptoPool::shared),
            clock: self.clock.unwrap_or_else(|| Arc::new(SystemClock::new())),
        })
    }
}
