//! What the validator found, in words of the schema alone.
//!
//! The crate's messages quote values of the body. Of them only that is taken over which stands in the schema: limits of facets, and names.

use xsd_schema::validation::ValidationError;

use super::known::Known;
use crate::schema::Violation;

/// The rule of content models (XML Schema part 1, cvc-complex-type 2.4).
pub(super) const CONTENT: &str = "cvc-complex-type.2.4";
/// The rule that an element must be declared.
const DECLARED: &str = "cvc-elt.1";
/// The rule that a field of a constraint must be a value.
const FIELD: &str = "cvc-identity-constraint.4";
/// How many characters of the schema are quoted in one place.
const MAX_QUOTE: usize = 120;

/// Whether a violation is no news beside one that is told already.
pub(super) fn says_it_all(told: &Violation, violation: &Violation) -> bool {
    let is_there = told.pointer == violation.pointer;
    let is_content = told.keyword == CONTENT;
    // Nobody knows the type of an element that stands where it may not, nor what is in it.
    let is_below = violation.pointer.starts_with(&told.pointer);
    is_there && (told.message == violation.message || (is_content && violation.keyword == CONTENT))
        || is_content && is_below && (violation.keyword == DECLARED || violation.keyword == FIELD)
}

/// The keyword of what was found, and the end of a sentence that begins with its place.
pub(super) fn of(error: &ValidationError, is_misplaced: bool, known: &Known) -> (&'static str, String) {
    let constraint = error.constraint;
    if let Some(facet) = facet(constraint) {
        let limit = limit(&error.message).filter(|limit| known.is_facet(limit));
        return (facet, of_facet(facet, limit));
    }
    let name = quoted(&error.message).filter(|name| known.is_name(name));
    let message = match constraint {
        CONTENT if is_misplaced => "is not expected here".to_owned(),
        CONTENT => "must hold more elements than it does".to_owned(),
        DECLARED => "is not declared".to_owned(),
        "cvc-complex-type.2.1" => "must be empty".to_owned(),
        "cvc-complex-type.2.3" => "must hold elements, and no text between them".to_owned(),
        "cvc-complex-type.3" | "cvc-complex-type.3.2.1" | "cvc-complex-type.3.2.2" => {
            "is not expected".to_owned()
        }
        "cvc-complex-type.4" => with_name("must have the attribute", name, "lacks an attribute"),
        "cvc-elt.2" | "cvc-type.2" => "is abstract: another that takes its place is expected".to_owned(),
        "cvc-elt.3.1" => "must not be nil".to_owned(),
        "cvc-elt.3.2.1" | "cvc-elt.3.2.2" => "must be empty where it is nil".to_owned(),
        "cvc-elt.4.1" | "cvc-elt.4.2" | "cvc-elt.4.3" => "has an `xsi:type` that is not accepted".to_owned(),
        "cvc-elt.5.2.2" | "cvc-elt.5.2.2.1" | "cvc-elt.5.2.2.2" | "cvc-attribute.4" => {
            "must have its fixed value".to_owned()
        }
        "cvc-datatype-valid" => of_type(&error.message),
        "cvc-datatype-valid.1.2.1" | "cvc-simple-type" | "cvc-type" => {
            "must be a value of its type".to_owned()
        }
        "cvc-id.1" => "must refer to an ID in the body".to_owned(),
        "cvc-id.2" => "must be an ID that stands nowhere else".to_owned(),
        FIELD => "must be a value, as a field of a constraint".to_owned(),
        "cvc-identity-constraint.4.2.1" => with_name(
            "must have all fields of the key",
            name,
            "lacks a field of its key",
        ),
        "cvc-identity-constraint.4.2.2" => {
            with_name("must differ from others by", name, "must differ from others")
        }
        "cvc-identity-constraint.4.3" => {
            with_name("must refer to a key that is there, by", name, "refers to no key")
        }
        _ => "does not match".to_owned(),
    };
    (
        if constraint.starts_with("cvc-") {
            constraint
        } else {
            "schema"
        },
        message,
    )
}

/// The facet that a rule is about.
fn facet(constraint: &'static str) -> Option<&'static str> {
    const FACETS: [&str; 12] = [
        "length",
        "minLength",
        "maxLength",
        "pattern",
        "enumeration",
        "minInclusive",
        "maxInclusive",
        "minExclusive",
        "maxExclusive",
        "totalDigits",
        "fractionDigits",
        "explicitTimezone",
    ];
    let facet = constraint.strip_prefix("cvc-")?.strip_suffix("-valid")?;
    FACETS.contains(&facet).then_some(facet)
}

fn of_facet(facet: &str, limit: Option<&str>) -> String {
    let rule = match facet {
        "length" => "must have the length",
        "minLength" => "must have at least the length",
        "maxLength" => "must have at most the length",
        "pattern" => "must match the pattern",
        "enumeration" => return "must be one of the values of its type".to_owned(),
        "minInclusive" => "must be at least",
        "maxInclusive" => "must be at most",
        "minExclusive" => "must be more than",
        "maxExclusive" => "must be less than",
        "totalDigits" => "must have digits of at most the number",
        _ => "must have digits behind the point of at most the number",
    };
    match limit {
        Some(limit) => format!("{rule} `{}`", short(limit)),
        None => format!("must keep to the facet `{facet}` of its type"),
    }
}

/// The name of the built-in type whose lexical space a value is not in: the second word, which the crate has from the schema.
fn of_type(message: &str) -> String {
    let name = message
        .strip_prefix("Invalid ")
        .and_then(|rest| rest.split_once(" value '"))
        .map(|(name, _)| name)
        .filter(|name| name.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    match name {
        Some(name) => format!("must be a value of the type `{name}`"),
        None => "must be a value of its type".to_owned(),
    }
}

/// What a message about a facet ends with: the facet's value.
fn limit(message: &str) -> Option<&str> {
    const BEFORE: [&str; 3] = [" pattern '", " than '", " minimum '"];
    if let Some(text) = message.strip_suffix('\'') {
        let start = BEFORE
            .iter()
            .chain(&[" maximum '"])
            .filter_map(|before| Some(text.rfind(before)? + before.len()))
            .max()?;
        return text.get(start..);
    }
    message.rsplit(' ').next()
}

/// The first thing that a message quotes.
fn quoted(message: &str) -> Option<&str> {
    message.split('\'').nth(1)
}

fn with_name(rule: &str, name: Option<&str>, otherwise: &str) -> String {
    match name {
        Some(name) => format!("{rule} `{}`", short(name)),
        None => otherwise.to_owned(),
    }
}

fn short(text: &str) -> String {
    match text.char_indices().nth(MAX_QUOTE) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
