//! A refusal: one part for the peer, one for the log.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use serde_json::{Map, Value};

use crate::facts::RequestId;
use crate::{Context, Problem, RefusalFormat};

/// The field that names the exchange in every refusal.
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A refusal of a request or a response.
///
/// The peer sees the [`Problem`] and the headers. The cause is for the log alone.
///
/// ```
/// use http::StatusCode;
/// use palisade_core::Rejection;
///
/// let refusal = Rejection::new(StatusCode::FORBIDDEN, "ip-not-allowed", "The address is not admitted")
///     .detail("Requests from this address are not admitted to this endpoint.");
/// assert_eq!(refusal.problem().type_uri(), "urn:palisade:problem:ip-not-allowed");
/// ```
pub struct Rejection(Box<Inner>);

struct Inner {
    problem: Problem,
    headers: HeaderMap,
    cause: Option<Box<dyn Error + Send + Sync>>,
    stands: bool,
}

impl Rejection {
    /// A refusal with that status, stable code in kebab-case, and title.
    pub fn new(
        status: StatusCode,
        code: impl Into<Cow<'static, str>>,
        title: impl Into<Cow<'static, str>>,
    ) -> Self {
        let problem = Problem {
            code: code.into(),
            status,
            title: title.into(),
            detail: None,
            members: Map::new(),
        };
        Self(Box::new(Inner {
            problem,
            headers: HeaderMap::new(),
            cause: None,
            stands: false,
        }))
    }

    /// Adds a sentence about this occurrence. It is public: no keys, tokens, inner errors, or text of the peer.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.0.problem.detail = Some(detail.into());
        self
    }

    /// Adds a public member to the document. The members of the standard (`type`, `title`, `status`, `detail`, `instance`) cannot
    /// be replaced so.
    #[must_use]
    pub fn member(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.0.problem.members.insert(name.into(), value.into());
        self
    }

    /// Adds a field to the answer.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.append(name, value);
        self
    }

    /// Remembers what went wrong, for the log alone.
    #[must_use]
    pub fn caused_by(mut self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.0.cause = Some(cause.into());
        self
    }

    /// Makes it stand also where the stage only reports: for what cannot go on as it is, such as a message that should have been
    /// encrypted.
    #[must_use]
    pub fn even_in_reports(mut self) -> Self {
        self.0.stands = true;
        self
    }

    /// Whether it stands also where the stage only reports.
    pub fn stands_in_reports(&self) -> bool {
        self.0.stands
    }

    /// The public part.
    pub fn problem(&self) -> &Problem {
        &self.0.problem
    }

    /// The answer. A [`Problem`] also stays in its extensions, for whoever logs answers.
    pub fn to_response(&self, request_id: &RequestId, format: RefusalFormat) -> Response<Bytes> {
        let (status, media_type, body) = self.0.problem.write(request_id, format);
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.extend(self.0.headers.clone());
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
        headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
        headers.insert(X_REQUEST_ID, request_id.header());
        *response.body_mut() = body;
        response.extensions_mut().insert(self.0.problem.clone());
        response
    }
}

impl fmt::Debug for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rejection")
            .field("status", &self.0.problem.status)
            .field("code", &self.0.problem.code)
            .field("cause", &self.0.cause)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0.problem.status.as_u16(), self.0.problem.code)
    }
}

impl Error for Rejection {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0
            .cause
            .as_deref()
            .map(|cause| cause as &(dyn Error + 'static))
    }
}

/// Who refused, for the record.
pub(crate) struct RefusedBy<'a> {
    pub(crate) stage: &'static str,
    pub(crate) interceptor: &'a str,
    pub(crate) report_only: bool,
}

impl RefusedBy<'_> {
    fn verdict(&self) -> &'static str {
        if self.report_only { "reported" } else { "refused" }
    }
}

impl Rejection {
    /// Records the refusal: one event for the log, one count.
    pub(crate) fn record(&self, cx: &mut Context, by: &RefusedBy<'_>) {
        if cx.is_outbound() {
            self.record_outbound(cx, by);
        } else {
            self.record_inbound(cx, by);
        }
    }

    fn record_inbound(&self, cx: &mut Context, by: &RefusedBy<'_>) {
        let problem = &self.0.problem;
        let group = cx.group().map(|group| Arc::clone(&group.name));
        let group = group.as_deref().unwrap_or_default();
        let verdict = by.verdict();
        metrics::counter!(
            "palisade_refusals_total",
            "code" => problem.code.clone(), "group" => group.to_owned(), "stage" => by.stage, "verdict" => verdict
        )
        .increment(1);
        let request_id = cx.request_id();
        tracing::warn!(
            target: "palisade::refusal",
            code = %problem.code,
            status = problem.status.as_u16(),
            stage = by.stage,
            interceptor = by.interceptor,
            group,
            %request_id,
            cause = self.causes(),
            "{verdict}"
        );
    }

    /// What a partner was not sent, or did not answer well, is no refused request.
    fn record_outbound(&self, cx: &mut Context, by: &RefusedBy<'_>) {
        let problem = &self.0.problem;
        let verdict = by.verdict();
        metrics::counter!(
            "palisade_outbound_refusals_total",
            "code" => problem.code.clone(), "interceptor" => by.interceptor.to_owned(), "stage" => by.stage, "verdict" => verdict
        )
        .increment(1);
        let request_id = cx.request_id();
        tracing::warn!(
            target: "palisade::outbound",
            code = %problem.code,
            stage = by.stage,
            interceptor = by.interceptor,
            %request_id,
            cause = self.causes(),
            "{verdict}"
        );
    }

    fn causes(&self) -> Option<String> {
        self.0.cause.as_deref().map(|cause| Causes(cause).to_string())
    }

    /// Writes and records a refusal that no stage made: of a server or of the endpoint groups themselves.
    pub fn refuse(&self, cx: &mut Context, by: &'static str) -> Response<Bytes> {
        self.record(
            cx,
            &RefusedBy {
                stage: by,
                interceptor: "",
                report_only: false,
            },
        );
        cx.answer(self)
    }
}

/// An error with its sources, in one line.
struct Causes<'a>(&'a (dyn Error + 'static));

impl fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut next = self.0.source();
        while let Some(cause) = next {
            write!(f, ": {cause}")?;
            next = cause.source();
        }
        Ok(())
    }
}
