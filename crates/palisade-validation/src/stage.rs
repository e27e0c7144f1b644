//! Validation as stages: one that looks at heads, before a byte of a body is read, and one that looks at whole messages.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use http::header::{ACCEPT_ENCODING, HeaderMap, HeaderValue, IF_RANGE, RANGE};
use http::{StatusCode, request, response};
use palisade_core::pool::CryptoPool;
use palisade_core::{
    Bodies, BuildContext, BuildError, Context, Finding, GroupOutline, Guard, Message, Need, Phase, Pipeline,
    Problem, Rehearsal, Rejection, Severity, Stage, StageKind, Step, Transform,
};

use crate::accept::AcceptRule;
use crate::form::FormLimits;
use crate::hygiene::Hygiene;
use crate::json::JsonLimits;
use crate::media::MediaRange;
use crate::openapi::OpenApi;
use crate::parameters::Parameters;
use crate::rejection::Invalid;
use crate::schema::{Formats, Schema};
use crate::validator::{BodySchema, Matched, Validator};
use crate::xml::XmlLimits;
use crate::xsd::XmlSchema;
use crate::{ResponseSetting, Unknown, ValidationSettings};

/// The stage `validation`.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Validation;

/// The operation of an OpenAPI document that a request is for, in the extensions of its head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MatchedOperation(Arc<str>);

impl MatchedOperation {
    /// Its `operationId`, or where it has none its method and path: `GET /orders/{id}`.
    pub fn id(&self) -> &str {
        &self.0
    }
}

/// What the head tells.
#[derive(Debug)]
struct Heads {
    validator: Arc<Validator>,
    response: ResponseSetting,
}

/// What the whole message tells.
#[derive(Debug)]
struct Messages {
    validator: Arc<Validator>,
    response: ResponseSetting,
    /// Where bodies are looked at that take long.
    pool: Arc<CryptoPool>,
}

impl Guard for Heads {
    fn name(&self) -> &'static str {
        "validation"
    }

    fn request(&self, cx: &mut Context, head: &mut request::Parts) -> Result<(), Rejection> {
        let verdict = self.validator.head(head);
        let goes_on = verdict.is_ok() || cx.is_report_only();
        if goes_on && self.response != ResponseSetting::Off {
            ask_for_whole_answers(&mut head.headers);
        }
        if let Some(id) = verdict? {
            head.extensions.insert(MatchedOperation(id));
        }
        Ok(())
    }

    fn reason(&self, head: &request::Parts) -> Option<String> {
        let operation = self.validator.head(head).ok().flatten()?;
        Some(format!("the operation is `{operation}`"))
    }

    fn findings_in(&self, groups: &[GroupOutline<'_>]) -> Vec<Finding> {
        let mut found = self.validator.parameters.findings_in(groups);
        if let Some(document) = &self.validator.document {
            found.extend(groups.iter().filter_map(|group| document.is_out_of_reach(group)));
            found.extend(groups.iter().filter_map(|group| document.is_open_in(group)));
        }
        found
    }
}

/// Asks for answers that can be looked at: whole, and under no coding. Otherwise the client would choose whether they are.
fn ask_for_whole_answers(headers: &mut HeaderMap) {
    // Without the field any coding would do (RFC 9110 section 12.5.3).
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers.remove(RANGE);
    headers.remove(IF_RANGE);
}

impl Transform for Messages {
    fn name(&self) -> &'static str {
        "validation"
    }

    fn needs(&self) -> Bodies {
        Bodies::of(true, self.response != ResponseSetting::Off)
    }

    fn answers(&self) -> bool {
        self.response != ResponseSetting::Off
    }

    fn needs_answer(&self, cx: &Context, head: &response::Parts) -> Need {
        let only_reports = self.response == ResponseSetting::Report || cx.is_report_only();
        // A refusal by Palisade is no answer of the service. No upstream can leave an extension.
        let is_refusal = head.extensions.get::<Problem>().is_some();
        if is_refusal || only_reports && self.validator.lets_stream(head) {
            return Need::Nothing;
        }
        match self.response {
            ResponseSetting::Off => Need::Nothing,
            ResponseSetting::Report => Need::IfItFits,
            ResponseSetting::Enforce => Need::Whole,
        }
    }

    fn request<'a>(&'a self, cx: &'a mut Context, message: &'a mut Message<request::Parts>) -> Step<'a> {
        let body = message.body().cloned().unwrap_or_default();
        if !self.validator.takes_long(&body) {
            let verdict = self.validator.request(&message.head, &body, cx.format());
            return Step::Done(self.passed(cx, verdict));
        }
        let (validator, format) = (Arc::clone(&self.validator), cx.format());
        let head = message.head.clone();
        Step::Wait(Box::pin(async move {
            let bytes = body.len();
            let verdict = self
                .pool
                .admit(bytes, move || validator.request(&head, &body, format));
            let verdict = verdict.await.map_err(Invalid::NotLookedAt).flatten();
            self.passed(cx, verdict)
        }))
    }

    fn response<'a>(&'a self, cx: &'a mut Context, message: &'a mut Message<response::Parts>) -> Step<'a> {
        let body = match (self.needs_answer(cx, &message.head), message.body()) {
            (Need::Nothing, _) => return Step::Done(Ok(())),
            (Need::IfItFits, None) => {
                not_looked_at(cx);
                return Step::Done(Ok(()));
            }
            (Need::IfItFits | Need::Whole, body) => body.cloned().unwrap_or_default(),
        };
        let matched = cx.kept::<Matched>().copied();
        let status = message.head.status;
        if !self.validator.takes_long(&body) {
            let verdict = self.validator.response(&message.head, &body, matched);
            return Step::Done(self.answered(cx, status, matched, verdict));
        }
        let validator = Arc::clone(&self.validator);
        let head = message.head.clone();
        Step::Wait(Box::pin(async move {
            let verdict = self
                .pool
                .finish(move || validator.response(&head, &body, matched));
            let verdict = verdict.await.map_err(Invalid::NotLookedAt).flatten();
            self.answered(cx, status, matched, verdict)
        }))
    }

    fn rehearse_message(&self, cx: &mut Context, message: &mut Message<request::Parts>) -> Rehearsal {
        if message.body().is_none() {
            return Rehearsal::HangsOn(self.hangs_on());
        }
        // Nothing outlasts a look at a message.
        let body = message.body().cloned().unwrap_or_default();
        let verdict = self.validator.request(&message.head, &body, cx.format());
        verdict.map(|_| ()).map_err(Rejection::from).into()
    }

    fn hangs_on(&self) -> &'static str {
        "the body"
    }
}

