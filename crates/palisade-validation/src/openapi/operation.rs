//! One operation of a document: what its requests must be, and its answers.
//!
//! 1. Parameters are those of the operation and of its path.
//! 2. A body is of one of the media types that the operation names, and as its schema says. Where there is no `requestBody`, there is none:
//!    nobody would look at it. `required` bodies are not empty; of others an empty form is one without fields.
//! 3. Answers are looked at where that is asked for.

use std::sync::Arc;

use bytes::Bytes;
use http::header::HeaderValue;
use http::{request, response};
use palisade_core::media::MediaType;
use smallvec::SmallVec;

use super::Compiling;
use super::answer::Answers;
use super::content::{Content, Media};
use super::document::Node;
use super::parameter::Parameters;
use super::route::{Template, Values};
use crate::hygiene::Hygiene;
use crate::json::JsonLimits;
use crate::rejection::Invalid;
use crate::settings::Unknown;

/// What is expected of one operation.
#[derive(Debug)]
pub(crate) struct Operation {
    /// Its `operationId`, or else its method and path.
    pub(crate) id: Arc<str>,
    /// The names of the variables in its own path.
    variables: Box<[String]>,
    parameters: Parameters,
    body: Option<RequestBody>,
    /// Where answers are looked at.
    answers: Option<Answers>,
}

#[derive(Debug)]
struct RequestBody {
    is_required: bool,
    content: Content,
}

impl Operation {
    /// Compiles the operation of a method of a path; `None` where something is wrong with its parameters.
    pub(super) fn compile(
        id: &str,
        path_item: Node<'_>,
        operation: Node<'_>,
        template: &Template,
        cx: &mut Compiling<'_>,
    ) -> Option<Self> {
        let parameters = Parameters::compile(path_item, operation, &template.variables, cx.requests)
            .map_err(|errors| cx.errors.extend(errors.list));
        let body = operation.get("requestBody").map(|body| RequestBody {
            is_required: body.get("required").and_then(Node::bool).unwrap_or(false),
            content: Content::compile(body.get("content"), cx.requests, cx),
        });
        let answers = cx
            .answers
            .map(|schemas| Answers::compile(operation.get("responses"), schemas, cx));
        Some(Self {
            id: id.into(),
            variables: template.variables.clone().into_boxed_slice(),
            parameters: parameters.ok()?,
            body,
            answers,
        })
    }

    /// Checks the parameters of a request. `values` are those of the variables in the path, the ones of its server in front.
    pub(super) fn parameters(
        &self,
        head: &request::Parts,
        values: &Values<'_>,
        limits: &JsonLimits,
        unknown: Unknown,
        is_known: &dyn Fn(&str) -> bool,
    ) -> Result<(), Invalid> {
        let own = values.iter().rev().copied();
        let names = self.variables.iter().rev().map(String::as_str);
        let path: SmallVec<[(&str, &str); 4]> = names.zip(own).collect();
        Ok(self.parameters.check(&path, head, limits, unknown, is_known)?)
    }

    /// Whether it may have a body.
    pub(crate) fn has_body(&self) -> bool {
        self.body.is_some()
    }

    /// What is expected of a body of that media type, if one is accepted.
    pub(crate) fn media(&self, media_type: Option<&MediaType<'_>>) -> Result<&Media, Invalid> {
        let body = self.body.as_ref().ok_or(Invalid::Body)?;
        let media = media_type.and_then(|media_type| body.content.find(media_type));
        media.ok_or_else(|| Invalid::MediaType {
            accepted: body.content.accepted(),
        })
    }

    /// Checks a request without a body.
    pub(crate) fn nothing(&self) -> Result<(), Invalid> {
        match &self.body {
            Some(body) if body.is_required => Err(Invalid::Empty),
            _ => Ok(()),
        }
    }

    /// Checks a body that is announced by its type and has no byte. Of a form that is one, without fields; others are none.
    pub(crate) fn empty(
        &self,
        media_type: &MediaType<'_>,
        content_type: Option<&HeaderValue>,
        hygiene: &Hygiene,
    ) -> Result<(), Invalid> {
        if !media_type.is("application", "x-www-form-urlencoded") || self.body.is_none() {
            return Ok(());
        }
        let media = self.media(Some(media_type))?;
        media.check(media_type, content_type, &Bytes::new(), hygiene)
    }

    /// Checks an answer.
    pub(crate) fn answer(
        &self,
        head: &response::Parts,
        body: &Bytes,
        is_head: bool,
        hygiene: &Hygiene,
    ) -> Result<(), Invalid> {
        match &self.answers {
            Some(answers) => answers.check(head, body, is_head, hygiene),
            None => Ok(()),
        }
    }
}
