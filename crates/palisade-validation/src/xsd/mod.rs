//! XML Schema (XSD 1.0) for bodies in XML, and for what SOAP bodies hold.
//!
//! 1. A body is checked once it has passed the crate's own hygiene: bounded, well-formed, without document types.
//! 2. A schema may include and import files below its own folder, and nothing else. Nothing is ever fetched, and `xsi:schemaLocation` of a
//!    body is not followed.
//! 3. Everything that a schema refers to must be there, and every content model must be one that is matched with bounded work for
//!    each element. What is not is an error at start.
//! 4. What is told of a body that does not match is in words of the schema: names and facets, never a value.
//! 5. The crate that does it (`xsd-schema`, decision 10) keeps the names of bodies in a table that does not shrink and that threads may not
//!    share. So each check has a table to itself, from a pool; one that has grown is thrown away.
//!
//! All of it is behind the feature `xsd`. Without it a schema in XSD is an error at start.
//!
//! What this does not protect against: XSD 1.1 (assertions, alternatives) is refused at start, not read. Defaults of a schema are not put
//! into the body. The headers of SOAP messages are not checked.

use std::path::Path;

#[cfg(not(feature = "xsd"))]
mod absent;
#[cfg(feature = "xsd")]
mod effort;
#[cfg(feature = "xsd")]
mod known;
#[cfg(feature = "xsd")]
mod place;
#[cfg(feature = "xsd")]
mod schema;
#[cfg(feature = "xsd")]
mod source;
#[cfg(feature = "xsd")]
mod walk;
#[cfg(feature = "xsd")]
mod wording;

#[cfg(not(feature = "xsd"))]
pub(crate) use self::absent::XmlSchema;
#[cfg(feature = "xsd")]
pub(crate) use self::schema::XmlSchema;

/// Whether a schema's file is an XML Schema by its name; others are JSON Schemas.
pub(crate) fn is_xsd(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("xsd"))
}

#[cfg(test)]
#[cfg(feature = "xsd")]
mod tests;
