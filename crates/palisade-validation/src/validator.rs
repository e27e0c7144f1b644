//! All that is expected of a message, compiled.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{
    CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue, TRANSFER_ENCODING,
};
use http::{Method, request, response};
use palisade_core::media::{MediaType, NoMediaType};
use palisade_core::settings::ByteSize;
use palisade_core::{RefusalFormat, soap};

use crate::accept::{AcceptFault, AcceptRule};
use crate::hygiene::{Hygiene, can_be_looked_at};
use crate::json;
use crate::media::MediaRange;
use crate::openapi::{Found, OpenApi, Operation};
use crate::parameters::Parameters;
use crate::rejection::{AnswerFault, Invalid};
use crate::schema::Schema;
use crate::settings::Unknown;
use crate::xsd::XmlSchema;

/// How many bytes of a body are looked at within half a millisecond, at 5 to 8 ns a byte.
const LONG: usize = 64 << 10;

/// How many are where an XML Schema is, at 40 to 90 ns a byte.
const LONG_BY_XSD: usize = 8 << 10;

/// What is expected.
#[derive(Debug)]
pub(crate) struct Validator {
    /// Empty where any is accepted.
    pub(crate) content_types: Vec<MediaRange>,
    pub(crate) accept: Option<AcceptRule>,
    pub(crate) max_body: ByteSize,
    pub(crate) hygiene: Hygiene,
    pub(crate) parameters: Parameters,
    pub(crate) schema: Option<BodySchema>,
    pub(crate) document: Option<OpenApi>,
    /// What becomes of parameters of the query that neither settings nor the document name.
    pub(crate) unknown_query: Unknown,
}

/// What a body must match.
#[derive(Debug)]
pub(crate) enum BodySchema {
    Json(Schema),
    Xml(XmlSchema),
}

/// The operation of the document that a request was for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Matched {
    index: usize,
    is_head: bool,
}

impl Validator {
    /// What the head alone tells: before a byte of the body is read. Gives the name of the operation.
    pub(crate) fn head(&self, head: &request::Parts) -> Result<Option<Arc<str>>, Invalid> {
        self.parameters.check(head)?;
        let found = self.operation(head)?;
        if let Some(found) = &found {
            let is_known = |name: &str| self.parameters.has_query(name);
            found.parameters(head, &self.hygiene.json, self.unknown_query, &is_known)?;
        }
        if let Some(accept) = &self.accept {
            accept.check(&head.headers).map_err(|fault| match fault {
                AcceptFault::Malformed => Invalid::AcceptMalformed,
                AcceptFault::NotAcceptable => Invalid::NotAcceptable {
                    media_types: accept.media_types().map(str::to_owned).collect(),
                },
            })?;
        }
        let length = head
            .headers
            .get(CONTENT_LENGTH)
            .and_then(|length| length.to_str().ok());
        if length
            .and_then(|length| length.parse::<u64>().ok())
            .is_some_and(|length| length > self.max_body.get())
        {
            return Err(Invalid::TooLarge(self.max_body));
        }
        if may_have_body(head) {
            let media_type = self.media_type(&head.headers)?;
            let secured = |media_type: &MediaType<'_>| media_type.is("application", "jose");
            // What is in a secured message shows once it is opened.
            if !media_type.as_ref().is_some_and(secured) {
                self.accepts(media_type.as_ref())?;
                // Whether an operation that takes no body gets one shows when the body is read: many clients name a media type all the same.
                if let Some(found) = found.as_ref().filter(|found| found.operation.has_body()) {
                    found.operation.media(media_type.as_ref())?;
                }
            }
        }
        Ok(found.map(|found| Arc::clone(&found.operation.id)))
    }

    /// Whether a body takes so long to look at that other requests should not wait for it: some half a millisecond.
    pub(crate) fn takes_long(&self, body: &Bytes) -> bool {
        let most = match self.schema {
            Some(BodySchema::Xml(_)) => LONG_BY_XSD,
            Some(BodySchema::Json(_)) | None => LONG,
        };
        (most..=self.max_body.as_usize()).contains(&body.len())
    }

