//! What is expected of one field of a form: [`Field`].

use std::borrow::Cow;

use palisade_core::media::MediaType;
use serde_json::Value;

use super::fault::FieldProblem;
use super::parts::One;
use crate::json::{self, JsonLimits};
use crate::media::MediaRange;
use crate::multipart::Part;
use crate::openapi::document::Node;
use crate::openapi::style::{Kinds, Layout, Pair, Reading, Shape, decode};
use crate::parameters::Place;
use crate::schema::SchemaError;

/// What is expected of one field.
#[derive(Debug)]
pub(super) struct Field {
    name: Box<str>,
    /// In a URL-encoded form, where the Encoding Object says how.
    layout: Option<Layout>,
    /// Whether there may be a value for each item of an array.
    list: List,
    /// Of the value, or of each item.
    shape: Shape,
    /// What `contentType` says; empty where it says nothing.
    accepted: Box<[MediaRange]>,
    /// What a value is that does not say itself.
    default: Content,
}

/// Whether there may be a value for each item of an array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum List {
    No,
    /// As well as a single value that is no array.
    Maybe,
    Yes,
}

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Content {
    Json,
    Text,
    /// Something that is not looked at, unless it is text.
    Other,
}

impl Field {
    /// Compiles a property with its Encoding Object.
    pub(super) fn compile(
        name: &str,
        shape: &Shape,
        encoding: Option<Node<'_>>,
    ) -> Result<Self, SchemaError> {
        let words = ["style", "explode", "allowReserved"];
        let styled = encoding.filter(|encoding| words.iter().any(|word| encoding.raw(word).is_some()));
        let layout = styled.map(|encoding| layout(name, shape, encoding)).transpose()?;
        let accepted = encoding.map(accepted).transpose()?.unwrap_or_default();
        let kinds = shape.kinds;
        let list = match (kinds.may_be_array(), kinds.is_structured()) {
            (false, _) => List::No,
            (true, false) => List::Maybe,
            (true, true) => List::Yes,
        };
        let shape = if list == List::No {
            shape.clone()
        } else {
            shape.items().cloned().unwrap_or_default()
        };
        let default = match accepted.first() {
            Some(range) => Content::of_range(range),
            None if shape.kinds.has_structure() => Content::Json,
            None => Content::Text,
        };
        Ok(Self {
            name: name.into(),
            layout,
            list,
            shape,
            accepted,
            default,
        })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn layout(&self) -> Option<&Layout> {
        self.layout.as_ref()
    }

    /// The value of all that is given, which is one at least.
    pub(super) fn value(
        &self,
        given: &[One<'_>],
        reading: Reading,
        limits: &JsonLimits,
    ) -> Result<Value, FieldProblem> {
        if let Some(layout) = &self.layout
            && let Some(pairs) = pairs(given)
        {
            return Ok(layout.read(&pairs, reading, limits.max_items())?);
        }
        let is_list = match self.list {
            List::No => false,
            List::Maybe => given.len() > 1 || !reading.is_flat(),
            List::Yes => true,
        };
        match given {
            [one] if is_list => {
                let value = self.one(one, reading, limits)?;
                let is_whole = value.is_array() && !self.shape.kinds.has(Kinds::ARRAY);
                Ok(if is_whole {
                    value
                } else {
                    Value::Array(vec![value])
                })
            }
            [one] => self.one(one, reading, limits),
            _ if !is_list => Err(FieldProblem::Repeated),
            _ if given.len() > limits.max_items() => Err(FieldProblem::TooMany),
            _ => given.iter().map(|one| self.one(one, reading, limits)).collect(),
        }
    }

    fn one(&self, one: &One<'_>, reading: Reading, limits: &JsonLimits) -> Result<Value, FieldProblem> {
        let bytes = bytes(one)?;
        match self.content(one)? {
            Content::Json => read_json(&bytes, limits),
            _ if self.shape.is_file() => Ok(self.shape.file(bytes.len())),
            Content::Text => Ok(self.shape.kinds.read(text(bytes)?, reading)),
            Content::Other => match text(bytes) {
                Ok(text) => Ok(self.shape.kinds.read(text, reading)),
                Err(_) => Ok(Value::String(String::new())),
            },
        }
    }

    /// What a value is, by its own words if it has any.
    fn content(&self, one: &One<'_>) -> Result<Content, FieldProblem> {
        let One::Part(part) = one else {
            return Ok(self.default);
        };
        let own = media_type(part)?;
        if self.accepted.is_empty() {
            // Without a type or a word of the document on it, it is a file.
            let is_file = self.default == Content::Text && self.shape.kinds.is_all();
            return Ok(if is_file { Content::Other } else { self.default });
        }
        let holds = |media_type: &MediaType<'_>| self.accepted.iter().any(|range| range.holds(media_type));
        match own {
            Some(own) if holds(&own) => Ok(Content::of(&own)),
            None if self.default == Content::Json => Ok(Content::Json),
            None if MediaType::parse("text/plain").is_ok_and(|plain| holds(&plain)) => Ok(Content::Text),
            Some(_) | None => Err(FieldProblem::MediaType),
        }
    }
}

/// The value of a field that the schema does not name.
pub(super) fn other(one: &One<'_>, kinds: Kinds, reading: Reading) -> Result<Value, FieldProblem> {
    if let One::Part(part) = one {
        media_type(part)?;
    }
    match text(bytes(one)?) {
        Ok(text) => Ok(kinds.read(text, reading)),
        Err(_) if kinds.is_all() => Ok(Value::String(String::new())),
        Err(problem) => Err(problem),
    }
}

impl Content {
    fn of(media_type: &MediaType<'_>) -> Self {
        if media_type.is_json() {
            Self::Json
        } else if media_type.kind().eq_ignore_ascii_case("text") {
            Self::Text
        } else {
            Self::Other
        }
    }

    /// What stands for a range where a value does not say what it is.
    fn of_range(range: &MediaRange) -> Self {
        let text = range.to_string();
        MediaType::parse(&text).map_or(Self::Other, |media_type| Self::of(&media_type))
    }
}

fn layout(name: &str, shape: &Shape, encoding: Node<'_>) -> Result<Layout, SchemaError> {
    let style = encoding.get("style").and_then(Node::str);
    let explode = encoding.get("explode").and_then(Node::bool);
    let layout = Layout::new(name, Place::Query, (style, explode), shape.clone());
    layout.map_err(|error| encoding.error(error))
}

/// The ranges that `contentType` lists.
fn accepted(encoding: Node<'_>) -> Result<Box<[MediaRange]>, SchemaError> {
    let Some(node) = encoding.get("contentType") else {
        return Ok(Box::default());
    };
    let list = node.str().unwrap_or_default().split(',');
    let ranges: Result<Vec<MediaRange>, _> = list.map(|range| range.trim().parse()).collect();
    let ranges = ranges.map_err(|error| node.error(format_args!("must be a list of what is {error}")))?;
    Ok(ranges.into_boxed_slice())
}

/// What is given as pairs of names and values; `None` for parts.
fn pairs<'b>(given: &[One<'b>]) -> Option<Vec<Pair<'b>>> {
    let pair = |one: &One<'b>| match one {
        One::Pair(member, value) => Some((member.clone(), *value)),
        One::Part(_) => None,
    };
    given.iter().map(pair).collect()
}

