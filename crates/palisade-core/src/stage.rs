//! What a stage is: a [`Guard`] or a [`Transform`], and where it stands.

use std::any::Any;
use std::fmt::{self, Debug};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http::{request, response};
use serde::Serialize;

use crate::{Context, Finding, Limit, Rejection};

/// A future that is boxed because its stage really waits.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A fact that a verdict can hang on, for explanations of requests of which not all is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum FactKind {
    /// The client's address.
    ClientAddress,
    /// The TLS session.
    TlsSession,
    /// The client's certificate.
    ClientCertificate,
    /// Who is calling.
    Principal,
}

/// Decides on heads alone.
///
/// A guard never waits, never sees a body, and does not allocate to accept, save for what it has to add to the answer.
pub trait Guard: Any + Debug + Send + Sync + 'static {
    /// The stage's name in logs and explanations, such as `ip-filter`.
    fn name(&self) -> &'static str;

    /// Accepts the request, possibly changed, or refuses it.
    fn request(&self, cx: &mut Context, head: &mut request::Parts) -> Result<(), Rejection>;

    /// Accepts the response, possibly changed, or replaces it by a refusal.
    fn response(&self, cx: &mut Context, head: &mut response::Parts) -> Result<(), Rejection> {
        let _ = (cx, head);
        Ok(())
    }

    /// The facts that its verdict hangs on, beside the head itself.
    fn reads(&self) -> &'static [FactKind] {
        &[]
    }

    /// The facts that its verdict on that request hangs on: fewer than [`reads`](Self::reads) where some heads are refused, or
    /// accepted, whoever sends them.
    fn reads_for(&self, head: &request::Parts) -> &'static [FactKind] {
        let _ = head;
        self.reads()
    }

    /// What is unwise about the groups that it stands in, all of them; keys are relative to the root of its kind, as those of
    /// [`StageKind::guardrails`](crate::StageKind::guardrails).
    fn findings_in(&self, groups: &[GroupOutline<'_>]) -> Vec<Finding> {
        let _ = groups;
        Vec::new()
    }

    /// What [`request`](Self::request) would answer, without lasting effect; for explanations.
    ///
    /// A guard that counts or remembers overrides this.
    fn rehearse(&self, cx: &mut Context, head: &mut request::Parts) -> Result<(), Rejection> {
        self.request(cx, head)
    }

    /// What [`request`](Self::request) would answer to that message, without lasting effect; for explanations. Its body is `None`
    /// where nobody knows it.
    fn rehearse_message(&self, cx: &mut Context, message: &mut Message<request::Parts>) -> Rehearsal {
        self.rehearse(cx, &mut message.head).into()
    }

    /// What its verdict on that request rests on, such as the rule that decides; for explanations.
    fn reason(&self, head: &request::Parts) -> Option<String> {
        let _ = head;
        None
    }

    /// The limit that it is, where it is one.
    fn limit(&self) -> Option<&dyn Limit> {
        None
    }
}