impl Messages {
    /// What becomes of a request that was looked at.
    fn passed(&self, cx: &mut Context, verdict: Result<Option<Matched>, Invalid>) -> Result<(), Rejection> {
        if let Some(matched) = verdict?.filter(|_| self.response != ResponseSetting::Off) {
            cx.keep(matched);
        }
        Ok(())
    }

    /// What becomes of an answer that was looked at.
    fn answered(
        &self,
        cx: &mut Context,
        status: StatusCode,
        matched: Option<Matched>,
        verdict: Result<(), Invalid>,
    ) -> Result<(), Rejection> {
        let Err(invalid) = verdict else {
            return Ok(());
        };
        if self.response == ResponseSetting::Enforce {
            return Err(bad_answer(invalid));
        }
        let group = group(cx);
        metrics::counter!("palisade_responses_invalid_total", "group" => group.clone()).increment(1);
        let request_id = cx.request_id();
        let (status, operation) = (status.as_u16(), self.validator.name_of(matched));
        tracing::warn!(target: "palisade::validation", group, operation, status, %request_id, cause = %invalid, "the answer is not as it should be");
        Ok(())
    }
}

/// Takes note of an answer that is too large to be held, and goes on.
fn not_looked_at(cx: &mut Context) {
    let group = group(cx);
    metrics::counter!("palisade_responses_unread_total", "group" => group.clone()).increment(1);
    let request_id = cx.request_id();
    tracing::warn!(target: "palisade::validation", group, %request_id, "the answer is too large to be looked at");
}

fn group(cx: &Context) -> String {
    cx.group().map(|group| group.name.to_string()).unwrap_or_default()
}

/// What is wrong with an answer is nobody's business but the operator's.
fn bad_answer(invalid: Invalid) -> Rejection {
    Rejection::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "response-invalid",
        "The answer is not as it should be",
    )
    .caused_by(invalid)
}

impl StageKind for Validation {
    const ROOTS: &'static [&'static str] = &["validation"];

    const SINGLE: bool = true;

    type Settings = ValidationSettings;

    fn build(settings: ValidationSettings, cx: &BuildContext<'_>) -> Result<Vec<(Phase, Stage)>, BuildError> {
        let site = Site {
            file: &|path| cx.file(path),
            report: &|finding| cx.report(finding),
        };
        let [heads, messages] = stages(&settings, &site)?;
        Ok(vec![(Phase::Body, heads), (Phase::Content, messages)])
    }

    fn guardrails(settings: &ValidationSettings, _: &BuildContext<'_>) -> Vec<Finding> {
        let mut found = Vec::new();
        if settings.content_types.is_none() && settings.schema.is_none() && settings.openapi.is_none() {
            let message = "bodies of any media type pass, and of most nobody looks at what is in them; name those that are accepted";
            found.push(
                Finding::new(Severity::Caution, "validation-any-media-type", message).at("content-types"),
            );
        }
        if settings.json.duplicate_keys == crate::Unknown::Allow {
            let message =
                "names that are there twice in an object are accepted: two readers may take different ones";
            found.push(
                Finding::new(Severity::Moderate, "validation-duplicate-keys", message)
                    .at("json.duplicate-keys"),
            );
        }
        found
    }
}