    /// The whole request. Gives the operation, if there is a document.
    pub(crate) fn request(
        &self,
        head: &request::Parts,
        body: &Bytes,
        format: RefusalFormat,
    ) -> Result<Option<Matched>, Invalid> {
        let found = self.operation(head)?;
        let operation = found.as_ref().map(|found| found.operation);
        if body.is_empty() {
            self.nothing(head, operation)?;
        } else {
            self.something(head, body, format, operation)?;
        }
        let is_head = head.method == Method::HEAD;
        Ok(found.map(|Found { index, .. }| Matched { index, is_head }))
    }

    /// The whole answer: its syntax, and what the document says of it.
    pub(crate) fn response(
        &self,
        head: &response::Parts,
        body: &Bytes,
        matched: Option<Matched>,
    ) -> Result<(), Invalid> {
        let operation = matched.and_then(|matched| {
            let operation = self.document.as_ref()?.operation(matched.index)?;
            Some((operation, matched.is_head))
        });
        match operation {
            Some((operation, is_head)) => operation.answer(head, body, is_head, &self.hygiene),
            None => self.syntax(head, body),
        }
    }

    /// The syntax of an answer in JSON or XML. One that does not say what it is could be either.
    fn syntax(&self, head: &response::Parts, body: &Bytes) -> Result<(), Invalid> {
        if body.is_empty() {
            return Ok(());
        }
        let media_type = MediaType::of(&head.headers).map_err(|NoMediaType| AnswerFault::NoMediaType)?;
        let media_type = media_type.ok_or(AnswerFault::NoMediaType)?;
        if !is_text(&media_type) {
            return Ok(());
        }
        can_be_looked_at(head)?;
        if media_type.is_json() {
            json::check(body, &self.hygiene.json)?;
        } else {
            self.hygiene.xml.parse(body)?;
        }
        Ok(())
    }

    /// Whether an answer need not be held for a stage that only reports: a stream of events, which would arrive when it ends, and
    /// what nobody looks at.
    pub(crate) fn lets_stream(&self, head: &response::Parts) -> bool {
        let Ok(Some(media_type)) = MediaType::of(&head.headers) else {
            return false;
        };
        media_type.is("text", "event-stream") || self.document.is_none() && !is_text(&media_type)
    }

    /// The name of the operation that a request was for.
    pub(crate) fn name_of(&self, matched: Option<Matched>) -> Option<&str> {
        let operation = self.document.as_ref()?.operation(matched?.index)?;
        Some(&operation.id)
    }

    /// The operation that a request is for, if there is a document.
    fn operation<'a>(&'a self, head: &'a request::Parts) -> Result<Option<Found<'a>>, Invalid> {
        self.document
            .as_ref()
            .map(|document| document.find(head))
            .transpose()
    }

    /// A request with a body.
    fn something(
        &self,
        head: &request::Parts,
        body: &Bytes,
        format: RefusalFormat,
        operation: Option<&Operation>,
    ) -> Result<(), Invalid> {
        if body.len() > self.max_body.as_usize() {
            return Err(Invalid::TooLarge(self.max_body));
        }
        let media_type = self.media_type(&head.headers)?;
        self.accepts(media_type.as_ref())?;
        let media = operation
            .map(|operation| operation.media(media_type.as_ref()))
            .transpose()?;
        let is_soap = format != RefusalFormat::Problem;
        let content_type = head.headers.get(CONTENT_TYPE);
        match (media_type, media) {
            (Some(media_type), _) if is_soap => self.soap(head, &media_type, body, format),
            (Some(media_type), Some(media)) => media.check(&media_type, content_type, body, &self.hygiene),
            (Some(media_type), None) => self.body(&media_type, content_type, body),
            (None, _) if self.schema.is_some() || is_soap => Err(self.not_accepted()),
            (None, _) => Ok(()),
        }
    }

