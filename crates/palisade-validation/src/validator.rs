//! All that is expected of a message, compiled.

use bytes::Bytes;
use http::header::{
    CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue, TRANSFER_ENCODING,
};
use http::{Method, request, response};
use palisade_core::media::{MediaType, NoMediaType};
use palisade_core::settings::ByteSize;
use palisade_core::{RefusalFormat, soap};

use crate::form::FormLimits;
use crate::json::JsonLimits;
use crate::media::MediaRange;
use crate::parameters::Parameters;
use crate::rejection::Invalid;
use crate::schema::Schema;
use crate::xml::XmlLimits;
use crate::{MultipartSettings, form, json, multipart};

/// What is expected.
#[derive(Debug)]
pub(crate) struct Validator {
    /// Empty where any is accepted.
    pub(crate) content_types: Vec<MediaRange>,
    pub(crate) max_body: ByteSize,
    pub(crate) json: JsonLimits,
    pub(crate) xml: XmlLimits,
    pub(crate) form: FormLimits,
    pub(crate) multipart: MultipartSettings,
    pub(crate) parameters: Parameters,
    pub(crate) schema: Option<Schema>,
}

impl Validator {
    /// What the head alone tells: before a byte of the body is read.
    pub(crate) fn head(&self, head: &request::Parts) -> Result<(), Invalid> {
        self.parameters.check(head)?;
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
            }
        }
        Ok(())
    }

    /// The whole request.
    pub(crate) fn request(
        &self,
        head: &request::Parts,
        body: &Bytes,
        format: RefusalFormat,
    ) -> Result<(), Invalid> {
        if body.is_empty() {
            return self.nothing(head);
        }
        if body.len() > self.max_body.as_usize() {
            return Err(Invalid::TooLarge(self.max_body));
        }
        let media_type = self.media_type(&head.headers)?;
        self.accepts(media_type.as_ref())?;
        let is_soap = format != RefusalFormat::Problem;
        let content_type = head.headers.get(CONTENT_TYPE);
        match media_type {
            Some(media_type) if is_soap => self.soap(head, &media_type, body, format),
            Some(media_type) => self.body(&media_type, content_type, body),
            None if self.schema.is_some() || is_soap => Err(self.not_accepted()),
            None => Ok(()),
        }
    }

    /// The whole answer: its syntax alone.
    pub(crate) fn response(&self, head: &response::Parts, body: &Bytes) -> Result<(), Invalid> {
        if body.is_empty() {
            return Ok(());
        }
        let media_type = MediaType::of(&head.headers).map_err(|NoMediaType| self.not_accepted())?;
        let Some(media_type) = media_type else {
            return Ok(());
        };
        if head.headers.contains_key(CONTENT_ENCODING) {
            return Ok(());
        }
        if media_type.is_json() {
            json::check(body, &self.json)?;
        } else if media_type.is_xml() {
            self.xml.parse(body)?;
        }
        Ok(())
    }

    /// A request without a body.
    fn nothing(&self, head: &request::Parts) -> Result<(), Invalid> {
        if head.method.is_safe() {
            return Ok(());
        }
        let media_type = self.media_type(&head.headers)?;
        let wants_text = media_type.is_some_and(|media_type| {
            media_type.is_json() || media_type.is_xml() || media_type.is("multipart", "form-data")
        });
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
        if (media_type.is_json() || media_type.is_xml()) && !media_type.is_utf8() {
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
        let document = self.xml.parse(body)?;
        crate::soap::check(&document, format, action.as_deref())?;
        Ok(())
    }

    fn body(
        &self,
        media_type: &MediaType<'_>,
        content_type: Option<&HeaderValue>,
        body: &Bytes,
    ) -> Result<(), Invalid> {
        if media_type.is_json() {
            return match &self.schema {
                Some(schema) => self.matches(schema, body),
                None => Ok(json::check(body, &self.json).map(drop)?),
            };
        }
        if self.schema.is_some() {
            // A schema is about JSON: what is none would pass by it.
            return Err(self.not_accepted());
        }
        if media_type.is_xml() {
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
    fn matches(&self, schema: &Schema, body: &Bytes) -> Result<(), Invalid> {
        if self.json.names_are_unique() {
            let tree = json::read(body, &self.json)?;
            return Ok(schema.check_tree(&tree)?);
        }
        json::check(body, &self.json)?;
        // Of names that stand twice the last one counts, as it does for handlers that read with the same parser.
        match serde_json::from_slice(body) {
            Ok(instance) => Ok(schema.check(&instance)?),
            Err(_) => Err(Invalid::Unparsed),
        }
    }
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
