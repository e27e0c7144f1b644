//! Message security on the server's side: requests are opened, responses are secured.

mod builder;
mod checks;
mod kind;
mod recipient;
mod rehearsal;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, CONTENT_TYPE, IF_RANGE, RANGE};
use http::{HeaderValue, Method, StatusCode, request, response};
use palisade_core::{
    Bodies, Clock, Context, Message, MessageTimes, Pipeline, Rehearsal, Rejection, Replay, ReplayStore,
    RequestId, SecuredMessage, Stage, Step, Transform,
};

pub use builder::{MessageSecurityBuilder, Unusable};

use crate::claims::Claims;
use crate::format::Body;
use crate::head::{JOSE, forget_body, has_body, is_bodiless, is_plain, media_type, set_inner_type};
use crate::keys::EncryptionKey;
use crate::message::{OnFailure, ReadError, ReadMessage, Reader, Writer};
use crate::rejection::Refused;
use crate::times::TimeRules;
use checks::{check, same_soap_action, to_burn};
use palisade_core::pool::CryptoPool;
use recipient::Recipients;

/// Message security on the server's side, as one stage for both directions.
///
/// A request is read in this order: is it secured at all, decrypt, verify, method and target, audience, times, replay. What the
/// handler sees is the clear body under its own type. Its answer is given times, signed, encrypted, and sent under the type that
/// the request had.
pub struct MessageSecurity {
    requests: Option<RequestRules>,
    responses: Option<ResponseRules>,
    pool: Arc<CryptoPool>,
    clock: Arc<dyn Clock>,
}

/// What requests have to be.
#[derive(Debug)]
struct RequestRules {
    reader: Arc<Reader>,
    times: Option<TimeRules>,
    replay: Option<Arc<dyn ReplayStore>>,
    /// Whether the memory was told the skew. It is told by the first request, and not while settings are read: those may be
    /// refused.
    memory_knows: AtomicBool,
    binding_required: bool,
    bodiless_allowed: bool,
    audience: Option<String>,
}

/// What responses are made.
#[derive(Debug)]
struct ResponseRules {
    writer: Arc<Writer>,
    /// Where they are encrypted to the caller's certificate.
    recipients: Option<Recipients>,
    ttl: Option<Duration>,
    secure_errors: bool,
}

/// What the response has to know of its request.
struct Asked {
    /// Its type, which the answer has too.
    media_type: HeaderValue,
    /// `jti`.
    id: Option<String>,
    is_head: bool,
    recipient: Option<Arc<EncryptionKey>>,
}

impl MessageSecurity {
    /// Begins with nothing required and nothing done.
    pub fn builder() -> MessageSecurityBuilder {
        MessageSecurityBuilder::new()
    }

    /// The stage as a layer of its own.
    pub fn layer(self) -> Pipeline {
        Stage::transform(self).into()
    }

    async fn open(&self, cx: &mut Context, message: &mut Message<request::Parts>) -> Result<(), Refused> {
        let mut asked = Asked::of(&message.head);
        let recipient = match self
            .responses
            .as_ref()
            .and_then(|rules| rules.recipients.as_ref())
        {
            // Before the handler runs: what it did could not be answered.
            Some(recipients) => recipients.of(&message.head.extensions).map(Some),
            None => Ok(None),
        };
        if recipient.is_err() && !cx.is_report_only() {
            return recipient.map(|_| ());
        }
        let result = match &self.requests {
            Some(rules) => self.open_body(rules, cx, message, &mut asked).await,
            None => Ok(()),
        };
        // Where the stage only reports, a client that does not take part is answered as it asked.
        let takes_part = !matches!(result, Err(Refused::NotSecured(_)));
        if self.responses.is_some() && takes_part && recipient.is_ok() {
            // An answer that is compressed or cut to a range could not be secured as what it is.
            for name in [ACCEPT_ENCODING, RANGE, IF_RANGE] {
                message.head.headers.remove(name);
            }
            asked.recipient = recipient.as_ref().ok().cloned().flatten();
            cx.keep(asked);
        }
        result.and(recipient.map(|_| ()))
    }

