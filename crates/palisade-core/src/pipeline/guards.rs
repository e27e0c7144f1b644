//! The synchronous part: guards, and transforms that only look at heads of requests and need not wait.

use bytes::Bytes;
use http::{Response, request, response};

use super::body::ExchangeBody;
use super::transforms::mend_length;
use super::{Pipeline, record};
use crate::stage::{Entry, Message, Stage, Step};
use crate::{Context, Rejection};

/// How far the request came.
pub(super) enum Passage {
    /// Past all of them.
    Through,
    /// To the stage at this position, which has to wait; it has left everything as it was.
    Waits(usize),
    /// It was refused. This is the answer, unwound through the guards before.
    Refused(Response<Bytes>),
}

/// Runs leading stages, which only look at heads, over the request.
pub(super) fn request(entries: &[Entry], cx: &mut Context, message: &mut Message<request::Parts>) -> Passage {
    for (position, entry) in entries.iter().enumerate() {
        cx.enter(position, entry.report_only);
        let verdict = match &entry.stage {
            Stage::Guard(guard) => guard.request(cx, &mut message.head),
            Stage::Transform(transform) => {
                let Step::Done(verdict) = transform.request(cx, message) else {
                    return Passage::Waits(position);
                };
                if let Some(length) = message.take_replaced() {
                    mend_length(&mut message.head.headers, length);
                }
                verdict
            }
        };
        if let Err(rejection) = verdict {
            let reports = entry.report_only && !rejection.stands_in_reports();
            record(cx, entry, &rejection, reports);
            if !reports {
                let (mut head, mut body) = written(cx, rejection).into_parts();
                let entered = entries.get(..position).unwrap_or_default();
                if let Some(other) = unwind(entered, cx, &mut head) {
                    body = other;
                }
                return Passage::Refused(Response::from_parts(head, body));
            }
        }
    }
    Passage::Through
}

/// Runs guards in reverse over the head of the response; `Some` is the body of a refusal that took its place.
pub(super) fn unwind(entries: &[Entry], cx: &mut Context, head: &mut response::Parts) -> Option<Bytes> {
    let mut body = None;
    for (position, entry) in entries.iter().enumerate().rev() {
        let Stage::Guard(guard) = &entry.stage else {
            continue;
        };
        cx.enter(position, entry.report_only);
        if let Err(rejection) = guard.response(cx, head) {
            let reports = entry.report_only && !rejection.stands_in_reports();
            record(cx, entry, &rejection, reports);
            if !reports {
                let (other_head, other_body) = written(cx, rejection).into_parts();
                *head = other_head;
                body = Some(other_body);
            }
        }
    }
    body
}

/// The response phase of a pipeline of guards alone.
pub(super) fn response<R>(
    pipeline: &Pipeline,
    mut cx: Context,
    response: Response<R>,
) -> Response<ExchangeBody<R>> {
    let (mut head, body) = response.into_parts();
    let refusal = unwind(pipeline.entries(), &mut cx, &mut head);
    let body = match refusal {
        None => ExchangeBody::stream(body, cx),
        Some(bytes) => ExchangeBody::whole(bytes, cx),
    };
    Response::from_parts(head, body)
}

/// The answer that a refusal is.
pub(super) fn written(cx: &mut Context, rejection: Rejection) -> Response<Bytes> {
    let response = cx.answer(&rejection);
    cx.is_refused_by(rejection);
    response
}
