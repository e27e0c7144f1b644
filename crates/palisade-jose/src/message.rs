//! A whole message: keys and a format put together, in both directions.
//!
//! These are the operations that the stages and the command line share. They block for as long as the cryptography takes.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::Map;

use crate::claims::Claims;
use crate::format::{Body, FormatError, Jwt, MessageFormat, essence};
use crate::keys::{DecryptionKey, EncryptionKey, SigningKey, VerificationKey};
use crate::wire::{self, FailedStep, Failure, ProtectedHeader, is_compact};

/// Reads secured messages: decrypts, verifies, and takes the payload apart.
#[derive(Debug, Clone)]
pub struct Reader {
    format: Arc<dyn MessageFormat>,
    decryption: Option<Arc<[Arc<DecryptionKey>]>>,
    verification: Option<Arc<[Arc<VerificationKey>]>>,
}

/// A message that was read.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ReadMessage {
    /// What it says about itself. Nobody vouches for it where `signed_by` is empty.
    pub claims: Claims,
    /// What it carries.
    pub body: Body,
    /// The key that decrypted it.
    pub decrypted_with: Option<Arc<DecryptionKey>>,
    /// The key that verified its signature.
    pub signed_by: Option<Arc<VerificationKey>>,
    /// The steps that were taken, for the operator.
    pub steps: Vec<Passed>,
}

/// A step that a message passed, for the operator; printed as `decrypt ok, kid 2025 → alias partner-old`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Passed {
    /// `decrypt` or `signature`.
    pub step: &'static str,
    /// The `kid` that the message names, cut to 64 printable characters.
    pub kid: Option<String>,
    /// The alias of the key that fitted.
    pub alias: String,
}

impl fmt::Display for Passed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { step, kid, alias } = self;
        match kid {
            Some(kid) => write!(f, "{step} ok, kid {kid} → alias {alias}"),
            None => write!(f, "{step} ok, no kid, alias {alias} fits"),
        }
    }
}

impl ReadMessage {
    /// The steps that were taken, in one line.
    pub(crate) fn steps_taken(&self) -> String {
        let steps: Vec<_> = self.steps.iter().map(ToString::to_string).collect();
        steps.join("; ")
    }

    /// Counts the keys that were used, so that it shows when an old one no longer is.
    pub(crate) fn count(&self) {
        let count = |operation: &'static str, alias: &str| {
            metrics::counter!(
                "palisade_message_keys_total", "operation" => operation, "alias" => alias.to_owned()
            )
            .increment(1);
        };
        if let Some(key) = &self.decrypted_with {
            count("decrypt", key.alias());
        }
        if let Some(key) = &self.signed_by {
            count("verify", key.alias());
        }
    }
}

/// Why a message cannot be read; printed, it names the steps that passed and the one that failed, for the operator alone.
#[derive(Debug)]
pub struct ReadError(Box<Failed>);

#[derive(Debug)]
struct Failed {
    steps: Vec<Passed>,
    fault: Fault,
    clear: Option<Body>,
}

/// What failed.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("{}", .0.why())]
    Wire(#[from] Failure),
    #[error("there is none; the decrypted payload is no compact JWS")]
    NotSigned,
    #[error("the decrypted payload is signed, and verification is off")]
    NotVerified,
    #[error("the object is of the type {0}, and no message")]
    Foreign(String),
    #[error(transparent)]
    Format(#[from] FormatError),
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in &self.0.steps {
            write!(f, "{step}; ")?;
        }
        write!(f, "{}: {}", self.failed_step(), self.0.fault)
    }
}

impl std::error::Error for ReadError {}

impl ReadError {
    /// The steps that passed before.
    pub fn steps(&self) -> &[Passed] {
        &self.0.steps
    }

    /// The step that failed: `decryption`, `signature` or `format`.
    pub fn failed_step(&self) -> &'static str {
        match &self.0.fault {
            Fault::Wire(failure) => failure.step.name(),
            Fault::NotSigned | Fault::NotVerified => FailedStep::Verify.name(),
            Fault::Foreign(_) | Fault::Format(_) => "format",
        }
    }

    /// Why that step failed, for the operator: `no key fits kid 2026`.
    pub fn reason(&self) -> String {
        self.0.fault.to_string()
    }

    /// The body that nobody vouches for, of a message that was decrypted and then failed; only where it was asked for.
    pub(crate) fn take_clear(&mut self) -> Option<Body> {
        self.0.clear.take()
    }
}

/// How much a failed read may tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnFailure {
    /// Nothing of the message.
    KeepNothing,
    /// What was decrypted, for a run that only reports.
    KeepClear,
}

impl OnFailure {
    pub(crate) fn when(report_only: bool) -> Self {
        if report_only {
            Self::KeepClear
        } else {
            Self::KeepNothing
        }
    }
}

