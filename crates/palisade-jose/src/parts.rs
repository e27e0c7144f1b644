//! The pieces of an interceptor: what it takes to open messages, and what it takes to make them.
//!
//! The stages are built of these. Commands, batch jobs and queues, which have messages but no exchange over HTTP, use them as
//! they are: read settings, take the parts, and call [`Reader::read`] or [`Writer::write`].
//!
//! 1. Only what a direction needs is built: an application that makes requests needs none of the keys for responses.
//! 2. A reader alone accepts no message. Whoever reads without a stage checks method and target ([`check_binding`]), audience
//!    ([`check_audience`]), times ([`TimeRules::check`]), and whether the message was accepted before.
//!
//! [`check_binding`]: crate::check_binding
//! [`check_audience`]: crate::check_audience
//! [`Reader::read`]: crate::Reader::read
//! [`Writer::write`]: crate::Writer::write
//! [`TimeRules::check`]: crate::TimeRules::check

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use palisade_core::{BuildContext, BuildError, RequestId};
use serde_json::Map;

use crate::claims::Claims;
use crate::format::MessageFormat;
use crate::keys::{DecryptionKey, EncryptionKey, SigningKey, VerificationKey};
use crate::message::{Reader, WriteError, Writer, reader, writer};
use crate::profiles::{CALLER, Profiles, time_rules};
use crate::settings::{
    Binding, ClientMessageSecuritySettings, MessageSecuritySettings, ReadProfileSettings, TimestampSettings,
    WriteProfileSettings,
};
use crate::times::TimeRules;
use crate::wire::{self, ProtectedHeader};

/// What a format that has its claims in a header is refused with, where there is none.
const NEEDS_HEADER: &str =
    "another one: this one carries its claims in a header, so messages have to be signed or encrypted";

/// What it takes to open the messages of one direction.
///
/// ```
/// use std::collections::BTreeMap;
/// use std::sync::Arc;
///
/// use palisade_core::{BuildContext, Clock, Resources, StateStore, SystemClock};
/// use palisade_jose::{
///     Body, ClientMessageSecuritySettings, MessageSecuritySettings, ReadProfileSettings, WriteProfileSettings,
/// };
/// use palisade_keystore::{KeystoreSettings, Keystores};
/// use palisade_test::ca::TestCa;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let ca = TestCa::new("Example Root");
/// # ca.client("partner").write_pem(folder.path(), "partner");
/// # ca.client("stranger").write_pem(folder.path(), "stranger");
/// let files = BTreeMap::from([("keys".to_owned(), KeystoreSettings::new("."))]);
/// let keystores = Keystores::load(folder.path(), &files)?;
/// let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
/// let (state, resources) = (StateStore::default(), Resources::default().with(Arc::new(keystores)));
/// let cx = BuildContext::new("Orders", folder.path(), &clock, &state, &resources);
///
/// // What the partner does; such settings also come out of property files.
/// let mut partner = ClientMessageSecuritySettings::default();
/// partner.request.signature = WriteProfileSettings {
///     enabled: true,
///     key_alias: Some("partner".to_owned()),
///     ..WriteProfileSettings::default()
/// };
/// partner.request.timestamp.enabled = true;
/// let outgoing = partner.outgoing(&cx)?.ok_or("nothing is on")?;
/// let body = Body { bytes: "[1, 2]".into(), media_type: Some("application/json".to_owned()) };
/// let message = outgoing.writer().write(&outgoing.claims(clock.now()), &body)?;
///
/// // What a job does that takes messages out of a queue.
/// let mut own = MessageSecuritySettings::default();
/// own.request.signature = ReadProfileSettings {
///     enabled: true,
///     key_alias: vec!["partner".to_owned()],
///     ..ReadProfileSettings::default()
/// };
/// own.request.timestamp.enabled = true;
/// let incoming = own.incoming(&cx)?.ok_or("nothing is on")?;
/// let read = incoming.reader().read(&message)?;
/// incoming.times.ok_or("times are off")?.check(&read.claims, clock.now())?;
/// assert_eq!(read.body, body);
///
/// // The key of somebody else does not fit.
/// own.request.signature.key_alias = vec!["stranger".to_owned()];
/// let refused = own.incoming(&cx)?.ok_or("nothing is on")?.reader().read(&message).unwrap_err();
/// assert_eq!(refused.failed_step(), "signature");
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Incoming {
    /// How payloads are made.
    pub format: Arc<dyn MessageFormat>,
    /// The keys that decrypt; none where messages are not encrypted.
    pub decryption: Vec<Arc<DecryptionKey>>,
    /// The keys that verify; none where messages are not signed.
    pub verification: Vec<Arc<VerificationKey>>,
    /// When a message may be accepted; `None` where it needs no times.
    pub times: Option<TimeRules>,
    /// The name of this side, which `aud` has to hold.
    pub audience: Option<String>,
    /// Whether a request has to name its method and target, and a response its request.
    pub binding_required: bool,
    /// Whether a message is accepted once, so that it has to have a `jti`.
    pub is_accepted_once: bool,
}

