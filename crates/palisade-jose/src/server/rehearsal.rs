//! What would become of a message that nobody has sent: it is opened and checked as a request is, and nothing remembers it.

use http::request;
use palisade_core::{Context, Message, Rehearsal};

use super::checks::{check, same_soap_action, to_burn};
use super::{MessageSecurity, RequestRules, show};
use crate::head::is_bodiless;
use crate::message::OnFailure;
use crate::rejection::Refused;

/// What a message that is as it should be hangs on all the same.
type HangsOn = Option<&'static str>;

impl MessageSecurity {
    /// What [`request`](palisade_core::Transform::request) would answer. An accepted message is opened for the stages behind.
    pub(super) fn rehearse(&self, cx: &Context, message: &mut Message<request::Parts>) -> Rehearsal {
        let opened = match &self.requests {
            Some(rules) => self.rehearse_body(rules, cx, message),
            None => Ok(None),
        };
        let answered = || {
            let recipients = self.responses.as_ref()?.recipients.as_ref()?;
            let known = recipients.of(&message.head.extensions);
            known.is_err().then_some("the client's certificate")
        };
        match opened {
            Err(refused) => Rehearsal::Refused(refused.into()),
            Ok(hangs_on) => hangs_on
                .or_else(answered)
                .map_or(Rehearsal::Accepted, Rehearsal::HangsOn),
        }
    }

    fn rehearse_body(
        &self,
        rules: &RequestRules,
        cx: &Context,
        message: &mut Message<request::Parts>,
    ) -> Result<HangsOn, Refused> {
        let Some(body) = message.body().cloned() else {
            return Ok(Some("the message"));
        };
        if body.is_empty() && rules.bodiless_allowed && is_bodiless(&message.head.method) {
            return Ok(None);
        }
        if !rules.reader.may_be_secured(&body) {
            return Err(Refused::NotSecured("it is no compact form"));
        }
        let read = match rules.reader.read_secured(&body, OnFailure::when(false)) {
            Ok(read) => read,
            Err(Some(error)) => return Err(error.into()),
            Err(None) => return Err(Refused::NotSecured("it is no compact form")),
        };
        if !same_soap_action(cx, &message.head.headers, &read) {
            return Err(Refused::SoapAction);
        }
        let now = self.clock.now();
        let times = check(rules, &message.head, &read, now)?;
        let is_remembered = to_burn(rules, times, &read, now)?.is_some();
        show(message, read, times);
        Ok(is_remembered.then_some("whether the message was there before"))
    }
}
