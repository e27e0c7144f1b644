//! The part that may wait: one `async` block that owns the exchange.

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HeaderMap, HeaderValue, TRANSFER_ENCODING};
use http::{Request, Response, request, response};
use http_body::Body;
use tower_service::Service;

use super::body::{AnswerBody, ExchangeBody};
use super::buffer::{PutBack, Unheld, Unread};
use super::direction::Direction;
use super::guards::written;
use super::{BoxError, Pipeline, PipelineLimits, buffer, record};
use crate::stage::{Entry, Message, Need, Stage, Step, Transform};
use crate::{Context, Rejection};

/// An exchange whose pipeline has transforms.
pub(super) struct Exchange<B> {
    pub(super) pipeline: Pipeline,
    pub(super) context: Context,
    /// Stages before this position have accepted the request already.
    pub(super) entered: usize,
    pub(super) message: Message<request::Parts>,
    pub(super) body: B,
}

impl<B> Exchange<B>
where
    B: Body<Data = Bytes> + From<Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    /// Runs the request through the remaining stages, the inner service, and the response back.
    pub(super) async fn run<S, R>(self, mut inner: S) -> Result<Response<ExchangeBody<R>>, S::Error>
    where
        S: Service<Request<B>, Response = Response<R>>,
        R: Body<Data = Bytes>,
        R::Error: Into<BoxError>,
    {
        let Self {
            pipeline,
            mut context,
            entered,
            mut message,
            body,
        } = self;
        let mut stream = Stream {
            body: Some(body),
            put_back: buffer::resume_request,
        };
        for (position, entry) in pipeline.entries().iter().enumerate().skip(entered) {
            context.enter(position, entry.report_only);
            let verdict = stage(&pipeline, entry, &mut context, &mut message, &mut stream).await;
            if let Some(refusal) = verdict {
                let (head, body) = refusal.into_parts();
                let answer = Message::new(head, Some(body));
                return Ok(unwind(&pipeline, position, context, answer, None).await);
            }
        }
        let (head, whole) = message.into_parts();
        let body = match (whole, stream.body) {
            (Some(bytes), _) => B::from(bytes),
            (None, Some(stream)) => stream,
            (None, None) => B::from(Bytes::new()),
        };
        context.calls();
        let response = inner.call(Request::from_parts(head, body)).await?;
        let (head, body) = response.into_parts();
        let count = pipeline.entries().len();
        Ok(unwind(&pipeline, count, context, Message::new(head, None), Some(body)).await)
    }
}

/// One stage, in one direction; `Some` is the answer of a refusal.
async fn stage<D, B>(
    pipeline: &Pipeline,
    entry: &Entry,
    cx: &mut Context,
    message: &mut Message<D>,
    stream: &mut Stream<B>,
) -> Option<Response<Bytes>>
where
    D: Direction,
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    let result = match &entry.stage {
        Stage::Guard(guard) => message.head.guard(guard.as_ref(), cx),
        Stage::Transform(transform) => {
            let need = message.head.need(transform.as_ref(), cx);
            match hold(
                pipeline.limits(),
                entry,
                transform.as_ref(),
                need,
                message,
                stream,
            )
            .await
            {
                Ok(()) => {}
                Err(TooMuch::Reported(rejection)) => {
                    record(cx, entry, &rejection, true);
                    return None;
                }
                Err(TooMuch::Refused(rejection)) => {
                    record(cx, entry, &rejection, false);
                    return Some(written(cx, rejection));
                }
            }
            let result = match D::transform(message, transform.as_ref(), cx) {
                Step::Done(result) => result,
                Step::Wait(future) => future.await,
            };
            // At once, because the next stage reads the length too.
            if let Some(length) = message.take_replaced() {
                mend_length(message.head.headers(), length);
            }
            result
        }
    };
    let rejection = result.err()?;
    let reports = entry.report_only && !rejection.stands_in_reports();
    record(cx, entry, &rejection, reports);
    (!reports).then(|| written(cx, rejection))
}

/// What of a message still streams, if anything does.
struct Stream<B> {
    body: Option<B>,
    put_back: PutBack<B>,
}

/// Why a stage does not get to see a message.
enum TooMuch {
    /// The message goes on without it.
    Reported(Rejection),
    Refused(Rejection),
}

/// Holds the body whole, if the stage needs it and nobody did before.
async fn hold<D, B>(
    limits: PipelineLimits,
    entry: &Entry,
    transform: &dyn Transform,
    need: Need,
    message: &mut Message<D>,
    stream: &mut Stream<B>,
) -> Result<(), TooMuch>
where
    D: Direction,
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    if need == Need::Nothing || message.body().is_some() {
        return Ok(());
    }
    let Some(body) = stream.body.take() else {
        return Ok(());
    };
    let limit = D::limit(limits);
    let reports = entry.report_only && !transform.insists();
    let goes_on = need == Need::IfItFits || reports;
    stream.body = match buffer::read(body, limit).await {
        Ok(bytes) => {
            message.hold(bytes);
            return Ok(());
        }
        // It stands also where the stage only reports: there is no body that could go on.
        Err(Unheld::Failed(unread)) => return Err(TooMuch::Refused(D::refuse(unread, limit))),
        Err(Unheld::Untouched(body)) if goes_on => Some(body),
        Err(Unheld::TooLarge(resumed)) if goes_on => (stream.put_back)(resumed),
        Err(Unheld::Untouched(_) | Unheld::TooLarge(_)) => None,
    };
    let rejection = || D::refuse(Unread::TooLarge, limit);
    match (&stream.body, need) {
        (None, _) => Err(TooMuch::Refused(rejection())),
        (Some(_), Need::IfItFits) => Ok(()),
        (Some(_), _) => Err(TooMuch::Reported(rejection())),
    }
}

/// Runs the response back through the first `entered` stages.
async fn unwind<R>(
    pipeline: &Pipeline,
    entered: usize,
    mut cx: Context,
    mut message: Message<response::Parts>,
    body: Option<R>,
) -> Response<ExchangeBody<R>>
where
    R: Body<Data = Bytes>,
    R::Error: Into<BoxError>,
{
    let mut stream = Stream {
        body: body.map(|body| AnswerBody::Stream { body }),
        put_back: buffer::resume_answer,
    };
    for (position, entry) in pipeline.entries().iter().enumerate().take(entered).rev() {
        if matches!(&entry.stage, Stage::Transform(transform) if !transform.answers()) {
            continue;
        }
        cx.enter(position, entry.report_only);
        if let Some(refusal) = stage(pipeline, entry, &mut cx, &mut message, &mut stream).await {
            let (head, body) = refusal.into_parts();
            message = Message::new(head, Some(body));
            stream.body = None;
        }
    }
    let (head, whole) = message.into_parts();
    let body = match (whole, stream.body) {
        (Some(bytes), _) => AnswerBody::from(bytes),
        (None, Some(stream)) => stream,
        (None, None) => AnswerBody::from(Bytes::new()),
    };
    Response::from_parts(head, ExchangeBody::new(body, cx))
}

/// The length of a body that a stage put in place of another.
pub(super) fn mend_length(headers: &mut HeaderMap, length: usize) {
    headers.remove(TRANSFER_ENCODING);
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
}