/// What a part says of itself. Text is in UTF-8.
fn media_type<'b>(part: &Part<'b>) -> Result<Option<MediaType<'b>>, FieldProblem> {
    let Some(text) = part.content_type else {
        return Ok(None);
    };
    let media_type = MediaType::parse(text).map_err(|_| FieldProblem::MediaType)?;
    if media_type.is_utf8() {
        Ok(Some(media_type))
    } else {
        Err(FieldProblem::MediaType)
    }
}

/// The value itself, decoded.
fn bytes<'b>(one: &One<'b>) -> Result<Cow<'b, [u8]>, FieldProblem> {
    match one {
        One::Pair(_, value) => Ok(match decode(value, Place::Query)? {
            Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
            Cow::Owned(text) => Cow::Owned(text.into_bytes()),
        }),
        One::Part(part) => Ok(Cow::Borrowed(part.content)),
    }
}

fn text(bytes: Cow<'_, [u8]>) -> Result<Cow<'_, str>, FieldProblem> {
    match bytes {
        Cow::Borrowed(bytes) => std::str::from_utf8(bytes)
            .map(Cow::Borrowed)
            .map_err(|_| FieldProblem::NotText),
        Cow::Owned(bytes) => String::from_utf8(bytes)
            .map(Cow::Owned)
            .map_err(|_| FieldProblem::NotText),
    }
}

fn read_json(bytes: &[u8], limits: &JsonLimits) -> Result<Value, FieldProblem> {
    json::check(bytes, limits).map_err(|fault| FieldProblem::Json(fault.unfit))?;
    // What hygiene accepts, the parser does too.
    serde_json::from_slice(bytes).map_err(|_| FieldProblem::Malformed)
}