    /// A request without a body.
    fn nothing(&self, head: &request::Parts, operation: Option<&Operation>) -> Result<(), Invalid> {
        if let Some(operation) = operation {
            operation.nothing()?;
        }
        if head.method.is_safe() {
            return Ok(());
        }
        let media_type = self.media_type(&head.headers)?;
        if let (Some(operation), Some(media_type)) = (operation, &media_type) {
            operation.empty(media_type, head.headers.get(CONTENT_TYPE), &self.hygiene)?;
        }
        let is_text = |media_type: &MediaType<'_>| {
            media_type.is_json() || media_type.is_xml() || media_type.is("multipart", "form-data")
        };
        // Many clients name a media type whether or not there is a body.
        let takes_body = operation.is_none_or(Operation::has_body);
        let wants_text = takes_body && media_type.as_ref().is_some_and(is_text);
        let wants_schema = self.schema.is_some() && head.method != Method::DELETE;
        if wants_text || wants_schema {
            Err(Invalid::Empty)
        } else {
            Ok(())
        }
    }

    /// The media type, where there is one that all read alike. A body under a content coding would be looked at by nobody.
    fn media_type<'a>(&self, headers: &'a HeaderMap) -> Result<Option<MediaType<'a>>, Invalid> {
        let is_coded = |value: &HeaderValue| !value.as_bytes().eq_ignore_ascii_case(b"identity");
        if headers.get_all(CONTENT_ENCODING).iter().any(is_coded) {
            return Err(Invalid::Coded);
        }
        MediaType::of(headers).map_err(|NoMediaType| self.not_accepted())
    }

    fn accepts(&self, media_type: Option<&MediaType<'_>>) -> Result<(), Invalid> {
        let Some(media_type) = media_type else {
            return if self.content_types.is_empty() {
                Ok(())
            } else {
                Err(self.not_accepted())
            };
        };
        if !self.content_types.is_empty() && !self.content_types.iter().any(|range| range.holds(media_type)) {
            return Err(self.not_accepted());
        }
        let is_form = media_type.is("application", "x-www-form-urlencoded");
        if (media_type.is_json() || media_type.is_xml() || is_form) && !media_type.is_utf8() {
            return Err(Invalid::Charset);
        }
        Ok(())
    }

    fn not_accepted(&self) -> Invalid {
        let ranges: Vec<String> = self.content_types.iter().map(ToString::to_string).collect();
        Invalid::MediaType {
            accepted: HeaderValue::try_from(ranges.join(", "))
                .ok()
                .filter(|_| !ranges.is_empty()),
        }
    }

    fn soap(
        &self,
        head: &request::Parts,
        media_type: &MediaType<'_>,
        body: &Bytes,
        format: RefusalFormat,
    ) -> Result<(), Invalid> {
        if !media_type.is_xml() {
            return Err(self.not_accepted());
        }
        let action = soap::action(&head.headers).map_err(|_| Invalid::AmbiguousAction)?;
        let document = self.hygiene.xml.parse(body)?;
        crate::soap::check(&document, format, action.as_deref())?;
        match &self.schema {
            Some(BodySchema::Xml(schema)) => match crate::soap::content(&document) {
                Some(content) => Ok(schema.check(content)?),
                None => Err(Invalid::Empty),
            },
            Some(BodySchema::Json(_)) | None => Ok(()),
        }
    }

    fn body(
        &self,
        media_type: &MediaType<'_>,
        content_type: Option<&HeaderValue>,
        body: &Bytes,
    ) -> Result<(), Invalid> {
        // What is in another format than the schema would pass by it.
        match &self.schema {
            Some(BodySchema::Json(schema)) if media_type.is_json() => self.hygiene.json(schema, body),
            Some(BodySchema::Xml(schema)) if media_type.is_xml() => {
                let document = self.hygiene.xml.parse(body)?;
                Ok(schema.check(document.root_element())?)
            }
            Some(_) => Err(self.not_accepted()),
            None => self.hygiene.check(media_type, content_type, body),
        }
    }
}

/// Whether the syntax of such a body is looked at.
fn is_text(media_type: &MediaType<'_>) -> bool {
    media_type.is_json() || media_type.is_xml()
}

/// Whether the head announces a body. In HTTP/2 it need not.
fn may_have_body(head: &request::Parts) -> bool {
    let is_nothing = |length: &HeaderValue| length.as_bytes() == b"0";
    head.headers.contains_key(TRANSFER_ENCODING)
        || head
            .headers
            .get(CONTENT_LENGTH)
            .is_some_and(|length| !is_nothing(length))
        || head.headers.contains_key(CONTENT_TYPE) && !head.method.is_safe()
}