impl Reader {
    /// Reads messages of that format, neither encrypted nor signed yet.
    pub fn new(format: Arc<dyn MessageFormat>) -> Self {
        Self {
            format,
            decryption: None,
            verification: None,
        }
    }

    /// Messages have to be encrypted to one of these keys.
    #[must_use]
    pub fn decrypt_with(mut self, keys: impl Into<Arc<[Arc<DecryptionKey>]>>) -> Self {
        self.decryption = Some(keys.into());
        self
    }

    /// Messages have to be signed by one of these keys.
    #[must_use]
    pub fn verify_with(mut self, keys: impl Into<Arc<[Arc<VerificationKey>]>>) -> Self {
        self.verification = Some(keys.into());
        self
    }

    /// Whether there is anything cryptographic to do.
    pub fn is_cryptographic(&self) -> bool {
        self.decryption.is_some() || self.verification.is_some()
    }

    /// Whether messages have to be signed.
    pub fn verifies(&self) -> bool {
        self.verification.is_some()
    }

    /// Whether it is worth looking closer: it begins like a compact form, and there are as many segments as there have to be.
    /// Anything else is not secured.
    pub(crate) fn may_be_secured(&self, body: &[u8]) -> bool {
        // The header tells JSON and XML at once, which may have as many dots.
        let header = body.iter().take(64).take_while(|byte| **byte != b'.');
        let begins = header
            .copied()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        let has = |dots: usize| begins && memchr::memchr_iter(b'.', body).take(dots + 1).count() == dots;
        match (&self.decryption, &self.verification) {
            (Some(_), _) => has(4),
            (None, Some(_)) => has(2),
            (None, None) => !body.is_empty(),
        }
    }

    /// Whether the body looks like a secured message: a compact form of the right number of segments.
    pub fn is_secured(&self, body: &[u8]) -> bool {
        match (&self.decryption, &self.verification) {
            (Some(_), _) => is_compact(body, 4),
            (None, Some(_)) => is_compact(body, 2),
            (None, None) => !body.is_empty(),
        }
    }

    /// Reads a message.
    pub fn read(&self, message: &Bytes) -> Result<ReadMessage, ReadError> {
        self.read_or(message, OnFailure::KeepNothing)
    }

    /// Reads what [may be](Self::may_be_secured) a message. An error tells one that cannot be read (`Some`) from what turns out
    /// not to be secured at all: only now is every character looked at, for one that can be read has been decoded anyway.
    pub(crate) fn read_secured(
        &self,
        message: &Bytes,
        on_failure: OnFailure,
    ) -> Result<ReadMessage, Option<ReadError>> {
        self.read_or(message, on_failure)
            .map_err(|error| self.is_secured(message).then_some(error))
    }

    /// Reads a message, and keeps of one that fails what is asked for.
    pub(crate) fn read_or(&self, message: &Bytes, on_failure: OnFailure) -> Result<ReadMessage, ReadError> {
        let mut steps = Vec::new();
        let mut decrypted = None;
        match self.open(message, &mut steps, &mut decrypted) {
            Ok(read) => Ok(ReadMessage { steps, ..read }),
            Err(fault) => {
                let clear = decrypted
                    .filter(|_| on_failure == OnFailure::KeepClear)
                    .and_then(|(payload, header)| self.unverified(payload, &header));
                Err(ReadError(Box::new(Failed { steps, fault, clear })))
            }
        }
    }

    fn open(
        &self,
        message: &Bytes,
        steps: &mut Vec<Passed>,
        decrypted: &mut Option<(Bytes, ProtectedHeader)>,
    ) -> Result<ReadMessage, Fault> {
        // The claims of a raw message stand in the innermost header, and only there may `crit` list them.
        let understood = self.format.understood();
        let mut payload = message.clone();
        let mut header = None;
        let (mut decrypted_with, mut signed_by) = (None, None);
        if let Some(keys) = &self.decryption {
            let understood = if self.verification.is_none() {
                understood
            } else {
                &[]
            };
            let opened = wire::decrypt(keys, message, understood)?;
            decrypted_with = keys.get(opened.key).cloned();
            if let Some(key) = &decrypted_with {
                steps.push(passed("decrypt", &opened.header, key.alias()));
            }
            payload = opened.payload.clone();
            *decrypted = Some((opened.payload, opened.header.clone()));
            header = Some(opened.header);
        }
        if let Some(keys) = &self.verification {
            let opened = wire::verify(keys, &payload, understood).map_err(|failure| {
                if header.is_some() && !is_compact(&payload, 2) {
                    Fault::NotSigned
                } else {
                    failure.into()
                }
            })?;
            signed_by = keys.get(opened.key).cloned();
            if let Some(key) = &signed_by {
                steps.push(passed("signature", &opened.header, key.alias()));
            }
            payload = opened.payload;
            header = Some(opened.header);
        }
        if let Some(typ) = header.as_ref().and_then(foreign_type) {
            return Err(Fault::Foreign(typ));
        }
        if header.as_ref().is_some_and(is_nested) {
            return Err(Fault::NotVerified);
        }
        let (claims, body) = self.format.read(payload, header.as_ref())?;
        Ok(ReadMessage {
            claims,
            body,
            decrypted_with,
            signed_by,
            steps: Vec::new(),
        })
    }

