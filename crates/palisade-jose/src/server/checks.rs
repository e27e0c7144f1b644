//! What is checked of a request once its message can be read.

use std::sync::Arc;
use std::time::SystemTime;

use http::header::HOST;
use http::{HeaderMap, request};
use palisade_core::facts::{tls_session, wire_path};
use palisade_core::{Context, MessageTimes, RefusalFormat, ReplayStore, SeenMessage, soap};

use super::RequestRules;
use crate::binding::{self, BindingFault, Target};
use crate::message::ReadMessage;
use crate::rejection::Refused;

/// What the request asks for, as its message may name it.
fn target(head: &request::Parts) -> Target<'_> {
    let host = || head.headers.get(HOST).and_then(|host| host.to_str().ok());
    let is_tls = tls_session(&head.extensions).is_some();
    Target {
        method: &head.method,
        scheme: if is_tls { "https" } else { "http" },
        authority: head
            .uri
            .authority()
            .map(http::uri::Authority::as_str)
            .or_else(host),
        path: wire_path(head),
    }
}

/// Everything that a message itself tells, once it can be read.
pub(super) fn check(
    rules: &RequestRules,
    head: &request::Parts,
    read: &ReadMessage,
    now: SystemTime,
) -> Result<Option<MessageTimes>, Refused> {
    let claims = &read.claims;
    if claims.in_reply_to.is_some() {
        // An answer of the same signer to somebody else's request is no request.
        return Err(BindingFault::Answer.into());
    }
    binding::check_binding(claims, &target(head), rules.binding_required)?;
    binding::check_audience(claims, rules.audience.as_deref())?;
    let times = rules.times.as_ref();
    Ok(times.map(|times| times.check(claims, now)).transpose()?)
}

/// The memory, and what it is told of a message.
pub(super) type ToBurn<'a> = (&'a Arc<dyn ReplayStore>, SeenMessage<'a>);

/// What the memory is asked, and told, of a message: nothing where there is none.
pub(super) fn to_burn<'a>(
    rules: &'a RequestRules,
    checked: Option<MessageTimes>,
    read: &'a ReadMessage,
    now: SystemTime,
) -> Result<Option<ToBurn<'a>>, Refused> {
    let (Some(store), Some(times), Some(checked), Some(key)) =
        (&rules.replay, &rules.times, checked, &read.signed_by)
    else {
        return Ok(None);
    };
    let seen = SeenMessage {
        sender: key.thumbprint(),
        id: read.claims.id.as_deref().ok_or(Refused::NoId)?,
        issued_at: checked.issued_at,
        expires_at: checked.expires_at,
        max_clock_skew: times.max_clock_skew,
        now,
    };
    Ok(Some((store, seen)))
}

/// Whether the handler will see the SOAP action that policy chose by. What is inside may repeat it, or leave it to the outside.
pub(super) fn same_soap_action(cx: &Context, headers: &HeaderMap, read: &ReadMessage) -> bool {
    if cx.format() == RefusalFormat::Problem {
        return true;
    }
    let inner = read.body.media_type.as_deref().unwrap_or_default();
    match (soap::action(headers), soap::action_under(headers, inner)) {
        (_, Ok(None)) => true,
        (Ok(outer), Ok(inner)) => outer == inner,
        _ => false,
    }
}
