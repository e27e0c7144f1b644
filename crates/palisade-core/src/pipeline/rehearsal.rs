//! What a pipeline would answer to a message that nobody has sent.

use http::request;

use super::buffer::Unread;
use super::direction::Direction as _;
use super::transforms::mend_length;
use super::{Pipeline, PipelineLimits};
use crate::stage::{Entry, Message, Rehearsal, Stage};
use crate::{Context, Rejection};

/// What a stage of a pipeline says of a message that nobody has sent.
#[derive(Debug)]
pub struct Rehearsed {
    /// What it says.
    pub rehearsal: Rehearsal,
    /// Whether a refusal would be the answer: not where the stage only reports, unless the refusal stands there too.
    pub decides: bool,
}

impl Pipeline {
    /// What the stage at that position would answer to a message as the stages before it have left it, without lasting effect;
    /// `None` where there is no such stage. A body that would be too large to be held is refused by the first stage that needs it and
    /// does not only report.
    pub fn rehearse(
        &self,
        position: usize,
        cx: &mut Context,
        message: &mut Message<request::Parts>,
    ) -> Option<Rehearsed> {
        let entry = self.entries().get(position)?;
        if let Some(rejection) = self.too_large(position, message) {
            return Some(Rehearsed {
                rehearsal: Rehearsal::Refused(rejection),
                decides: !passes_by(entry),
            });
        }
        cx.enter(position, entry.report_only);
        let rehearsal = match &entry.stage {
            Stage::Guard(guard) => guard.rehearse_message(cx, message),
            Stage::Transform(transform) => transform.rehearse_message(cx, message),
        };
        if let Some(length) = message.take_replaced() {
            mend_length(&mut message.head.headers, length);
        }
        let stands = matches!(&rehearsal, Rehearsal::Refused(rejection) if rejection.stands_in_reports());
        Some(Rehearsed {
            rehearsal,
            decides: !entry.report_only || stands,
        })
    }

    /// The answer to a body that is read whole for the stage at that position, and may not be.
    fn too_large(&self, position: usize, message: &Message<request::Parts>) -> Option<Rejection> {
        let PipelineLimits { request_body, .. } = self.limits();
        let is_too_large = message.body()?.len() > request_body.as_usize();
        let mut entries = self.entries().iter().enumerate();
        // The first one that refuses it, and those before, which only report it.
        let is_last = |entry: &Entry| entry.stage.needs_request_body() && !passes_by(entry);
        let last = entries.find(|(_, entry)| is_last(entry)).map(|(last, _)| last);
        let entry = self.entries().get(position)?;
        let is_read = entry.stage.needs_request_body() && last.is_none_or(|last| position <= last);
        (is_read && is_too_large).then(|| request::Parts::refuse(Unread::TooLarge, request_body))
    }
}

/// Whether a body that is too large to be held streams past the stage.
fn passes_by(entry: &Entry) -> bool {
    entry.report_only && matches!(&entry.stage, Stage::Transform(transform) if !transform.insists())
}
