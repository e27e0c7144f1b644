//! Message security on the client's side: requests are secured, responses are opened.

mod builder;
mod kind;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::header::{ACCEPT_ENCODING, CONTENT_TYPE, IF_RANGE, RANGE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, request, response};
use palisade_core::{
    Bodies, Clock, Context, Message, Pipeline, Rejection, RequestId, SecuredMessage, Stage, Step, Transform,
    soap,
};

pub use builder::ClientMessageSecurityBuilder;

use crate::binding::{self, BindingFault, target_of};
use crate::claims::Claims;
use crate::format::Body;
use crate::head::{JOSE, forget_body, has_body, is_bodiless, is_plain, media_type, set_inner_type};
use crate::message::{OnFailure, ReadMessage, Reader, Writer};
use crate::rejection::Refused;
use crate::times::TimeRules;
use palisade_core::pool::{CryptoPool, PoolError};

/// Message security on the client's side, as one stage for both directions: the mirror of
/// [`MessageSecurity`](crate::MessageSecurity).
///
/// A request is bound to its method and path, given times, signed, encrypted, and sent as `application/jose`. A response is
/// decrypted and verified; then its times, its audience, and the request that it answers are checked. What the caller sees is
/// the clear body under its own type.
///
/// Run it as [`Pipeline::outbound`] around an HTTP client, so that what is refused is an error of the call.
pub struct ClientMessageSecurity {
    requests: Option<RequestRules>,
    responses: Option<ResponseRules>,
    pool: Arc<CryptoPool>,
    clock: Arc<dyn Clock>,
}

/// What requests are made.
#[derive(Debug)]
struct RequestRules {
    writer: Arc<Writer>,
    ttl: Option<Duration>,
    audience: Option<String>,
    bodiless_allowed: bool,
}

/// What responses have to be.
#[derive(Debug)]
struct ResponseRules {
    reader: Arc<Reader>,
    times: Option<TimeRules>,
    audience: Option<String>,
    binding_required: bool,
    secure_errors: bool,
    unsecured_accepted: bool,
}

/// What is remembered of the request.
struct Asked {
    id: Option<String>,
    is_head: bool,
}

impl ClientMessageSecurity {
    /// Begins with nothing done and nothing required.
    pub fn builder() -> ClientMessageSecurityBuilder {
        ClientMessageSecurityBuilder::new()
    }

    /// The stage as a pipeline of its own; put [`Pipeline::outbound`] of it around an HTTP client.
    pub fn pipeline(self) -> Pipeline {
        Stage::transform(self).into()
    }

    async fn secure(
        &self,
        rules: &RequestRules,
        id: String,
        message: &mut Message<request::Parts>,
    ) -> Result<(), Refused> {
        let head = &message.head;
        if !is_plain(&head.headers) {
            return Err(Refused::Coded);
        }
        let now = self.clock.now();
        let claims = Claims {
            issued_at: rules.ttl.map(|_| now),
            expires_at: rules.ttl.map(|ttl| now.checked_add(ttl).unwrap_or(now)),
            id: Some(id),
            method: Some(head.method.to_string()),
            target: Some(target_of(&head.uri)),
            audience: rules.audience.iter().cloned().collect(),
            ..Claims::default()
        };
        let body = Body {
            bytes: message.body().cloned().unwrap_or_default(),
            media_type: media_type(&head.headers),
        };
        let writer = Arc::clone(&rules.writer);
        let secured = self
            .pool
            .admit_brief(body.bytes.len(), move || writer.write(&claims, &body))
            .await??;
        let headers = &mut message.head.headers;
        show_soap_action(headers);
        forget_body(headers);
        headers.insert(CONTENT_TYPE, JOSE);
        message.replace_body(secured);
        Ok(())
    }

    async fn open(
        &self,
        rules: &ResponseRules,
        asked: &Asked,
        report_only: bool,
        message: &mut Message<response::Parts>,
    ) -> Result<(), Refused> {
        let body = message.body().cloned().unwrap_or_default();
        if !rules.reader.is_secured(&body) {
            if rules.unsecured_accepted || (is_error(message.head.status) && !rules.secure_errors) {
                return Ok(());
            }
            let why = if body.is_empty() {
                "it is empty"
            } else {
                "it is no compact form"
            };
            return Err(Refused::NotSecured(why));
        }
        let reader = Arc::clone(&rules.reader);
        let on_failure = OnFailure::when(report_only);
        let read = match self
            .pool
            .finish_brief(move || reader.read_or(&body, on_failure))
            .await?
        {
            Ok(read) => read,
            Err(mut error) => {
                if let Some(clear) = error.take_clear() {
                    put(message, clear);
                }
                return Err(error.into());
            }
        };
        read.count();
        let verdict = self.judge(rules, asked, &read.claims);
        let steps = if verdict.is_err() {
            read.steps_taken()
        } else {
            String::new()
        };
        if verdict.is_ok() || report_only {
            show(message, read);
        }
        if let Some(times) = verdict.map_err(|refused| refused.after(steps))? {
            message.head.extensions.insert(times);
        }
        Ok(())
    }

    fn judge(
        &self,
        rules: &ResponseRules,
        asked: &Asked,
        claims: &Claims,
    ) -> Result<Option<palisade_core::MessageTimes>, Refused> {
        let answers = match &claims.in_reply_to {
            Some(id) => asked.id.as_ref() == Some(id),
            None => !rules.binding_required,
        };
        // What names a method or a target is a request, sent back.
        if !answers || claims.method.is_some() || claims.target.is_some() {
            return Err(BindingFault::OtherRequest.into());
        }
        binding::check_audience(claims, rules.audience.as_deref())?;
        let times = rules.times.as_ref();
        Ok(times
            .map(|times| times.check(claims, self.clock.now()))
            .transpose()?)
    }
}

