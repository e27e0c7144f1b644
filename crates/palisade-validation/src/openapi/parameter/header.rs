//! Fields of a header: [`Header`].

use http::header::{CONTENT_TYPE, HeaderMap, HeaderName};
use smallvec::SmallVec;

use super::expectation::{Expectation, refuse};
use crate::json::JsonLimits;
use crate::openapi::dialect::Schemas;
use crate::openapi::document::Node;
use crate::openapi::style::Pair;
use crate::parameters::{ParameterFault, Place};
use crate::schema::SchemaErrors;

/// What is expected of a field of a header.
#[derive(Debug)]
pub(crate) struct Header {
    name: HeaderName,
    /// Of `Content-Type` nothing is.
    expectation: Option<Expectation>,
}

impl Header {
    /// Compiles a Header Object, or a Parameter Object of the header.
    pub(crate) fn compile(name: &str, node: Node<'_>, schemas: &Schemas) -> Result<Self, SchemaErrors> {
        let field = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| refuse(node, "must be under the name of a header field"))?;
        let expectation = if field == CONTENT_TYPE {
            None
        } else {
            Some(Expectation::compile(Place::Header, name, node, schemas)?)
        };
        Ok(Self {
            name: field,
            expectation,
        })
    }

    /// Checks that field of a header.
    pub(crate) fn check(&self, headers: &HeaderMap, limits: &JsonLimits) -> Result<(), ParameterFault> {
        let Some(expectation) = &self.expectation else {
            return Ok(());
        };
        let mut pairs: SmallVec<[Pair<'_>; 1]> = SmallVec::new();
        for value in headers.get_all(&self.name) {
            // Recipients differ on what is not ASCII (RFC 9110 section 5.5).
            let text = value.to_str();
            let text = text.map_err(|_| ParameterFault::NotText(expectation.parameter().clone()))?;
            pairs.push(("".into(), text));
        }
        expectation.check(&pairs, limits)
    }
}