    /// The body of a message that was decrypted, whatever its signature is worth.
    fn unverified(&self, payload: Bytes, header: &ProtectedHeader) -> Option<Body> {
        if self.verification.is_none() || !is_compact(&payload, 2) {
            return self.format.read(payload, Some(header)).ok().map(|(_, body)| body);
        }
        let (payload, header) = wire::unverified_jws(&payload)?;
        self.format
            .read(payload, Some(&header))
            .ok()
            .map(|(_, body)| body)
    }
}

/// The `typ` of an object that says it is something else, such as an access token that the partner also signs (RFC 8725
/// section 3.11).
fn foreign_type(header: &ProtectedHeader) -> Option<String> {
    let typ = header.typ()?.to_ascii_lowercase();
    let own = matches!(typ.strip_prefix("application/").unwrap_or(&typ), "jwt" | "jose");
    (!own).then(|| wire::printable(&typ))
}

/// Whether what is inside is said to be another JOSE object.
fn is_nested(header: &ProtectedHeader) -> bool {
    header.cty().is_some_and(|cty| {
        let cty = essence(cty);
        matches!(cty.strip_prefix("application/").unwrap_or(&cty), "jwt" | "jose")
    })
}

fn passed(step: &'static str, header: &ProtectedHeader, alias: &str) -> Passed {
    Passed {
        step,
        kid: header.kid().map(wire::printable),
        alias: alias.to_owned(),
    }
}

/// Makes secured messages: puts a payload together, signs, encrypts.
#[derive(Debug, Clone)]
pub struct Writer {
    format: Arc<dyn MessageFormat>,
    signing: Option<Arc<SigningKey>>,
    encryption: Option<Arc<EncryptionKey>>,
}

/// Why a message cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The format cannot carry it.
    #[error("format: {0}")]
    Format(#[from] FormatError),
    /// The cryptography failed.
    #[error(transparent)]
    Wire(#[from] Failure),
}

impl Default for Writer {
    fn default() -> Self {
        Self::new(Arc::new(Jwt))
    }
}

impl Writer {
    /// Makes messages of that format, neither signed nor encrypted yet.
    pub fn new(format: Arc<dyn MessageFormat>) -> Self {
        Self {
            format,
            signing: None,
            encryption: None,
        }
    }

    /// Signs messages.
    #[must_use]
    pub fn sign_with(mut self, key: Arc<SigningKey>) -> Self {
        self.signing = Some(key);
        self
    }

    /// Encrypts messages.
    #[must_use]
    pub fn encrypt_with(mut self, key: Arc<EncryptionKey>) -> Self {
        self.encryption = Some(key);
        self
    }

    /// Makes a message.
    pub fn write(&self, claims: &Claims, body: &Body) -> Result<Bytes, WriteError> {
        let written = self.format.write(claims, body)?;
        match (&self.signing, &self.encryption) {
            (Some(signing), Some(encryption)) => {
                let signed = wire::sign(signing, &written.header, &written.payload)?;
                let mut header = Map::new();
                header.insert("cty".to_owned(), self.format.nested_type().into());
                Ok(wire::encrypt(encryption, &header, &signed)?.into())
            }
            (Some(signing), None) => Ok(wire::sign(signing, &written.header, &written.payload)?.into()),
            (None, Some(encryption)) => {
                Ok(wire::encrypt(encryption, &written.header, &written.payload)?.into())
            }
            (None, None) => Ok(written.payload),
        }
    }
}

/// A reader of messages that are encrypted and signed where there are keys for it.
pub(crate) fn reader(
    format: Arc<dyn MessageFormat>,
    decryption: Vec<Arc<DecryptionKey>>,
    verification: Vec<Arc<VerificationKey>>,
) -> Reader {
    let mut reader = Reader::new(format);
    if !decryption.is_empty() {
        reader = reader.decrypt_with(decryption);
    }
    if !verification.is_empty() {
        reader = reader.verify_with(verification);
    }
    reader
}

/// A writer of messages that signs and encrypts where there is a key for it.
pub(crate) fn writer(
    format: Arc<dyn MessageFormat>,
    signing: Option<Arc<SigningKey>>,
    encryption: Option<Arc<EncryptionKey>>,
) -> Writer {
    let mut writer = Writer::new(format);
    if let Some(key) = signing {
        writer = writer.sign_with(key);
    }
    if let Some(key) = encryption {
        writer = writer.encrypt_with(key);
    }
    writer
}
