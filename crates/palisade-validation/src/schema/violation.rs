//! What is wrong with an instance, in words of the schema alone.

use std::borrow::Cow;
use std::collections::HashSet;
use std::error::Error;
use std::fmt::{self, Write as _};

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::paths::LocationSegment;
use jsonschema::{JsonType, ValidationError};
use serde_json::{Map, Value};

use super::instance::Effort;
use super::keyword::shown;

/// How many violations are told at most.
pub const MAX_VIOLATIONS: usize = 32;
/// How many bytes a pointer may have.
const MAX_POINTER: usize = 512;
/// How many characters of the schema are quoted in one place.
const MAX_QUOTE: usize = 120;
/// How many members that are not expected are told in one violation.
const MAX_UNEXPECTED: usize = 8;

/// Why an instance does not match a schema. Nothing in it is the peer's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violations {
    /// The first ones that were found: at least one, at most [`MAX_VIOLATIONS`]. After the one of an `anyOf` or
    /// `oneOf` come those of the alternative that was meant, if that is plain.
    pub list: Vec<Violation>,
    /// Whether there were more.
    pub has_more: bool,
}

impl Violations {
    /// What is wrong is not known, or not in one place.
    pub(super) fn of_all(message: &'static str) -> Self {
        let all = Violation {
            pointer: String::new(),
            keyword: Cow::Borrowed("schema"),
            message: message.into(),
        };
        Self {
            list: vec![all],
            has_more: false,
        }
    }

    /// Words the errors that are to be trusted.
    pub(super) fn from_errors<'a>(
        errors: impl Iterator<Item = ValidationError<'a>>,
        instance: &Value,
        is_known: &dyn Fn(&str) -> bool,
    ) -> Self {
        let mut violations = Self {
            list: Vec::new(),
            has_more: false,
        };
        for error in errors {
            let mut open = vec![&error as &ValidationError<'_>];
            while let Some(error) = open.pop() {
                violations.add(error, instance, is_known);
                if violations.list.len() == MAX_VIOLATIONS && violations.has_more {
                    return violations;
                }
                open.extend(meant(error).into_iter().flat_map(|branch| branch.iter().rev()));
            }
        }
        violations
    }

    fn add(&mut self, error: &ValidationError<'_>, instance: &Value, is_known: &dyn Fn(&str) -> bool) {
        if !Effort::is_trusted(error.instance()) {
            self.has_more = true;
            return;
        }
        let violation = Violation::new(error, instance, is_known);
        if self.list.contains(&violation) {
            return;
        }
        if self.list.len() == MAX_VIOLATIONS {
            self.has_more = true;
        } else {
            self.list.push(violation);
        }
    }

    /// What the peer is told of all of them together.
    pub fn public(&self) -> Cow<'static, str> {
        Cow::Borrowed("The body does not match its schema.")
    }
}

impl fmt::Display for Violations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the instance does not match its schema")?;
        for (index, violation) in self.list.iter().enumerate() {
            write!(f, "{} {violation}", if index == 0 { ":" } else { ";" })?;
        }
        if self.has_more {
            f.write_str("; and more")
        } else {
            Ok(())
        }
    }
}

impl Error for Violations {}

/// One rule of the schema that the instance breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Where in the instance: a JSON Pointer (RFC 6901). It ends above the first name that does not stand in the
    /// schema: such names are the peer's text. The message then says which member it is, by its place.
    pub pointer: String,
    /// The keyword of the rule, such as `maxLength`; `false` for the schema that nothing matches, and `schema`
    /// where no single rule can be told.
    pub keyword: Cow<'static, str>,
    /// What the rule asks for, as the end of a sentence that begins with the place.
    pub message: String,
}