    async fn open_body(
        &self,
        rules: &RequestRules,
        cx: &Context,
        message: &mut Message<request::Parts>,
        asked: &mut Asked,
    ) -> Result<(), Refused> {
        if let (Some(memory), Some(times)) = (&rules.replay, &rules.times)
            && !rules.memory_knows.swap(true, Ordering::Relaxed)
        {
            memory.remember_for(times.max_clock_skew);
        }
        let body = message.body().cloned().unwrap_or_default();
        if body.is_empty() && rules.bodiless_allowed && is_bodiless(&message.head.method) {
            asked.media_type = JOSE;
            return Ok(());
        }
        if !rules.reader.may_be_secured(&body) {
            let why = if body.is_empty() {
                "it is empty"
            } else {
                "it is no compact form"
            };
            return Err(Refused::NotSecured(why));
        }
        let read = match self.read(rules, cx, body).await? {
            Ok(read) => read,
            Err(Some(error)) => return Err(reported(message, error)),
            Err(None) => return Err(Refused::NotSecured("it is no compact form")),
        };
        read.count();
        asked.id.clone_from(&read.claims.id);
        let verdict = if same_soap_action(cx, &message.head.headers, &read) {
            self.judge(rules, &message.head, &read).await
        } else {
            Err(Refused::SoapAction)
        };
        let steps = if verdict.is_err() {
            read.steps_taken()
        } else {
            String::new()
        };
        if verdict.is_ok() || cx.is_report_only() {
            show(message, read, verdict.as_ref().ok().copied().flatten());
        }
        verdict.map(|_| ()).map_err(|refused| refused.after(steps))
    }

    /// Decrypts and verifies, on a thread of the pool.
    async fn read(
        &self,
        rules: &RequestRules,
        cx: &Context,
        body: Bytes,
    ) -> Result<Result<ReadMessage, Option<ReadError>>, Refused> {
        let on_failure = OnFailure::when(cx.is_report_only());
        let reader = Arc::clone(&rules.reader);
        if !reader.is_cryptographic() {
            return Ok(reader.read_secured(&body, on_failure));
        }
        Ok(self
            .pool
            .admit_brief(body.len(), move || reader.read_secured(&body, on_failure))
            .await?)
    }

    /// Everything that is checked once the message can be read. Its identifier is burnt last.
    async fn judge(
        &self,
        rules: &RequestRules,
        head: &request::Parts,
        read: &ReadMessage,
    ) -> Result<Option<MessageTimes>, Refused> {
        let now = self.clock.now();
        let times = check(rules, head, read, now)?;
        if let Some((store, seen)) = to_burn(rules, times, read, now)? {
            match store.burn(seen).await? {
                Replay::Fresh => {}
                Replay::TooOld => return Err(Refused::BeforeMemory),
                _ => return Err(Refused::Replayed),
            }
        }
        Ok(times)
    }

    async fn secure(
        &self,
        rules: &ResponseRules,
        asked: Asked,
        message: &mut Message<response::Parts>,
    ) -> Result<(), Refused> {
        if !is_plain(&message.head.headers) {
            return Err(Refused::Coded);
        }
        let now = self.clock.now();
        let claims = Claims {
            issued_at: rules.ttl.map(|_| now),
            expires_at: rules.ttl.map(|ttl| later(now, ttl)),
            id: Some(RequestId::random().to_string()),
            in_reply_to: asked.id,
            ..Claims::default()
        };
        let body = Body {
            bytes: message.body().cloned().unwrap_or_default(),
            media_type: media_type(&message.head.headers),
        };
        let writer = match (asked.recipient, &rules.recipients) {
            (Some(key), _) => Arc::new(Writer::clone(&rules.writer).encrypt_with(key)),
            (None, None) => Arc::clone(&rules.writer),
            (None, Some(_)) => return Err(Refused::NoCallerCertificate),
        };
        let secured = self
            .pool
            .finish_brief(move || writer.write(&claims, &body))
            .await??;
        forget_body(&mut message.head.headers);
        message.head.headers.insert(CONTENT_TYPE, asked.media_type);
        message.replace_body(secured);
        Ok(())
    }
}

