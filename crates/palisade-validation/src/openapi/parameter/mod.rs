//! The parameters of an operation: what a document says of path, query, header and cookies.
//!
//! 1. Parameters of the operation stand in for those of its path with the same name and place. A variable of the path
//!    template without a parameter, or the reverse, is an error at start.
//! 2. A parameter has a `schema`, and is written as [`style`](super::style) has it; or it has `content` of one media type: JSON, which is
//!    looked through as bodies are and then matched, or `text/plain`. Others cannot be read, which is an error at start.
//! 3. A parameter that is no array and no object may be there once. So may each member of an object. Names of the query are compared once
//!    decoded; those of header fields without regard to case.
//! 4. An object that is exploded takes the names that its schema gives to its members. Where it speaks of others too
//!    (`additionalProperties` or `patternProperties`), it takes all that nobody else knows. Two parameters that take the same names are an
//!    error at start.
//! 5. A parameter of the query that no parameter takes, and nobody else knows, is refused where unknown ones are. Else it passes, if it can
//!    be decoded.
//! 6. `allowEmptyValue` lets `n=` and `n` pass as a parameter that is not used. It is of `style: form` alone, as the standard says.
//! 7. Header fields `Accept`, `Content-Type` and `Authorization` are not parameters (OpenAPI 3.1.1, "Parameter Object"). A header field
//!    that is a list may come in several lines (RFC 9110 section 5.3).
//! 8. Cookies are pairs parted by `;`, in one field or several (RFC 9113 section 8.2.3). Their values are percent-decoded, which is what
//!    `form` means, but for those with `content: text/plain`. A cookie that is there twice, or whose name is escaped, is refused: readers
//!    differ on which one it is.
//!
//! A refusal names the parameter as the document has it, and the first rule that is broken.
//!
//! What this does not protect against: a handler that reads parameters which the document does not name, while unknown ones pass; cookies
//! that are not named here.

mod compile;
mod cookie;
mod expectation;
mod header;
mod query;

#[cfg(test)]
mod tests;

use http::request::Parts;

pub(crate) use header::Header;

use self::cookie::Cookies;
use self::expectation::Expectation;
use self::query::Query;
use super::dialect::Schemas;
use super::document::Node;
use super::style::Pair;
use crate::json::JsonLimits;
use crate::parameters::ParameterFault;
use crate::schema::SchemaErrors;
use crate::settings::Unknown;

/// What is expected of the parameters of an operation.
#[derive(Debug)]
pub(crate) struct Parameters {
    path: Box<[Expectation]>,
    query: Query,
    header: Box<[Header]>,
    cookies: Cookies,
}

impl Parameters {
    /// Compiles the parameters of an operation and of the path it is of. `variables` are those of its path template.
    pub(crate) fn compile(
        path_item: Node<'_>,
        operation: Node<'_>,
        variables: &[impl AsRef<str>],
        schemas: &Schemas,
    ) -> Result<Self, SchemaErrors> {
        compile::compile(path_item, operation, variables, schemas)
    }

    /// Checks the parameters of a request. `path` has the variables of the path template with their values, still encoded. `is_known`
    /// tells of names in the query that someone else looks after.
    pub(crate) fn check(
        &self,
        path: &[(&str, &str)],
        head: &Parts,
        limits: &JsonLimits,
        unknown: Unknown,
        is_known: &dyn Fn(&str) -> bool,
    ) -> Result<(), ParameterFault> {
        for expectation in &self.path {
            let found = path.iter().find(|(name, _)| *name == expectation.name());
            let pair: Option<Pair<'_>> = found.map(|(_, text)| ("".into(), *text));
            expectation.check(pair.as_slice(), limits)?;
        }
        let query = head.uri.query().unwrap_or_default();
        self.query.check(query, limits, unknown, is_known)?;
        for header in &self.header {
            header.check(&head.headers, limits)?;
        }
        self.cookies.check(&head.headers, limits)
    }
}