/// Decides on whole messages, or waits for something.
///
/// On `Err` it leaves the message as it was, so that a report-only run can go on with it; or, where
/// [`Context::is_report_only`] says so, as it would have been, had it not refused.
///
/// One that needs no body and does not look at responses runs in place, without a box, for as long as it answers
/// [`Step::Done`]. A [`Step::Wait`] may be dropped before it was ever polled, and the stage asked once more; until then it has
/// left neither memory nor message changed.
pub trait Transform: Any + Debug + Send + Sync + 'static {
    /// The stage's name in logs and explanations, such as `validation`.
    fn name(&self) -> &'static str;

    /// Which bodies it must have whole; others stream past it untouched.
    fn needs(&self) -> Bodies;

    /// Whether it looks at responses; one that does not is passed over on the way back.
    fn answers(&self) -> bool {
        true
    }

    /// How it needs the body of that response, where [`needs`](Self::needs) alone would be too much: not of every response.
    fn needs_answer(&self, cx: &Context, head: &response::Parts) -> Need {
        let _ = (cx, head);
        Need::whole_if(self.needs().response())
    }

    /// Whether a body that is too large to be held is refused also where the stage only reports: for what cannot go on as it is,
    /// such as a message that has to be decrypted.
    fn insists(&self) -> bool {
        false
    }

    /// Accepts the request, possibly changed, or refuses it.
    fn request<'a>(&'a self, cx: &'a mut Context, message: &'a mut Message<request::Parts>) -> Step<'a> {
        let _ = (cx, message);
        Step::Done(Ok(()))
    }

    /// Accepts the response, possibly changed, or replaces it by a refusal.
    fn response<'a>(&'a self, cx: &'a mut Context, message: &'a mut Message<response::Parts>) -> Step<'a> {
        let _ = (cx, message);
        Step::Done(Ok(()))
    }

    /// What [`request`](Self::request) would answer to that head, without lasting effect; `None` where more has to be known. For
    /// explanations.
    fn rehearse(&self, cx: &mut Context, head: &mut request::Parts) -> Option<Result<(), Rejection>> {
        let _ = (cx, head);
        None
    }

    /// What [`request`](Self::request) would answer to that message, without lasting effect: nothing is counted, remembered or asked
    /// of anybody. Where it accepts, the message is left as later stages would get it. Its body is `None` where nobody knows it. For
    /// explanations.
    fn rehearse_message(&self, cx: &mut Context, message: &mut Message<request::Parts>) -> Rehearsal {
        let known = self.rehearse(cx, &mut message.head);
        known.map_or(Rehearsal::HangsOn(self.hangs_on()), Rehearsal::from)
    }

    /// What a verdict that cannot be rehearsed hangs on; for explanations.
    fn hangs_on(&self) -> &'static str {
        "the message"
    }

    /// The limit that it is, where it is one.
    fn limit(&self) -> Option<&dyn Limit> {
        None
    }
}

/// What a [`Guard`] is told of a group that it stands in.
#[derive(Debug, Clone, Copy)]
pub struct GroupOutline<'a> {
    /// Its name.
    pub name: &'a str,
    /// The patterns of paths that select it, which are axum's; empty where it has none.
    pub paths: &'a [Arc<str>],
    /// Whether a stage finds out who is calling.
    pub authenticates: bool,
}

/// The outcome of a [`Transform`]: known at once, or awaited.
pub enum Step<'a> {
    /// Known at once.
    Done(Result<(), Rejection>),
    /// Awaited.
    Wait(BoxFuture<'a, Result<(), Rejection>>),
}

impl Debug for Step<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done(result) => f.debug_tuple("Done").field(result).finish(),
            Self::Wait(_) => f.write_str("Wait(..)"),
        }
    }
}

/// What a stage says of a message that nobody has sent.
#[derive(Debug)]
pub enum Rehearsal {
    /// It passes.
    Accepted,
    /// It is refused.
    Refused(Rejection),
    /// It wants that many units of the limit that the stage is: what is left of it decides.
    Wants(u128),
    /// It hangs on something that is not known.
    HangsOn(&'static str),
}

impl From<Result<(), Rejection>> for Rehearsal {
    fn from(verdict: Result<(), Rejection>) -> Self {
        match verdict {
            Ok(()) => Self::Accepted,
            Err(rejection) => Self::Refused(rejection),
        }
    }
}

/// Which bodies a [`Transform`] must have whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Bodies {
    /// None: both stream.
    #[default]
    None,
    /// The request's.
    Request,
    /// The response's.
    Response,
    /// Both.
    Both,
}

impl Bodies {
    /// Those of the directions that are asked for.
    pub fn of(request: bool, response: bool) -> Self {
        match (request, response) {
            (true, true) => Self::Both,
            (true, false) => Self::Request,
            (false, true) => Self::Response,
            (false, false) => Self::None,
        }
    }

    /// Whether the request's body is needed whole.
    pub fn request(self) -> bool {
        matches!(self, Self::Request | Self::Both)
    }

    /// Whether the response's body is needed whole.
    pub fn response(self) -> bool {
        matches!(self, Self::Response | Self::Both)
    }
}

/// How a [`Transform`] needs one body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Not at all: it streams past.
    Nothing,
    /// Whole, if it can be held. One that is too large streams past, and the stage sees a message without a body.
    IfItFits,
    /// Whole. A message whose body is too large is refused; where the stage only reports, that is reported, and it streams past the
    /// stage, which does not see the message.
    Whole,
}

impl Need {
    pub(crate) fn whole_if(is_needed: bool) -> Self {
        if is_needed { Self::Whole } else { Self::Nothing }
    }
}