/// What it takes to make the messages of one direction.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Outgoing {
    /// How payloads are made.
    pub format: Arc<dyn MessageFormat>,
    /// The key that signs.
    pub signing: Option<Arc<SigningKey>>,
    /// The key that encrypts.
    pub encryption: Option<Arc<EncryptionKey>>,
    /// How long a message lives; `None` where it is given no times.
    pub ttl: Option<Duration>,
    /// The `aud` that messages are given.
    pub audience: Option<String>,
}

impl Incoming {
    /// Reads messages with these keys; see the rules of the module for what is left to check.
    pub fn reader(&self) -> Reader {
        reader(
            Arc::clone(&self.format),
            self.decryption.clone(),
            self.verification.clone(),
        )
    }

    fn or(self, mut errors: BuildError) -> Result<Self, BuildError> {
        let is_bare = self.decryption.is_empty() && self.verification.is_empty();
        if errors.faults.is_empty() && is_bare && self.format.needs_header() {
            errors.push("message.format", NEEDS_HEADER);
        }
        errors.or_ok(self)
    }
}

impl Outgoing {
    /// Makes messages with these keys.
    pub fn writer(&self) -> Writer {
        writer(
            Arc::clone(&self.format),
            self.signing.clone(),
            self.encryption.clone(),
        )
    }

    /// Encrypts a message that is signed already, as it is; `None` where messages are not encrypted.
    pub fn encrypt_signed(&self, signed: &[u8]) -> Result<Option<Bytes>, WriteError> {
        let Some(key) = &self.encryption else {
            return Ok(None);
        };
        let mut header = Map::new();
        header.insert("cty".to_owned(), self.format.nested_type().into());
        Ok(Some(wire::encrypt(key, &header, signed)?.into()))
    }

    /// The claims of a message that is made now: a `jti` of its own, its times and its audience.
    pub fn claims(&self, now: SystemTime) -> Claims {
        Claims {
            issued_at: self.ttl.map(|_| now),
            expires_at: self.ttl.map(|ttl| now.checked_add(ttl).unwrap_or(now)),
            id: Some(RequestId::random().to_string()),
            audience: self.audience.iter().cloned().collect(),
            ..Claims::default()
        }
    }

    fn or(self, mut errors: BuildError) -> Result<Self, BuildError> {
        let is_bare = self.signing.is_none() && self.encryption.is_none();
        if errors.faults.is_empty() && is_bare && self.format.needs_header() {
            errors.push("message.format", NEEDS_HEADER);
        }
        errors.or_ok(self)
    }
}

/// The header of a signed message in compact form, whose signature nobody has checked: to tell such a message from others.
pub fn unverified_header(message: &[u8]) -> Option<ProtectedHeader> {
    wire::unverified_jws(message).map(|(_, header)| header)
}

impl MessageSecuritySettings {
    /// What opens requests; `None` where none of their profiles is on.
    pub fn incoming(&self, cx: &BuildContext<'_>) -> Result<Option<Incoming>, BuildError> {
        let request = &self.request;
        if !is_read(&request.decryption, &request.signature, &request.timestamp) {
            return Ok(None);
        }
        let mut profiles = Profiles::new(cx);
        let format = profiles.format(&self.message);
        let parts = self.requests(format, &mut profiles);
        parts.or(profiles.errors).map(Some)
    }

    /// What makes responses; `None` where none of their profiles is on.
    ///
    /// Responses that are encrypted to the certificate of the caller cannot be made without one, and are an error here.
    pub fn outgoing(&self, cx: &BuildContext<'_>) -> Result<Option<Outgoing>, BuildError> {
        let response = &self.response;
        if !is_written(&response.encryption, &response.signature, &response.timestamp) {
            return Ok(None);
        }
        let mut profiles = Profiles::new(cx);
        if self.is_encrypted_to_caller() {
            let expected = "the alias of a key: there is no caller here whose certificate could be used";
            profiles.errors.push("response.encryption.key-alias", expected);
        }
        let format = profiles.format(&self.message);
        let parts = self.responses(format, &mut profiles);
        parts.or(profiles.errors).map(Some)
    }