impl Violation {
    fn new(error: &ValidationError<'_>, root: &Value, is_known: &dyn Fn(&str) -> bool) -> Self {
        let place = Place::find(error.instance_path().segments(), root, is_known);
        let rule = wording(error, root.pointer(error.instance_path().as_str()));
        let message = match place.within {
            Some(within) => format!("{within}: {rule}"),
            None => rule,
        };
        let keyword = match error.kind().keyword() {
            "falseSchema" => Cow::Borrowed("false"),
            keyword => Cow::Owned(shown(keyword).to_owned()),
        };
        Self {
            pointer: place.pointer,
            keyword,
            message,
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` {} ({})", self.pointer, self.message, self.keyword)
    }
}

/// Of the alternatives that an instance does not match, the one that it was meant for, if that is plain: the only
/// one that does not already fail by a `const` or `enum`, by its type, or by which members there are.
fn meant<'a>(error: &'a ValidationError<'_>) -> Option<&'a Vec<ValidationError<'static>>> {
    use ValidationErrorKind as Kind;
    let (Kind::AnyOf { context } | Kind::OneOfNotValid { context }) = error.kind() else {
        return None;
    };
    let here = error.instance_path().segments().count();
    let decides = |error: &ValidationError<'_>| {
        let below = error.instance_path().segments().count().saturating_sub(here);
        match error.kind() {
            Kind::Constant { .. } | Kind::Enum { .. } => below <= 1,
            Kind::Type { .. }
            | Kind::Required { .. }
            | Kind::AdditionalProperties { .. }
            | Kind::UnevaluatedProperties { .. }
            | Kind::FalseSchema => below == 0,
            _ => false,
        }
    };
    let mut candidates = context.iter().filter(|branch| !branch.iter().any(decides));
    candidates.next().filter(|_| candidates.next().is_none())
}

/// The names that stand in a schema: those may be told, since whoever wrote the schema wrote them.
#[derive(Debug, Default)]
pub(super) struct Names(HashSet<Box<str>>);

impl Names {
    /// Adds every name of a member, and every text that is an item of an array (`required` and the like).
    pub(super) fn learn(&mut self, document: &Value) {
        let mut open = vec![document];
        while let Some(value) = open.pop() {
            match value {
                Value::Array(items) => {
                    self.0
                        .extend(items.iter().filter_map(Value::as_str).map(Box::from));
                    open.extend(items);
                }
                Value::Object(members) => {
                    self.0.extend(members.keys().map(|name| Box::from(name.as_str())));
                    open.extend(members.values());
                }
                _ => (),
            }
        }
    }

    pub(super) fn know(&self, name: &str) -> bool {
        self.0.contains(name)
    }
}

/// Where in an instance, in words of the schema.
struct Place {
    pointer: String,
    /// Where below `pointer`, if a name on the way is the peer's.
    within: Option<String>,
}

impl Place {
    fn find<'a>(
        segments: impl Iterator<Item = LocationSegment<'a>>,
        root: &Value,
        is_known: &dyn Fn(&str) -> bool,
    ) -> Self {
        let mut place = Self {
            pointer: String::new(),
            within: None,
        };
        let mut value = Some(root);
        for segment in segments {
            let token = match &segment {
                LocationSegment::Index(index) => index.to_string(),
                LocationSegment::Property(name) if is_known(name) => escape(name),
                LocationSegment::Property(name) => {
                    place.unknown(value.and_then(Value::as_object), name);
                    value = value.and_then(|value| value.get(name.as_ref()));
                    continue;
                }
            };
            value = match &segment {
                LocationSegment::Index(index) => value.and_then(|value| value.get(index)),
                LocationSegment::Property(name) => value.and_then(|value| value.get(name.as_ref())),
            };
            let path = place.within.as_mut().unwrap_or(&mut place.pointer);
            if path.len() + token.len() >= MAX_POINTER {
                let within = place.within.get_or_insert_default();
                within.push_str(if within.is_empty() {
                    "far below"
                } else {
                    " far below"
                });
                break;
            }
            path.push('/');
            path.push_str(&token);
        }
        place
    }

    fn unknown(&mut self, members: Option<&Map<String, Value>>, name: &str) {
        let nth = members.and_then(|members| nth(members, name));
        let within = self.within.get_or_insert_with(|| "in".to_owned());
        if within.len() < MAX_POINTER {
            let _ = match nth {
                Some(nth) => write!(within, " member {nth}"),
                None => write!(within, " a member"),
            };
        }
    }
}

/// As how manieth a member was sent; the first is 1.
fn nth(members: &Map<String, Value>, name: &str) -> Option<usize> {
    members
        .keys()
        .position(|other| other == name)
        .map(|index| index + 1)
}

/// A name as a token of a JSON Pointer (RFC 6901 section 3).
pub(super) fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// What a rule asks for. Upgrades of the schema crate that know new rules do not compile until they are worded.
fn wording(error: &ValidationError<'_>, at: Option<&Value>) -> String {
    use ValidationErrorKind as Kind;
    match error.kind() {
        Kind::AdditionalItems { limit } => {
            format!("may have {} only", plural(*limit as u64, "item"))
        }
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            not_expected(unexpected, at)
        }
        Kind::UnevaluatedItems { unexpected } => {
            format!(
                "has {} that the schema does not expect",
                plural(unexpected.len() as u64, "item")
            )
        }
        Kind::AnyOf { context } => format!("matches none of {} alternatives", context.len()),
        Kind::OneOfNotValid { context } => {
            format!("matches none of {} alternatives", context.len())
        }
        Kind::OneOfMultipleValid { context } => {
            format!(
                "matches more than one of {} alternatives that exclude each other",
                context.len()
            )
        }
        Kind::BacktrackLimitExceeded { .. } | Kind::RegexEngineFailure { .. } => {
            "could not be compared with the pattern".to_owned()
        }
        Kind::Constant { expected_value } => {
            format!("must be {}", quote(&expected_value.to_string()))
        }
        Kind::Contains => "does not have as many items of a certain kind as it must".to_owned(),
        Kind::ContentEncoding { content_encoding } => {
            format!("must be encoded as {}", quote(content_encoding))
        }
        Kind::FromUtf8 { .. } => "must be text once it is decoded".to_owned(),
        Kind::ContentMediaType { content_media_type } => {
            format!("must be {}", quote(content_media_type))
        }
        Kind::Custom { message, .. } => message.clone(),
        Kind::Enum { options } => format!("must be one of {}", quote(&options.to_string())),
        Kind::ExclusiveMaximum { limit } => format!("must be less than {limit}"),
        Kind::ExclusiveMinimum { limit } => format!("must be more than {limit}"),
        Kind::Maximum { limit } => format!("must be at most {limit}"),
        Kind::Minimum { limit } => format!("must be at least {limit}"),
        Kind::MultipleOf { multiple_of } => format!("must be a multiple of {multiple_of}"),
        Kind::FalseSchema => "must not be there".to_owned(),
        Kind::Format { format } => format!("must be in the format {}", quote(format)),
        Kind::MaxItems { limit } => format!("must have at most {}", plural(*limit, "item")),
        Kind::MinItems { limit } => format!("must have at least {}", plural(*limit, "item")),
        Kind::MaxLength { limit } => format!("must have at most {}", plural(*limit, "character")),
        Kind::MinLength { limit } => format!("must have at least {}", plural(*limit, "character")),
        Kind::MaxProperties { limit } => format!("must have at most {}", plural(*limit, "member")),
        Kind::MinProperties { limit } => format!("must have at least {}", plural(*limit, "member")),
        Kind::Not { .. } => "matches what it must not".to_owned(),
        Kind::Pattern { pattern } => must_match(pattern),
        Kind::PropertyNames { error } => {
            format!("has a member whose name {}", wording(error, None))
        }
        Kind::Required { property } => {
            let name = property
                .as_str()
                .map_or_else(|| property.to_string(), str::to_owned);
            format!("must have the member {}", quote(&name))
        }
        Kind::Type { kind } => format!("must be {}", types(kind)),
        Kind::UniqueItems => "must not have two equal items".to_owned(),
        Kind::Referencing(_) => "is to be checked against a schema that cannot be found".to_owned(),
    }
}

/// What `pattern` asks for.
pub(super) fn must_match(pattern: &str) -> String {
    format!("must match the pattern {}", quote(pattern))
}

/// Members that must not be there, by their place: their names are the peer's text.
fn not_expected(unexpected: &[String], at: Option<&Value>) -> String {
    let members = at.and_then(Value::as_object);
    let mut places: Vec<usize> = unexpected
        .iter()
        .take(MAX_UNEXPECTED)
        .filter_map(|name| members.and_then(|members| nth(members, name)))
        .collect();
    places.sort_unstable();
    let mut message = format!(
        "has {} that the schema does not expect",
        plural(unexpected.len() as u64, "member")
    );
    for (index, place) in places.iter().enumerate() {
        let _ = write!(message, "{} {place}", if index == 0 { ": member" } else { "," });
    }
    if unexpected.len() > places.len() && !places.is_empty() {
        message.push_str(" and others");
    }
    message
}

fn types(kind: &TypeKind) -> String {
    match kind {
        TypeKind::Single(kind) => a(*kind).to_owned(),
        TypeKind::Multiple(kinds) => kinds.iter().map(a).collect::<Vec<_>>().join(" or "),
    }
}

fn a(kind: JsonType) -> &'static str {
    match kind {
        JsonType::Array => "an array",
        JsonType::Boolean => "a boolean",
        JsonType::Integer => "an integer",
        JsonType::Null => "null",
        JsonType::Number => "a number",
        JsonType::Object => "an object",
        JsonType::String => "a string",
    }
}

fn plural(count: u64, what: &str) -> String {
    if count == 1 {
        format!("1 {what}")
    } else {
        format!("{count} {what}s")
    }
}

/// A text of the schema, or the beginning of it.
pub(super) fn quote(text: &str) -> String {
    match text.char_indices().nth(MAX_QUOTE) {
        Some((end, _)) => format!("`{}…`", text.get(..end).unwrap_or_default()),
        None => format!("`{text}`"),
    }
}