/// A message on its way through the transforms.
#[derive(Debug)]
pub struct Message<Head> {
    /// The head, free to be changed.
    pub head: Head,
    body: Option<Bytes>,
    replaced: bool,
}

impl<Head> Message<Head> {
    /// A message whose body is held whole, or (with `None`) still streams.
    pub fn new(head: Head, body: Option<Bytes>) -> Self {
        Self {
            head,
            body,
            replaced: false,
        }
    }

    /// The whole body, when a stage asked for it; `None` while it streams.
    pub fn body(&self) -> Option<&Bytes> {
        self.body.as_ref()
    }

    /// Puts another body in its place; the pipeline mends `Content-Length`.
    pub fn replace_body(&mut self, body: impl Into<Bytes>) {
        self.body = Some(body.into());
        self.replaced = true;
    }

    pub(crate) fn hold(&mut self, body: Bytes) {
        self.body = Some(body);
    }

    /// The length of a body that was put in place of another since this was last asked.
    pub(crate) fn take_replaced(&mut self) -> Option<usize> {
        let replaced = std::mem::take(&mut self.replaced);
        self.body.as_ref().filter(|_| replaced).map(Bytes::len)
    }

    pub(crate) fn into_parts(self) -> (Head, Option<Bytes>) {
        (self.head, self.body)
    }
}

/// One stage of a pipeline.
#[derive(Debug, Clone)]
pub enum Stage {
    /// It decides on heads alone.
    Guard(Arc<dyn Guard>),
    /// It may wait, or sees whole bodies.
    Transform(Arc<dyn Transform>),
}

impl Stage {
    /// Wraps a guard.
    pub fn guard(guard: impl Guard) -> Self {
        Self::Guard(Arc::new(guard))
    }

    /// Wraps a transform.
    pub fn transform(transform: impl Transform) -> Self {
        Self::Transform(Arc::new(transform))
    }

    /// Whether it needs no body and looks at no response: it runs in place while it need not wait.
    pub(crate) fn is_of_heads(&self) -> bool {
        match self {
            Self::Guard(_) => true,
            Self::Transform(transform) => transform.needs() == Bodies::None && !transform.answers(),
        }
    }

    /// Whether it must have the request's body whole.
    pub(crate) fn needs_request_body(&self) -> bool {
        match self {
            Self::Guard(_) => false,
            Self::Transform(transform) => transform.needs().request(),
        }
    }

    /// The limit that it is, where it is one.
    pub fn limit(&self) -> Option<&dyn Limit> {
        match self {
            Self::Guard(guard) => guard.limit(),
            Self::Transform(transform) => transform.limit(),
        }
    }

    /// The stage as a value of that type, where it is one.
    pub fn downcast_ref<T: Any>(&self) -> Option<&T> {
        match self {
            Self::Guard(guard) => (&**guard as &dyn Any).downcast_ref(),
            Self::Transform(transform) => (&**transform as &dyn Any).downcast_ref(),
        }
    }

    /// The stage's own name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Guard(guard) => guard.name(),
            Self::Transform(transform) => transform.name(),
        }
    }
}

/// Where in a group's pipeline a stage stands: cheap and anonymous checks first, then identity, then the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// The connection itself: `tls-floor`.
    Connection,
    /// Where it comes from: `ip-filter`.
    Network,
    /// The head as it stands: `headers`.
    Head,
    /// Limits whose key needs no identity.
    AnonymousLimits,
    /// Who is calling.
    Authentication,
    /// Whether that caller may do this.
    Authorization,
    /// Limits keyed by the caller.
    PrincipalLimits,
    /// The body's media type and size.
    Body,
    /// Decryption, signatures, times, replay.
    MessageSecurity,
    /// What the message says.
    Content,
}

/// A stage in its place: which interceptor brought it, in which phase, and whether its refusals only count.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The stage.
    pub stage: Stage,
    /// The interceptor that names it; empty where a layer was built in code.
    pub interceptor: Arc<str>,
    /// Where it stands.
    pub phase: Option<Phase>,
    /// Whether a refusal is logged and counted, and the exchange goes on.
    pub report_only: bool,
}

impl From<Stage> for Entry {
    fn from(stage: Stage) -> Self {
        Self {
            stage,
            interceptor: Arc::from(""),
            phase: None,
            report_only: false,
        }
    }
}