    /// Whether requests are accepted once: as configured, else where they are signed and have times.
    pub fn is_protected_from_replay(&self) -> bool {
        let request = &self.request;
        let default = request.signature.enabled && request.timestamp.enabled;
        request.replay_protection.unwrap_or(default)
    }

    /// Whether responses are encrypted to the certificate of the caller.
    pub(crate) fn is_encrypted_to_caller(&self) -> bool {
        let encryption = &self.response.encryption;
        encryption.enabled && encryption.key_alias.as_deref() == Some(CALLER)
    }

    pub(crate) fn requests(&self, format: Arc<dyn MessageFormat>, profiles: &mut Profiles<'_>) -> Incoming {
        let request = &self.request;
        Incoming {
            format,
            decryption: profiles.decryption("request.decryption", &request.decryption),
            verification: profiles.verification("request.signature", &request.signature),
            times: time_rules(&request.timestamp),
            audience: request.audience.clone(),
            binding_required: request.binding == Binding::Required,
            is_accepted_once: self.is_protected_from_replay(),
        }
    }

    /// Without a key for encryption where that is the caller's.
    pub(crate) fn responses(&self, format: Arc<dyn MessageFormat>, profiles: &mut Profiles<'_>) -> Outgoing {
        let response = &self.response;
        let encryption = if self.is_encrypted_to_caller() {
            None
        } else {
            profiles.encryption("response.encryption", &response.encryption)
        };
        Outgoing {
            format,
            signing: profiles.signing("response.signature", &response.signature),
            encryption,
            ttl: profiles.ttl(
                ("response.timestamp", &response.timestamp),
                ("request.timestamp", &self.request.timestamp),
            ),
            audience: None,
        }
    }
}

impl ClientMessageSecuritySettings {
    /// What makes requests; `None` where none of their profiles is on.
    pub fn outgoing(&self, cx: &BuildContext<'_>) -> Result<Option<Outgoing>, BuildError> {
        let request = &self.request;
        if !is_written(&request.encryption, &request.signature, &request.timestamp) {
            return Ok(None);
        }
        let mut profiles = Profiles::new(cx);
        let format = profiles.format(&self.message);
        let parts = self.requests(format, &mut profiles);
        parts.or(profiles.errors).map(Some)
    }

    /// What opens responses; `None` where none of their profiles is on.
    pub fn incoming(&self, cx: &BuildContext<'_>) -> Result<Option<Incoming>, BuildError> {
        let response = &self.response;
        if !is_read(&response.decryption, &response.signature, &response.timestamp) {
            return Ok(None);
        }
        let mut profiles = Profiles::new(cx);
        let format = profiles.format(&self.message);
        let parts = self.responses(format, &mut profiles);
        parts.or(profiles.errors).map(Some)
    }

    pub(crate) fn requests(&self, format: Arc<dyn MessageFormat>, profiles: &mut Profiles<'_>) -> Outgoing {
        let request = &self.request;
        Outgoing {
            format,
            signing: profiles.signing("request.signature", &request.signature),
            encryption: profiles.encryption("request.encryption", &request.encryption),
            ttl: profiles.ttl(
                ("request.timestamp", &request.timestamp),
                ("response.timestamp", &self.response.timestamp),
            ),
            audience: request.audience.clone(),
        }
    }

    pub(crate) fn responses(&self, format: Arc<dyn MessageFormat>, profiles: &mut Profiles<'_>) -> Incoming {
        let response = &self.response;
        Incoming {
            format,
            decryption: profiles.decryption("response.decryption", &response.decryption),
            verification: profiles.verification("response.signature", &response.signature),
            times: time_rules(&response.timestamp),
            audience: response.audience.clone(),
            binding_required: response.binding == Binding::Required,
            is_accepted_once: false,
        }
    }
}

fn is_read(
    decryption: &ReadProfileSettings,
    signature: &ReadProfileSettings,
    times: &TimestampSettings,
) -> bool {
    decryption.enabled || signature.enabled || times.enabled
}

fn is_written(
    encryption: &WriteProfileSettings,
    signature: &WriteProfileSettings,
    times: &TimestampSettings,
) -> bool {
    encryption.enabled || signature.enabled || times.enabled
}