impl Transform for MessageSecurity {
    fn name(&self) -> &'static str {
        "message-security"
    }

    fn needs(&self) -> Bodies {
        Bodies::of(self.requests.is_some(), self.responses.is_some())
    }

    /// What is not opened is not passed on, and what is not secured not sent.
    fn insists(&self) -> bool {
        true
    }

    fn request<'a>(&'a self, cx: &'a mut Context, message: &'a mut Message<request::Parts>) -> Step<'a> {
        Step::Wait(Box::pin(async move {
            self.open(cx, message).await.map_err(Rejection::from)
        }))
    }

    fn rehearse_message(&self, cx: &mut Context, message: &mut Message<request::Parts>) -> Rehearsal {
        self.rehearse(cx, message)
    }

    fn response<'a>(&'a self, cx: &'a mut Context, message: &'a mut Message<response::Parts>) -> Step<'a> {
        let (Some(rules), Some(asked)) = (&self.responses, cx.take::<Asked>()) else {
            return Step::Done(Ok(()));
        };
        if !is_secured(message.head.status, &asked, rules) {
            return Step::Done(Ok(()));
        }
        Step::Wait(Box::pin(async move {
            self.secure(rules, asked, message).await.map_err(Rejection::from)
        }))
    }
}

impl fmt::Debug for MessageSecurity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageSecurity")
            .field("requests", &self.requests)
            .field("responses", &self.responses)
            .finish_non_exhaustive()
    }
}

impl Asked {
    fn of(head: &request::Parts) -> Self {
        Self {
            media_type: head.headers.get(CONTENT_TYPE).cloned().unwrap_or(JOSE),
            id: None,
            is_head: head.method == Method::HEAD,
            recipient: None,
        }
    }
}

/// Whether an answer with that status is secured: it has a body, and is no error unless errors are secured too.
fn is_secured(status: StatusCode, asked: &Asked, rules: &ResponseRules) -> bool {
    let is_error = status.is_client_error() || status.is_server_error();
    has_body(status, asked.is_head) && (!is_error || rules.secure_errors)
}

/// Puts the clear body in place of the message, with what is known of it.
fn show(message: &mut Message<request::Parts>, read: ReadMessage, times: Option<MessageTimes>) {
    let facts = &mut message.head.extensions;
    facts.insert(SecuredMessage::new(
        read.signed_by.as_ref().map(|key| key.alias()),
        read.decrypted_with.as_ref().map(|key| key.alias()),
        read.claims.id.as_deref(),
    ));
    if let Some(times) = times {
        facts.insert(times);
    }
    put(message, read.body);
}

fn put(message: &mut Message<request::Parts>, body: Body) {
    forget_body(&mut message.head.headers);
    set_inner_type(
        &mut message.head.headers,
        body.media_type.as_deref(),
        body.bytes.is_empty(),
    );
    message.replace_body(body.bytes);
}

/// A message that cannot be read. What was decrypted of it goes on where the stage only reports.
fn reported(message: &mut Message<request::Parts>, mut error: ReadError) -> Refused {
    if let Some(clear) = error.take_clear() {
        put(message, clear);
    }
    error.into()
}

/// That much later, or a thousand years later where time ends before.
fn later(date: SystemTime, by: Duration) -> SystemTime {
    const FAR: Duration = Duration::from_secs(1000 * 366 * 86_400);
    let saturated = || date.checked_add(FAR).unwrap_or(date);
    date.checked_add(by).unwrap_or_else(saturated)
}