impl Transform for ClientMessageSecurity {
    fn name(&self) -> &'static str {
        "client-message-security"
    }

    fn needs(&self) -> Bodies {
        Bodies::of(self.requests.is_some(), self.responses.is_some())
    }

    /// What is not opened is not passed on, and what is not secured not sent.
    fn insists(&self) -> bool {
        true
    }

    fn request<'a>(&'a self, cx: &'a mut Context, message: &'a mut Message<request::Parts>) -> Step<'a> {
        let mut asked = Asked {
            id: None,
            is_head: message.head.method == Method::HEAD,
        };
        if self.responses.is_some() {
            message.head.headers.remove(ACCEPT_ENCODING);
            message.head.headers.remove(RANGE);
            message.head.headers.remove(IF_RANGE);
        }
        let rules = self.requests.as_ref().filter(|rules| {
            let is_empty = message.body().is_none_or(bytes::Bytes::is_empty);
            !(rules.bodiless_allowed && is_empty && is_bodiless(&message.head.method))
        });
        let Some(rules) = rules else {
            cx.keep(asked);
            return Step::Done(Ok(()));
        };
        let id = RequestId::random().to_string();
        asked.id = Some(id.clone());
        cx.keep(asked);
        Step::Wait(Box::pin(async move {
            let secured = self.secure(rules, id, message).await;
            secured.map_err(|refused| rejection(refused, None))
        }))
    }

    fn response<'a>(&'a self, cx: &'a mut Context, message: &'a mut Message<response::Parts>) -> Step<'a> {
        let (Some(rules), Some(asked)) = (&self.responses, cx.take::<Asked>()) else {
            return Step::Done(Ok(()));
        };
        if !has_body(message.head.status, asked.is_head) {
            return Step::Done(Ok(()));
        }
        let report_only = cx.is_report_only();
        Step::Wait(Box::pin(async move {
            let opened = self.open(rules, &asked, report_only, message).await;
            opened.map_err(|refused| rejection(refused, Some(message.head.status)))
        }))
    }
}

impl fmt::Debug for ClientMessageSecurity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientMessageSecurity")
            .field("requests", &self.requests)
            .field("responses", &self.responses)
            .finish_non_exhaustive()
    }
}

/// The action of a SOAP 1.2 request stands in its media type, which goes inside. Servers choose by it, so it is shown outside too.
fn show_soap_action(headers: &mut HeaderMap) {
    const SOAP_ACTION: HeaderName = HeaderName::from_static("soapaction");
    if headers.contains_key(SOAP_ACTION) {
        return;
    }
    let action = soap::action(headers).ok().flatten();
    let plain = action.filter(|action| !action.contains(['"', '\\']));
    let quoted = plain.map(|action| format!("\"{action}\""));
    if let Some(value) = quoted.and_then(|quoted| HeaderValue::from_str(&quoted).ok()) {
        headers.insert(SOAP_ACTION, value);
    }
}

fn is_error(status: StatusCode) -> bool {
    status.is_client_error() || status.is_server_error()
}

/// Puts the clear body in place of the message, with what is known of it.
fn show(message: &mut Message<response::Parts>, read: ReadMessage) {
    message.head.extensions.insert(SecuredMessage::new(
        read.signed_by.as_ref().map(|key| key.alias()),
        read.decrypted_with.as_ref().map(|key| key.alias()),
        read.claims.id.as_deref(),
    ));
    put(message, read.body);
}

fn put(message: &mut Message<response::Parts>, body: Body) {
    let Body { bytes, media_type } = body;
    forget_body(&mut message.head.headers);
    set_inner_type(&mut message.head.headers, media_type.as_deref(), bytes.is_empty());
    message.replace_body(bytes);
}

/// What the caller learns. The codes are those of the server's side; the status says that it is the other side that failed.
fn rejection(refused: Refused, answered: Option<StatusCode>) -> Rejection {
    let (status, code, title) = match refused.innermost() {
        Refused::Pool(PoolError::Full) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "message-security-busy",
            "Too many messages are being processed",
        ),
        Refused::Pool(PoolError::Broken) | Refused::Coded | Refused::Unwritable(_) => (
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal-error",
            "The request could not be secured",
        ),
        Refused::NotSecured(_) => (
            StatusCode::BAD_GATEWAY,
            "message-not-secured",
            "The response is not secured",
        ),
        Refused::Times(crate::TimeFault::Expired) => (
            StatusCode::BAD_GATEWAY,
            "message-expired",
            "The response has expired",
        ),
        Refused::Times(crate::TimeFault::NotYetValid) => (
            StatusCode::BAD_GATEWAY,
            "message-not-yet-valid",
            "The response is made in the future",
        ),
        Refused::Times(crate::TimeFault::TtlTooLong) => (
            StatusCode::BAD_GATEWAY,
            "message-ttl-too-long",
            "The response lives too long",
        ),
        _ => (
            StatusCode::BAD_GATEWAY,
            "message-security-failed",
            "The security of the response is not accepted",
        ),
    };
    let mut rejection = Rejection::new(status, code, title);
    if status == StatusCode::SERVICE_UNAVAILABLE {
        rejection = rejection.header(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    if let Some(answered) = answered {
        rejection = rejection.member("upstream-status", answered.as_u16());
    }
    let stands = refused.stands_in_reports();
    let rejection = rejection.caused_by(refused);
    if stands {
        rejection.even_in_reports()
    } else {
        rejection
    }
}
