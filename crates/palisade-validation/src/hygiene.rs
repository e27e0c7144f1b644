//! What a body must be by its media type alone, before any schema.

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, HeaderValue};
use http::{StatusCode, response};
use palisade_core::media::MediaType;

use crate::form::FormLimits;
use crate::json::JsonLimits;
use crate::rejection::{AnswerFault, Invalid};
use crate::schema::Schema;
use crate::xml::XmlLimits;
use crate::{MultipartSettings, form, json, multipart};

/// The bounds of each format.
#[derive(Debug)]
pub(crate) struct Hygiene {
    pub(crate) json: JsonLimits,
    pub(crate) xml: XmlLimits,
    pub(crate) form: FormLimits,
    pub(crate) multipart: MultipartSettings,
}

impl Hygiene {
    /// Looks through a body that is not empty; those of media types that nobody knows here pass.
    pub(crate) fn check(
        &self,
        media_type: &MediaType<'_>,
        content_type: Option<&HeaderValue>,
        body: &Bytes,
    ) -> Result<(), Invalid> {
        if media_type.is_json() {
            json::check(body, &self.json)?;
        } else if media_type.is_xml() {
            self.xml.parse(body)?;
        } else if media_type.is("application", "x-www-form-urlencoded") {
            form::check(body, self.form)?;
        } else if media_type.is("multipart", "form-data")
            && let Some(content_type) = content_type
        {
            multipart::check(content_type, body, &self.multipart)?;
        }
        Ok(())
    }

    /// Looks through a body in JSON, and checks it against a schema.
    pub(crate) fn json(&self, schema: &Schema, body: &Bytes) -> Result<(), Invalid> {
        if self.json.names_are_unique() {
            let tree = json::read(body, &self.json)?;
            return Ok(schema.check_tree(&tree)?);
        }
        json::check(body, &self.json)?;
        // Of names that stand twice, the last one counts, as it does for handlers that read with the same parser.
        match serde_json::from_slice(body) {
            Ok(instance) => Ok(schema.check(&instance)?),
            Err(_) => Err(Invalid::Unparsed),
        }
    }
}

/// Whether the body of an answer is there as it is: whole, and under no content coding.
pub(crate) fn can_be_looked_at(head: &response::Parts) -> Result<(), AnswerFault> {
    let is_coded = |value: &HeaderValue| !value.as_bytes().eq_ignore_ascii_case(b"identity");
    if head.headers.get_all(CONTENT_ENCODING).iter().any(is_coded) {
        return Err(AnswerFault::Coded);
    }
    if head.status == StatusCode::PARTIAL_CONTENT {
        return Err(AnswerFault::Partial);
    }
    Ok(())
}
