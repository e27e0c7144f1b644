//! Validation as stages: one that looks at heads, before a byte of a body is read, and one that looks at whole messages.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use http::{StatusCode, request, response};
use palisade_core::{
    Bodies, BuildContext, BuildError, Context, Finding, Guard, Message, Phase, Pipeline, Rehearsal,
    Rejection, Severity, Stage, StageKind, Step, Transform,
};

use crate::form::FormLimits;
use crate::json::JsonLimits;
use crate::media::MediaRange;
use crate::parameters::Parameters;
use crate::rejection::Invalid;
use crate::schema::{Formats, Schema};
use crate::validator::Validator;
use crate::xml::XmlLimits;
use crate::{ResponseSetting, ValidationSettings};

/// The stage `validation`.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Validation;

/// What the head tells.
#[derive(Debug)]
struct Heads(Arc<Validator>);

/// What the whole message tells.
#[derive(Debug)]
struct Messages {
    validator: Arc<Validator>,
    response: ResponseSetting,
}

impl Guard for Heads {
    fn name(&self) -> &'static str {
        "validation"
    }

    fn request(&self, _: &mut Context, head: &mut request::Parts) -> Result<(), Rejection> {
        Ok(self.0.head(head)?)
    }
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

    fn request<'a>(&'a self, cx: &'a mut Context, message: &'a mut Message<request::Parts>) -> Step<'a> {
        let body = message.body().cloned().unwrap_or_default();
        let verdict = self.validator.request(&message.head, &body, cx.format());
        Step::Done(verdict.map_err(Rejection::from))
    }

    fn response<'a>(&'a self, cx: &'a mut Context, message: &'a mut Message<response::Parts>) -> Step<'a> {
        let body = message.body().cloned().unwrap_or_default();
        let Err(invalid) = self.validator.response(&message.head, &body) else {
            return Step::Done(Ok(()));
        };
        if self.response == ResponseSetting::Enforce {
            return Step::Done(Err(bad_answer(invalid)));
        }
        let group = cx.group().map(|group| group.name.to_string()).unwrap_or_default();
        metrics::counter!("palisade_responses_invalid_total", "group" => group.clone()).increment(1);
        let request_id = cx.request_id();
        tracing::warn!(target: "palisade::validation", group, %request_id, cause = %invalid, "the answer is not as it should be");
        Step::Done(Ok(()))
    }

    fn rehearse_message(&self, cx: &mut Context, message: &mut Message<request::Parts>) -> Rehearsal {
        if message.body().is_none() {
            return Rehearsal::HangsOn(self.hangs_on());
        }
        // Nothing outlasts a look at a message.
        match self.request(cx, message) {
            Step::Done(verdict) => verdict.into(),
            Step::Wait(_) => Rehearsal::HangsOn(self.hangs_on()),
        }
    }

    fn hangs_on(&self) -> &'static str {
        "the body"
    }
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
        let [heads, messages] = stages(&settings, &|path| cx.file(path))?;
        Ok(vec![(Phase::Body, heads), (Phase::Content, messages)])
    }

    fn guardrails(settings: &ValidationSettings, _: &BuildContext<'_>) -> Vec<Finding> {
        let mut found = Vec::new();
        if settings.content_types.is_none() && settings.schema.is_none() {
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
        stages(settings, &|path| folder.join(path)).map(Pipeline::from_iter)
    }
}

/// Finds a file that settings name, and takes note that it was read.
type Find<'a> = &'a dyn Fn(&Path) -> PathBuf;

fn stages(settings: &ValidationSettings, file: Find<'_>) -> Result<[Stage; 2], BuildError> {
    let response = settings.response;
    let validator = Arc::new(compile(settings, file)?);
    Ok([
        Stage::guard(Heads(Arc::clone(&validator))),
        Stage::transform(Messages { validator, response }),
    ])
}

/// All that settings ask for, or all that is wrong with them.
fn compile(settings: &ValidationSettings, file: Find<'_>) -> Result<Validator, BuildError> {
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
    if settings.openapi.is_some() {
        errors.push("openapi", "nothing: this build does not read OpenAPI documents");
    }
    let json = JsonLimits::compile(&settings.json, settings.max_body);
    let json = json.map_err(|found| errors.faults.extend(found.faults)).ok();
    let parameters = Parameters::compile(settings).map_err(|found| {
        for (key, expected) in found {
            errors.push(key, expected);
        }
    });
    let schema = settings
        .schema
        .as_ref()
        .map(|path| schema(path, file, &mut errors));
    let (Some(json), Ok(parameters)) = (json, parameters) else {
        return Err(errors);
    };
    errors.or_ok(Validator {
        content_types,
        max_body: settings.max_body,
        json,
        xml: XmlLimits::new(&settings.xml),
        form: FormLimits::from(&settings.json),
        multipart: settings.multipart,
        parameters,
        schema: schema.flatten(),
    })
}

fn schema(path: &Path, file: Find<'_>, errors: &mut BuildError) -> Option<Schema> {
    match Schema::load(&file(path), Formats::default()) {
        Ok((schema, files)) => {
            for read in files {
                file(&read);
            }
            Some(schema)
        }
        Err(found) => {
            for read in &found.files {
                file(read);
            }
            for error in &found.list {
                errors.push("schema", format_args!("a JSON Schema; {error}"));
            }
            None
        }
    }
}
