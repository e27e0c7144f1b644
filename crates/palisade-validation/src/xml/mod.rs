//! What XML looks like: well-formed XML 1.0 with namespaces, within bounds, without a document type declaration.
//!
//! 1. The text is looked through before it is parsed ([`palisade_core::xml`]): depth, attributes, namespaces in scope and nodes are bounded,
//!    and there is no document type declaration. So no entity is ever expanded and no other document fetched.
//! 2. Then it is parsed, by a parser that refuses what is not well-formed.
//! 3. It is UTF-8, and says nothing else of itself.
//!
//! What this does not protect against: handlers that follow references on their own, such as `xi:include` or `xsi:schemaLocation`.

use std::borrow::Cow;

use palisade_core::xml::{XmlBounds, XmlExcess};
use roxmltree::{Document, ParsingOptions};

use crate::XmlSettings;

/// Why a body is no XML that is accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum XmlFault {
    /// It is not UTF-8.
    #[error("the XML is not UTF-8 behind byte {0}")]
    NotUtf8(usize),
    /// It has too much of something.
    #[error("the XML has {0}")]
    Excess(XmlExcess),
    /// It is not well-formed.
    #[error("the XML is not well-formed at line {line}, column {column}")]
    Malformed {
        /// From 1 on.
        line: u32,
        /// From 1 on.
        column: u32,
    },
}

impl XmlFault {
    /// For the peer.
    pub(crate) fn public(&self) -> Cow<'static, str> {
        match self {
            Self::NotUtf8(_) | Self::Excess(XmlExcess::Encoding) => "The XML is not UTF-8.".into(),
            Self::Excess(XmlExcess::DocumentType) => "Document type declarations are not accepted.".into(),
            Self::Excess(excess) => format!("The XML has {excess}.").into(),
            Self::Malformed { line, column } => {
                format!("The XML is not well-formed at line {line}, column {column}.").into()
            }
        }
    }
}

/// How much XML may have of what.
#[derive(Debug, Clone, Copy)]
pub(crate) struct XmlLimits(XmlBounds);

impl XmlLimits {
    pub(crate) fn new(settings: &XmlSettings) -> Self {
        let mut bounds = XmlBounds::default();
        bounds.depth = settings.max_depth;
        bounds.attributes = settings.max_attributes;
        bounds.nodes = settings.max_nodes;
        Self(bounds)
    }

    /// Parses a body that is as it should be.
    pub(crate) fn parse<'a>(&self, body: &'a [u8]) -> Result<Document<'a>, XmlFault> {
        let text = std::str::from_utf8(body).map_err(|error| XmlFault::NotUtf8(error.valid_up_to()))?;
        self.0.check(text).map_err(XmlFault::Excess)?;
        let options = ParsingOptions {
            allow_dtd: false,
            // The document itself is one of them there.
            nodes_limit: u32::try_from(self.0.nodes.saturating_add(1)).unwrap_or(u32::MAX),
            ..ParsingOptions::default()
        };
        Document::parse_with_options(text, options).map_err(|error| match error {
            roxmltree::Error::DtdDetected => XmlFault::Excess(XmlExcess::DocumentType),
            roxmltree::Error::NodesLimitReached => XmlFault::Excess(XmlExcess::Nodes),
            roxmltree::Error::AttributesLimitReached => XmlFault::Excess(XmlExcess::Attributes),
            roxmltree::Error::NamespacesLimitReached => XmlFault::Excess(XmlExcess::Namespaces),
            error => XmlFault::Malformed {
                line: error.pos().row,
                column: error.pos().col,
            },
        })
    }
}

#[cfg(test)]
mod tests;