impl Validation {
    /// Both stages as one layer. Relative files start from that folder. Parameters of the path are those of endpoint groups, so that
    /// a layer knows none.
    pub fn layer(settings: &ValidationSettings, folder: &Path) -> Result<Pipeline, BuildError> {
        let site = Site {
            file: &|path| folder.join(path),
            report: &|_| (),
        };
        stages(settings, &site).map(Pipeline::from_iter)
    }
}

/// Where stages are built.
struct Site<'a> {
    /// Finds a file that settings name, and takes note that it was read.
    file: &'a dyn Fn(&Path) -> PathBuf,
    /// Tells what a careful operator should know.
    report: &'a dyn Fn(Finding),
}

impl Site<'_> {
    fn watch(&self, files: &[PathBuf]) {
        for file in files {
            (self.file)(file);
        }
    }
}

fn stages(settings: &ValidationSettings, site: &Site<'_>) -> Result<[Stage; 2], BuildError> {
    let response = settings.response;
    let validator = Arc::new(compile(settings, site)?);
    Ok([
        Stage::guard(Heads {
            validator: Arc::clone(&validator),
            response,
        }),
        Stage::transform(Messages {
            validator,
            response,
            pool: CryptoPool::shared(),
        }),
    ])
}

/// All that settings ask for, or all that is wrong with them.
fn compile(settings: &ValidationSettings, site: &Site<'_>) -> Result<Validator, BuildError> {
    let mut errors = BuildError::default();
    let mut content_types = Vec::new();
    for (position, text) in settings.content_types.iter().flatten().enumerate() {
        match text.parse::<MediaRange>() {
            Ok(range) => content_types.push(range),
            Err(expected) => errors.push(format!("content-types[{position}]"), expected),
        }
    }
    if settings.content_types.as_ref().is_some_and(Vec::is_empty) {
        errors.push("content-types", "at least one media type");
    }
    if settings.openapi.is_some() && settings.schema.is_some() {
        errors.push(
            "openapi",
            "no `schema` beside it: the document has a schema for each operation",
        );
    }
    let accept = settings.accept.as_deref().map(AcceptRule::compile);
    let accept = accept.transpose().unwrap_or_else(|found| {
        for (key, expected) in found {
            errors.push(key, expected);
        }
        None
    });
    let json = JsonLimits::compile(&settings.json, settings.max_body);
    let json = json.map_err(|found| errors.faults.extend(found.faults)).ok();
    let parameters = Parameters::compile(&of_their_own(settings)).map_err(|found| {
        for (key, expected) in found {
            errors.push(key, expected);
        }
    });
    let schema = settings
        .schema
        .as_ref()
        .map(|path| schema(path, site, &mut errors));
    let document = settings
        .openapi
        .as_ref()
        .map(|path| document(path, settings.response, site, &mut errors));
    let (Some(json), Ok(parameters)) = (json, parameters) else {
        return Err(errors);
    };
    errors.or_ok(Validator {
        content_types,
        accept,
        max_body: settings.max_body,
        hygiene: Hygiene {
            json,
            xml: XmlLimits::new(&settings.xml),
            form: FormLimits::from(&settings.json),
            multipart: settings.multipart,
        },
        parameters,
        schema: schema.flatten(),
        document: document.flatten(),
        unknown_query: settings.unknown_query,
    })
}

/// The settings as they are for parameters that settings name: which others there may be is for the document, where there is one.
fn of_their_own(settings: &ValidationSettings) -> Cow<'_, ValidationSettings> {
    if settings.openapi.is_none() {
        return Cow::Borrowed(settings);
    }
    let mut own = settings.clone();
    own.unknown_query = Unknown::Allow;
    Cow::Owned(own)
}

fn schema(path: &Path, site: &Site<'_>, errors: &mut BuildError) -> Option<BodySchema> {
    let file = (site.file)(path);
    let (what, loaded) = if crate::xsd::is_xsd(path) {
        let loaded = XmlSchema::load(&file);
        (
            "an XML Schema",
            loaded.map(|(schema, files)| (BodySchema::Xml(schema), files)),
        )
    } else {
        let loaded = Schema::load(&file, Formats::default());
        (
            "a JSON Schema",
            loaded.map(|(schema, files)| (BodySchema::Json(schema), files)),
        )
    };
    match loaded {
        Ok((schema, files)) => {
            site.watch(&files);
            Some(schema)
        }
        Err(found) => {
            site.watch(&found.files);
            for error in &found.list {
                errors.push("schema", format_args!("{what}; {error}"));
            }
            None
        }
    }
}

fn document(
    path: &Path,
    response: ResponseSetting,
    site: &Site<'_>,
    errors: &mut BuildError,
) -> Option<OpenApi> {
    match OpenApi::load(&(site.file)(path), response != ResponseSetting::Off) {
        Ok((document, files, hints)) => {
            site.watch(&files);
            for finding in hints.findings() {
                (site.report)(finding.at("openapi"));
            }
            Some(document)
        }
        Err(found) => {
            site.watch(&found.files);
            for error in &found.list {
                errors.push("openapi", format_args!("an OpenAPI document; {error}"));
            }
            None
        }
    }
}
