//! The stage built in code.

use std::sync::Arc;
use std::time::Duration;

use palisade_core::{Clock, SystemClock};

use super::{ClientMessageSecurity, RequestRules, ResponseRules};
use crate::format::{Jwt, MessageFormat};
use crate::keys::{DecryptionKey, EncryptionKey, SigningKey, VerificationKey};
use crate::message::{reader, writer};
use crate::server::Unusable;
use crate::times::TimeRules;
use palisade_core::pool::CryptoPool;

/// Builds a [`ClientMessageSecurity`].
#[derive(Debug)]
#[must_use]
pub struct ClientMessageSecurityBuilder {
    pub(super) format: Arc<dyn MessageFormat>,
    pub(super) signing: Option<Arc<SigningKey>>,
    pub(super) encryption: Option<Arc<EncryptionKey>>,
    pub(super) ttl: Option<Duration>,
    pub(super) request_audience: Option<String>,
    pub(super) bodiless_allowed: bool,
    pub(super) decryption: Vec<Arc<DecryptionKey>>,
    pub(super) verification: Vec<Arc<VerificationKey>>,
    pub(super) times: Option<TimeRules>,
    pub(super) response_audience: Option<String>,
    pub(super) binding_required: bool,
    pub(super) secure_errors: bool,
    pub(super) unsecured_accepted: bool,
    pub(super) pool: Option<Arc<CryptoPool>>,
    pub(super) clock: Option<Arc<dyn Clock>>,
}

impl ClientMessageSecurityBuilder {
    pub(super) fn new() -> Self {
        Self {
            format: Arc::new(Jwt),
            signing: None,
            encryption: None,
            ttl: None,
            request_audience: None,
            bodiless_allowed: false,
            decryption: Vec::new(),
            verification: Vec::new(),
            times: None,
            response_audience: None,
            binding_required: false,
            secure_errors: false,
            unsecured_accepted: false,
            pool: None,
            clock: None,
        }
    }

    /// Uses that message format, in both directions; without it, [`Jwt`].
    pub fn format(mut self, format: Arc<dyn MessageFormat>) -> Self {
        self.format = format;
        self
    }

    /// Requests are signed.
    pub fn sign_requests(mut self, key: SigningKey) -> Self {
        self.signing = Some(Arc::new(key));
        self
    }

    /// Requests are encrypted to this key.
    pub fn encrypt_requests(mut self, key: EncryptionKey) -> Self {
        self.encryption = Some(Arc::new(key));
        self
    }

    /// Requests are given times, and live this long.
    pub fn stamp_requests(mut self, ttl: Duration) -> Self {
        self.ttl = Some(ttl);
        self
    }

    /// Requests are made for this name of the server.
    pub fn request_audience(mut self, name: impl Into<String>) -> Self {
        self.request_audience = Some(name.into());
        self
    }

    /// GET, HEAD and DELETE without a body are sent unsecured.
    pub fn allow_bodiless(mut self) -> Self {
        self.bodiless_allowed = true;
        self
    }

    /// Responses have to be encrypted to one of these keys.
    pub fn decrypt_responses(mut self, keys: impl IntoIterator<Item = DecryptionKey>) -> Self {
        self.decryption.extend(keys.into_iter().map(Arc::new));
        self
    }

    /// Responses have to be signed by one of these keys.
    pub fn verify_responses(mut self, keys: impl IntoIterator<Item = VerificationKey>) -> Self {
        self.verification.extend(keys.into_iter().map(Arc::new));
        self
    }

    /// Responses have to be of now.
    pub fn check_times(mut self, rules: TimeRules) -> Self {
        self.times = Some(rules);
        self
    }

    /// Responses have to be made for this name.
    pub fn response_audience(mut self, name: impl Into<String>) -> Self {
        self.response_audience = Some(name.into());
        self
    }

    /// Responses have to name the request they answer; without it, one that names none passes.
    pub fn require_binding(mut self) -> Self {
        self.binding_required = true;
        self
    }

    /// Answers with status 4xx and 5xx have to be secured too.
    pub fn secure_errors(mut self) -> Self {
        self.secure_errors = true;
        self
    }

    /// Responses that are not secured are accepted.
    pub fn dangerously_accept_unsecured(mut self) -> Self {
        self.unsecured_accepted = true;
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
    pub fn build(self) -> Result<ClientMessageSecurity, Unusable> {
        let reads = !self.decryption.is_empty() || !self.verification.is_empty();
        let writes = self.signing.is_some() || self.encryption.is_some();
        if self.format.needs_header() && self.times.is_some() && !reads {
            return Err(Unusable::ResponsesWithoutHeader);
        }
        if self.format.needs_header() && self.ttl.is_some() && !writes {
            return Err(Unusable::RequestsWithoutHeader);
        }
        Ok(ClientMessageSecurity {
            requests: (writes || self.ttl.is_some()).then(|| RequestRules {
                writer: Arc::new(writer(Arc::clone(&self.format), self.signing, self.encryption)),
                ttl: self.ttl,
                audience: self.request_audience,
                bodiless_allowed: self.bodiless_allowed,
            }),
            responses: (reads || self.times.is_some()).then(|| ResponseRules {
                reader: Arc::new(reader(self.format, self.decryption, self.verification)),
                times: self.times,
                audience: self.response_audience,
                binding_required: self.binding_required,
                secure_errors: self.secure_errors,
                unsecured_accepted: self.unsecured_accepted,
            }),
            pool: self.pool.unwrap_or_else(CryptoPool::shared),
            clock: self.clock.unwrap_or_else(|| Arc::new(SystemClock::new())),
        })
    }
}
