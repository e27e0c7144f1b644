//! What bodies are by their media type: the map `content` of requests and answers.
//!
//! 1. Of the ranges that hold a media type the most specific one counts. Parameters in a range must be there with these values, save for
//!    `charset`: texts are UTF-8 here, said or unsaid.
//! 2. JSON is checked against the schema; forms are, once their fields are read by the schema and `encoding`; a text is as a string.
//! 3. Where a range has a schema, those of its media types are accepted that can be checked against it.
//! 4. XML is looked at for its syntax alone, and other bodies not at all: a schema says nothing of them that could be checked.

use std::sync::Arc;

use bytes::Bytes;
use http::header::HeaderValue;
use palisade_core::media::MediaType;
use serde_json::Value;

use super::dialect::Schemas;
use super::document::Node;
use super::form::FormBody;
use super::{Compiling, entries};
use crate::hygiene::Hygiene;
use crate::media::MediaRange;
use crate::rejection::Invalid;
use crate::schema::{Schema, SchemaErrors};

/// What is expected of a body of each media type.
#[derive(Debug)]
pub(super) struct Content {
    /// The most specific ranges first.
    media: Box<[(MediaRange, Media)]>,
}

/// What is expected of a body of one range of media types.
#[derive(Debug)]
pub(crate) struct Media {
    schema: Option<Arc<Schema>>,
    form: Option<FormBody>,
    /// Whether it is of a range of media types, and has a schema that not all of them can be checked against. Those are not accepted:
    /// the peer would choose whether the schema holds.
    is_of_checked_alone: bool,
}

impl Content {
    /// Compiles a map `content`.
    pub(super) fn compile(content: Option<Node<'_>>, schemas: &Schemas, cx: &mut Compiling<'_>) -> Self {
        let mut media = Vec::new();
        for (key, node) in entries(content) {
            let Ok(range) = key.parse::<MediaRange>() else {
                cx.errors.push(node.error(
                    "must be under a media type such as `application/json`, or a range such as `text/*`",
                ));
                continue;
            };
            match Media::compile(&range, node, schemas, cx) {
                Ok(compiled) => media.push((range.of_any_charset(), compiled)),
                Err(errors) => cx.errors.extend(errors.list),
            }
        }
        media.sort_by_key(|(range, _)| std::cmp::Reverse(range.specificity()));
        Self {
            media: media.into_boxed_slice(),
        }
    }

    /// Whether there is no body at all.
    pub(super) fn is_empty(&self) -> bool {
        self.media.is_empty()
    }

    /// What is expected of a body of that media type, where it is accepted.
    pub(super) fn find(&self, media_type: &MediaType<'_>) -> Option<&Media> {
        let mut media = self.media.iter();
        media
            .find(|(range, _)| range.holds(media_type))
            .map(|(_, media)| media)
            .filter(|media| !media.is_of_checked_alone || is_checked(media_type))
    }

    /// The ranges, as a field's value.
    pub(super) fn accepted(&self) -> Option<HeaderValue> {
        let ranges: Vec<String> = self.media.iter().map(|(range, _)| range.to_string()).collect();
        HeaderValue::try_from(ranges.join(", "))
            .ok()
            .filter(|_| !ranges.is_empty())
    }
}

impl Media {
    fn compile(
        range: &MediaRange,
        node: Node<'_>,
        schemas: &Schemas,
        cx: &mut Compiling<'_>,
    ) -> Result<Self, SchemaErrors> {
        let holds = |text: &str| MediaType::parse(text).is_ok_and(|media_type| range.holds(&media_type));
        let is_form = holds("application/x-www-form-urlencoded") || holds("multipart/form-data");
        let schema = node.raw("schema");
        let one = range.as_one();
        let one = one.as_deref().and_then(|one| MediaType::parse(one).ok());
        let says_something = schema.is_some_and(says_something);
        if says_something && one.as_ref().is_some_and(|one| !is_checked(one)) {
            cx.hints.is_unchecked(node);
        }
        Ok(Self {
            schema: schema.map(|schema| schemas.compile(schema)).transpose()?,
            form: is_form.then(|| FormBody::compile(node, schemas)).transpose()?,
            is_of_checked_alone: says_something && one.is_none(),
        })
    }

    /// Checks a body that is not empty.
    pub(crate) fn check(
        &self,
        media_type: &MediaType<'_>,
        content_type: Option<&HeaderValue>,
        body: &Bytes,
        hygiene: &Hygiene,
    ) -> Result<(), Invalid> {
        let form = self.form.as_ref().filter(|_| FormBody::is_one(media_type));
        if let (Some(form), Some(content_type)) = (form, content_type) {
            return form.check(media_type, content_type, body, hygiene);
        }
        match &self.schema {
            Some(schema) if media_type.is_json() => hygiene.json(schema, body),
            Some(schema) if is_text(media_type) => text(schema, media_type, body),
            _ => hygiene.check(media_type, content_type, body),
        }
    }
}

/// Whether bodies of a media type can be checked against a schema.
fn is_checked(media_type: &MediaType<'_>) -> bool {
    media_type.is_json() || FormBody::is_one(media_type) || is_text(media_type)
}

/// Whether a schema says more than that there are bytes.
fn says_something(schema: Node<'_>) -> bool {
    let schema = schema.schema();
    let text = |member| schema.get(member).and_then(Node::str);
    let is_bytes = text("type") == Some("string") && matches!(text("format"), None | Some("binary" | "byte"));
    !is_bytes && schema.raw_members().next().is_some()
}

/// Whether a schema says something of a body that is neither JSON nor a form.
fn is_text(media_type: &MediaType<'_>) -> bool {
    media_type.kind().eq_ignore_ascii_case("text") && !media_type.is_xml()
}

/// Checks a text as a string.
fn text(schema: &Schema, media_type: &MediaType<'_>, body: &Bytes) -> Result<(), Invalid> {
    if !media_type.is_utf8() {
        return Err(Invalid::Charset);
    }
    let text = std::str::from_utf8(body).map_err(|_| Invalid::NotText)?;
    Ok(schema.check(&Value::from(text))?)
}
